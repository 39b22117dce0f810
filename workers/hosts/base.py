"""The protocol of a host, and what a command on it can end in."""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from migrations_app.technologies import TECHNOLOGIES
from workers.engine import MigrationError

from .fence import Fence

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
# each technology's own lie beside its guest, in a folder of its name
GUESTS = SCRIPTS.parent / "guests"


@dataclass(frozen=True)
class Endpoint:
    """How the portal reaches a host, and how other hosts do."""

    name: str
    address: str
    port: int
    user: str
    key_file: str
    host_key: str
    backhaul_address: str
    bandwidth_mbit: int
    access_bridge: str


class HostUnreachable(MigrationError):
    """No connection to the host, or it broke."""


class CommandFailed(MigrationError):
    """A command ended with another status than 0; the last line that it wrote is the reason."""

    def __init__(self, host: str, script: str, status: int | None, output: str) -> None:
        reason = (output.strip().splitlines() or ["it wrote nothing"])[-1]
        super().__init__(f"{host}: {reason}", log=output)
        self.host, self.script, self.status = host, script, status


class CommandTimedOut(MigrationError):
    """A command took longer than its limit; the host was told to end it."""

    def __init__(self, host: str, script: str, limit_s: float) -> None:
        super().__init__(f"{host}: {script} took longer than {limit_s:g} s and was ended.")


class Conversation(Protocol):
    """With a program that runs on a host."""

    async def ask(self, line: str, *, limit_s: float) -> dict[str, Any]:
        """Say a line; the JSON object of the line that answers it. Raises as `MecHost.call` does; what the program could not do
        is its `error`."""
        ...


class MecHost(Protocol):
    """A host as the engine's stages see it. Scripts are named files (`script_file`); arguments are never shell."""

    @property
    def name(self) -> str: ...

    @property
    def endpoint(self) -> Endpoint: ...

    async def call(self, script: str, *arguments: str | int, stdin: str = "", limit_s: float = 30) -> dict[str, str]:
        """Run a script as root with a time limit and return the `key=value` lines that it printed.

        `stdin` is what the script's function `given` prints. Raises CommandFailed, CommandTimedOut or HostUnreachable, each
        with a sentence; LeaseLost when the work is another worker's by now.
        """
        ...

    async def send_file(self, file: Path, place: str, *, limit_s: float) -> None:
        """Write a file of the portal's to a path on the host, whose directory is there. Raises as `call` does."""
        ...

    def talk(self, script: str, *arguments: str | int, stdin: str = "") -> AbstractAsyncContextManager[Conversation]:
        """Run a script whose program answers lines by lines, until left. Raises as `call` does.

        The program says one line when it is ready. It is ended with the connection, so that it outlives nobody who talks to it.
        """
        ...

    def stream(self, script: str, *arguments: str | int, program: str = "") -> AsyncIterator[str]:
        """Run a script and yield its lines while it runs; closing the iterator ends it. Raises as `call` does."""
        ...


def script_file(name: str) -> Path:
    """Where a script lies: TECHNOLOGY/NAME beside the technology's guest, or below `scripts` where all have the same."""
    kind, _slash, rest = name.partition("/")
    if kind not in TECHNOLOGIES:
        return SCRIPTS / f"{name}.sh"
    own = GUESTS / kind / "scripts" / f"{rest}.sh"
    return own if own.exists() else SCRIPTS / f"{rest}.sh"


@cache
def script_text(name: str) -> str:
    """The text of a script file, or of what all scripts share (common)."""
    return script_file(name).read_text()


def shared_by(name: str) -> str:
    """The functions that stand before a script: what all share, and its technology's; all of them where it is of none."""
    kind, _slash, rest = name.partition("/")
    every = [key for key in TECHNOLOGIES if (GUESTS / key / "scripts").is_dir()]
    own = [kind] if kind in every else every
    shared = dict.fromkeys(part for key in own for part in TECHNOLOGIES[key].shares)
    commons = ["common", *(f"shared/{part}" for part in shared), *(f"{key}/common" for key in own)]
    if rest.startswith("layers/"):
        commons += [f"{kind}/layers/common", "layers/common"]
    return "".join([*map(script_text, commons), f"TECHNOLOGIES='{' '.join(own)}'\n"])


def script_for(name: str, given: str = "", fence: Fence | None = None) -> str:
    """A script as a host runs it, behind the functions that all scripts share.

    `given` is what its function `given` prints: encoded, since no word of it may end the here-document and become a command.
    `fence` ends it before its first line when the work is another worker's by now.
    """
    parts = [shared_by(name)]
    if given:
        parts.append(f"given() {{ base64 -d <<'END'\n{b64encode(given.encode()).decode()}\nEND\n}}\n")
    if fence:
        parts.append(f"fence {fence.mark} {fence.number}\n")
    return "".join([*parts, script_text(name)])


def raise_first(results: Iterable[object]) -> None:
    """Raise the first error of what was gathered: a lost lease before all others."""
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in sorted(errors, key=lambda error: isinstance(error, Exception)):
        raise error


def parse_values(output: str) -> dict[str, str]:
    """The `key=value` lines of a script's output."""
    pairs = (line.partition("=") for line in output.splitlines() if "=" in line)
    return {key: value for key, _equals, value in pairs}
