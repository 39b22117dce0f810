"""Hosts over ssh, against an ssh server in this process that really runs the commands."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import asyncssh
import pytest

from workers.engine import MigrationError
from workers.hosts.base import CommandFailed, CommandTimedOut, Endpoint, HostUnreachable, script_text
from workers.hosts.ssh import HostClock, connect


class Server(asyncssh.SSHServer):
    def __init__(self, key: asyncssh.SSHKey) -> None:
        self._key = key

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.public_data == self._key.public_data


async def run_for_real(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    given = await process.stdin.read()
    command = partial(subprocess.run, process.command or "", shell=True, input=given, capture_output=True, check=False)
    local = await asyncio.to_thread(command)
    process.stdout.write(local.stdout)
    process.stderr.write(local.stderr)
    process.exit(local.returncode)


@pytest.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[Endpoint]:
    """An ssh server on loopback, and how the portal would know it."""
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "key").write_bytes(user_key.export_private_key())
    (tmp_path / "key").chmod(0o600)
    server = await asyncssh.create_server(
        lambda: Server(user_key),
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        process_factory=run_for_real,
        encoding=None,
    )
    pinned = host_key.export_public_key().decode()
    yield Endpoint(
        "berlin", "127.0.0.1", server.get_port(), "root", str(tmp_path / "key"), pinned, "", 100, "br-access"
    )
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("size", [0, 3_000_000])
async def test_a_file_is_written_whole_and_for_root_alone(endpoint: Endpoint, tmp_path: Path, size: int) -> None:
    file, place = tmp_path / "image.tar", tmp_path / "it's here"
    file.write_bytes(bytes(range(256)) * (size // 256))
    async with connect(endpoint) as host:
        await host.send_file(file, str(place), limit_s=20)
    assert place.read_bytes() == file.read_bytes()
    assert place.stat().st_mode & 0o777 == 0o600


async def test_a_file_that_is_not_there_or_cannot_be_written_is_named(endpoint: Endpoint, tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    async with connect(endpoint) as host:
        with pytest.raises(MigrationError, match=r"The portal cannot read .*image.tar: No such file"):
            await host.send_file(file, str(tmp_path / "place"), limit_s=20)
        file.write_text("image")
        with pytest.raises(CommandFailed, match=r"berlin: .*cannot create"):
            await host.send_file(file, str(tmp_path / "none/place"), limit_s=20)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder in which a test writes its own scripts."""
    monkeypatch.setattr("workers.hosts.base.SCRIPTS", tmp_path)
    monkeypatch.setattr("workers.hosts.base.GUESTS", tmp_path)  # of no technology
    (tmp_path / "common.sh").write_text("")
    script_text.cache_clear()
    yield tmp_path
    script_text.cache_clear()


def changed(endpoint: Endpoint, **values: str) -> Endpoint:
    return Endpoint(**{**vars(endpoint), **values})


async def test_a_script_answers_with_its_values(endpoint: Endpoint, script: Path) -> None:
    (script / "say.sh").write_text('echo "one=$1"\necho "two=a=b"\n')
    async with connect(endpoint) as host:
        assert await host.call("say", "it's; rm -rf $HOME `x`") == {"one": "it's; rm -rf $HOME `x`", "two": "a=b"}


async def test_a_script_that_fails_says_its_last_line(endpoint: Endpoint, script: Path) -> None:
    (script / "fail.sh").write_text("echo details >&2\necho 'the disk is full' >&2\nexit 3\n")
    async with connect(endpoint) as host:
        with pytest.raises(CommandFailed, match="berlin: the disk is full") as caught:
            await host.call("fail")
    assert "details" in caught.value.log


async def test_a_script_that_takes_too_long_is_ended_by_the_host(endpoint: Endpoint, script: Path) -> None:
    (script / "sleep.sh").write_text("sleep 60\n")
    async with connect(endpoint) as host:
        with pytest.raises(CommandTimedOut, match="took longer than 0.2 s"):
            await host.call("sleep", limit_s=0.2)


async def test_the_clock_counts_overlapping_commands_once(endpoint: Endpoint, script: Path) -> None:
    (script / "sleep.sh").write_text("sleep 0.3\n")
    clock = HostClock()
    async with connect(endpoint, clock) as host:
        began = time.monotonic()
        await asyncio.gather(host.call("sleep"), host.call("sleep"))
        passed_s = time.monotonic() - began
    assert 0.3 <= clock.measured_s() <= passed_s, "counted twice it would be more than the time that passed"


async def test_another_host_key_than_the_pinned_one_is_refused(endpoint: Endpoint) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(HostUnreachable, match="another host key than the pinned one"):
        async with connect(changed(endpoint, host_key=other)):
            pass


async def test_a_key_that_the_host_does_not_know_is_refused_with_what_to_do(endpoint: Endpoint, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    wrong.chmod(0o600)
    with pytest.raises(HostUnreachable, match="authorized_keys"):
        async with connect(changed(endpoint, key_file=str(wrong))):
            pass


async def test_a_key_file_that_is_missing_is_said(endpoint: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(HostUnreachable, match="berlin cannot be reached"):
        async with connect(changed(endpoint, key_file=str(tmp_path / "none"))):
            pass


async def test_a_host_that_does_not_answer_is_said(endpoint: Endpoint) -> None:
    with pytest.raises(HostUnreachable, match="berlin cannot be reached"):
        async with connect(Endpoint(**{**vars(endpoint), "port": 1})):
            pass
