"""Hosts over ssh, by asyncssh: one connection a migration, host keys pinned, a time limit on both ends of each command."""

import asyncio
import contextlib
import json
import os
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from workers.engine import LeaseLost, MigrationError

from .base import CommandFailed, CommandTimedOut, Endpoint, HostUnreachable, parse_values, script_for
from .fence import Fence, current

CONNECT_LIMIT_S = 10
KEEPALIVE_S = 5
# how much longer the portal waits than the host, whose own `timeout` ends the command first
GRACE_S = 5.0
# what a script of an older owner of the work exits with (scripts/common.sh)
REFUSED = 113
# from a shell's start to a program that says that it is ready
TALK_BEGINS_S = 20
# what `timeout` exits with when it ended the command
TIMED_OUT = (124, 137)
WRITE = 'umask 077; exec cat >"$1"'


class SshHost:
    """A MecHost. The clock is shared by all hosts of a migration and measures what goes into their commands."""

    def __init__(
        self, endpoint: Endpoint, connection: asyncssh.SSHClientConnection, clock: "HostClock", fence: Fence | None
    ) -> None:
        self.endpoint = endpoint
        self._connection = connection
        self.clock = clock
        self._fence = fence

    @property
    def name(self) -> str:
        return self.endpoint.name

    async def call(self, script: str, *arguments: str | int, stdin: str = "", limit_s: float = 30) -> dict[str, str]:
        await self.require()
        command = self._command(limit_s, *arguments)
        with self.clock:
            try:
                async with asyncio.timeout(limit_s + GRACE_S):
                    done = await self._run(command, script_for(script, stdin, self._fence))
            except TimeoutError as error:
                raise CommandTimedOut(self.name, script, limit_s) from error
        self.judge(done, script, limit_s)
        return parse_values(str(done.stdout))

    async def _run(self, command: str, text: str) -> asyncssh.SSHCompletedProcess:
        process = await self._start(command)
        try:
            process.stdin.write(text)
            process.stdin.write_eof()
            done = await process.wait()
        except asyncio.CancelledError:
            self._end(process)
            raise
        except (asyncssh.Error, OSError) as error:
            raise self.gone(error) from error
        return done

    def judge(self, done: asyncssh.SSHCompletedProcess, what: str, limit_s: float = 0.0) -> None:
        """Raise what a command that did not succeed means."""
        if done.exit_status is None and done.exit_signal is None:
            raise self.gone("the connection broke")
        if done.exit_status in TIMED_OUT:
            raise CommandTimedOut(self.name, what, limit_s)
        if done.exit_status == REFUSED and self._fence:
            raise LeaseLost(f"{self.name} refuses {what}: {self._fence.mark} is another worker's by now.")
        if done.exit_status != 0:
            raise CommandFailed(self.name, what, done.exit_status, _text(done.stdout) + _text(done.stderr))

    async def send_file(self, file: Path, place: str, *, limit_s: float) -> None:
        await self.require()
        command, what = self._wrapped(limit_s, ["sh", "-c", WRITE, "sh", place]), f"writing {place}"
        with self.clock:
            try:
                async with (
                    asyncio.timeout(limit_s + GRACE_S),
                    self._connection.create_process(command, stdin=file, encoding=None) as process,
                ):
                    done = await process.wait()
            except TimeoutError as error:
                raise CommandTimedOut(self.name, what, limit_s) from error
            except (FileNotFoundError, PermissionError) as error:
                raise MigrationError(f"The portal cannot read {file}: {error.strerror}.") from error
            except (asyncssh.Error, OSError) as error:
                raise self.gone(error) from error
        self.judge(done, what, limit_s)

    async def require(self) -> None:
        """Wait until the work is known to be this worker's still. Raises LeaseLost."""
        if self._fence:
            await self._fence.require()

    @asynccontextmanager
    async def talk(self, script: str, *arguments: str | int, stdin: str = "") -> "AsyncIterator[SshConversation]":
        await self.require()
        # without the lock, as of a stream
        process = await self._start(self._command(86_400, *arguments, lock=False))
        try:
            process.stdin.write(script_for(script, stdin, self._fence))
            talking = SshConversation(self, process, script)
            await talking.answer(TALK_BEGINS_S)
            yield talking
        finally:
            self._end(process)

    async def stream(self, script: str, *arguments: str | int, program: str = "") -> AsyncIterator[str]:
        await self.require()
        # without the lock: a stream that nobody reads any more is nothing that another worker has to wait for
        process = await self._start(self._command(86_400, *arguments, lock=False))
        try:
            process.stdin.write(script_for(script, program, self._fence))
            process.stdin.write_eof()
            async for line in process.stdout:
                yield line.rstrip("\n")
            done = await process.wait()
        except (asyncssh.Error, OSError) as error:
            raise self.gone(error) from error
        finally:
            self._end(process)
        if done.exit_status == REFUSED and self._fence:
            raise LeaseLost(f"{self.name} refuses {script}: {self._fence.mark} is another worker's by now.")
        if done.exit_status is None and done.exit_signal is None:
            raise self.gone("the connection broke")

    def gone(self, why: object) -> HostUnreachable:
        return HostUnreachable(f"{self.name} cannot be reached any more: {why}.")

    async def _start(self, command: str) -> "asyncssh.SSHClientProcess[Any]":
        try:
            return await self._connection.create_process(command, errors="replace")
        except (asyncssh.Error, OSError) as error:
            raise self.gone(error) from error

    def _command(self, limit_s: float, *arguments: str | int, lock: bool = True) -> str:
        """`timeout ... sh -eu -s -- arguments`, quoted here and nowhere else."""
        return self._wrapped(limit_s, ["sh", "-eu", "-s", "--", *map(str, arguments)], lock=lock)

    def _wrapped(self, limit_s: float, words: list[str], *, lock: bool = True) -> str:
        """A command with its time limit, as root."""
        if self._fence and lock:
            # a shared lock, held only by this wrapper, lets another worker wait until a dead one's commands have ended
            words = ["flock", "-s", "-o", f"/run/mec-{self._fence.mark}.lock", *words]
        words = ["timeout", "-k", "2", f"{limit_s:g}", *words]
        if self.endpoint.user != "root":
            words = ["sudo", "-n", *words]
        return shlex.join(words)

    @staticmethod
    def _end(process: "asyncssh.SSHClientProcess[Any]") -> None:
        try:
            process.terminate()
            process.close()
        except OSError:
            pass  # the connection is gone, and sshd ends its commands' channels itself


