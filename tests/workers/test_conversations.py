"""A conversation with a program on a host: line by line, and each end of it in the project's own error."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from tests.workers.test_ssh import Server
from workers.hosts.base import CommandFailed, CommandTimedOut, Endpoint, HostUnreachable
from workers.hosts.ssh import connect

# any of them: the program here is not theirs
SCRIPT = "hosts/meter"
ended = asyncio.Event()


async def program(process: "asyncssh.SSHServerProcess[str]") -> None:
    """Ready at once; what is no question of this test's is the script that was sent before."""
    process.stdout.write(json.dumps({"ready": True}) + "\n")
    try:
        async for line in process.stdin:
            word = line.strip()
            if word == "ask twice":
                process.stdout.write(json.dumps({"answer": 1}) + "\n")
            elif word == "ask nonsense":
                process.stdout.write(json.dumps({"error": "that cannot be done"}) + "\n")
            elif word == "ask too much":
                process.stderr.write("it broke\n")
                return process.exit(3)
            elif word == "ask and go":
                return process.get_extra_info("connection").abort()
    except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged, asyncssh.SignalReceived):
        pass
    finally:
        ended.set()
    return None


@pytest.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[Endpoint]:
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "key").write_bytes(user_key.export_private_key())
    (tmp_path / "key").chmod(0o600)
    server = await asyncssh.create_server(
        lambda: Server(user_key), "127.0.0.1", 0, server_host_keys=[host_key], process_factory=program
    )
    ended.clear()
    yield Endpoint(
        "berlin", "127.0.0.1", server.get_port(), "root", str(tmp_path / "key"), host_key.export_public_key().decode(),
        "", 100, "br-access",
    )  # fmt: skip
    server.close()
    await server.wait_closed()


async def test_each_line_is_answered_until_the_conversation_is_left(endpoint: Endpoint) -> None:
    async with connect(endpoint) as host:
        async with host.talk(SCRIPT) as talking:
            assert await talking.ask("ask twice", limit_s=5) == {"answer": 1}
            assert await talking.ask("ask twice", limit_s=5) == {"answer": 1}
            assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), 5)


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("ask nonsense", CommandFailed, "berlin: that cannot be done"),
        ("ask too much", CommandFailed, "berlin: it broke"),
        ("ask and go", HostUnreachable, "berlin cannot be reached any more"),
        ("say nothing", CommandTimedOut, f"{SCRIPT} took longer than 0.2 s"),
    ],
)
async def test_a_conversation_that_goes_wrong_says_how(
    endpoint: Endpoint, line: str, error: type[Exception], words: str
) -> None:
    async with connect(endpoint) as host:
        with pytest.raises(error, match=words):
            async with host.talk(SCRIPT) as talking:
                await talking.ask(line, limit_s=0.2 if line == "say nothing" else 5)