class SshConversation:
    """A Conversation with a program whose script was sent to a shell before: it reads on where that script ended."""

    def __init__(self, host: SshHost, process: "asyncssh.SSHClientProcess[Any]", script: str) -> None:
        self._host, self._process, self._script = host, process, script

    async def ask(self, line: str, *, limit_s: float) -> dict[str, Any]:
        await self._host.require()
        with self._host.clock:
            try:
                self._process.stdin.write(line + "\n")
            except (asyncssh.Error, OSError) as error:
                raise self._host.gone(error) from error
            return await self.answer(limit_s)

    async def answer(self, limit_s: float) -> dict[str, Any]:
        """The next line that it says."""
        try:
            async with asyncio.timeout(limit_s):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise CommandTimedOut(self._host.name, self._script, limit_s) from error
        except (asyncssh.Error, OSError) as error:
            raise self._host.gone(error) from error
        if not line:
            await self._ended()
        said = json.loads(line)
        if sentence := said.get("error"):
            raise CommandFailed(self._host.name, self._script, 1, sentence)
        return dict(said)

    async def _ended(self) -> None:
        """It said nothing more: raise what its end means."""
        done = await self._process.wait()
        self._host.judge(done, self._script)
        raise CommandFailed(self._host.name, self._script, done.exit_status, "")


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


class HostClock:
    """Measures the seconds in which a host command was running, of all hosts of a migration together."""

    def __init__(self) -> None:
        self._running = 0
        self._since = 0.0
        self._busy_s = 0.0

    def measured_s(self) -> float:
        """Seconds so far in which at least one command was running."""
        return self._busy_s

    def __enter__(self) -> None:
        if self._running == 0:
            self._since = time.monotonic()
        self._running += 1

    def __exit__(self, *_error: object) -> None:
        self._running -= 1
        if self._running == 0:
            self._busy_s += time.monotonic() - self._since


@asynccontextmanager
async def connect(endpoint: Endpoint, clock: HostClock | None = None, *, fenced: bool = True) -> AsyncIterator[SshHost]:
    """Connect to a host whose key must be the pinned one.

    Commands belong to the work under way (fence.py), unless they are not to be `fenced`. Raises HostUnreachable with what to
    do: no answer, a refused key, a changed host key.
    """
    fence = current() if fenced else None
    try:
        connection = await asyncio.wait_for(_open(endpoint), CONNECT_LIMIT_S)
    except TimeoutError as error:
        raise HostUnreachable(
            f"{endpoint.name} does not answer at {endpoint.address} port {endpoint.port}: is it up, and sshd running?"
        ) from error
    except asyncssh.HostKeyNotVerifiable as error:
        raise HostUnreachable(
            f"{endpoint.name} shows another host key than the pinned one: if it was reinstalled, compare the new "
            "fingerprint and pin it on the host's page; if not, somebody may be in between."
        ) from error
    except asyncssh.PermissionDenied as error:
        raise HostUnreachable(
            f"{endpoint.name} refuses the key {endpoint.key_file} for {endpoint.user}: add its public half to the host's "
            "authorized_keys."
        ) from error
    except (asyncssh.Error, OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise HostUnreachable(
            f"{endpoint.name} cannot be reached at {endpoint.address} port {endpoint.port}: {why}."
        ) from error
    async with connection:
        host = SshHost(endpoint, connection, clock or HostClock(), fence)
        yield host
        if fence and not fence.ends_itself:
            with contextlib.suppress(MigrationError):
                await host.call("hosts/forget", fence.mark)


async def _open(endpoint: Endpoint) -> asyncssh.SSHClientConnection:
    pinned = asyncssh.import_public_key(endpoint.host_key)
    return await asyncssh.connect(
        endpoint.address,
        endpoint.port,
        username=endpoint.user,
        client_keys=[endpoint.key_file],
        known_hosts=([pinned], [], []),
        server_host_key_algs=_algorithms(pinned),
        agent_path=None,
        config=None,
        keepalive_interval=KEEPALIVE_S,
        keepalive_count_max=3,
        connect_timeout=CONNECT_LIMIT_S,
    )


def _algorithms(key: asyncssh.SSHKey) -> list[str]:
    """The signature algorithms of the pinned key, so that a host with several keys shows that one."""
    return [algorithm.decode() for algorithm in key.sig_algorithms]
