"""A stream whose connection breaks ends in the project's own error, with a sentence."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from tests.workers.test_ssh import Server
from workers.hosts.base import Endpoint, HostUnreachable, script_text
from workers.hosts.ssh import connect
from workers.probe import Question, probing


async def breaks_off(process: "asyncssh.SSHServerProcess[str]") -> None:
    """A host that says one line, and then its connection is gone."""
    process.stdout.write(json.dumps({"now": 0.0, "answers": []}) + "\n")
    await asyncio.sleep(0.1)
    process.get_extra_info("connection").abort()


@pytest.fixture
async def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "key").write_bytes(user_key.export_private_key())
    (tmp_path / "key").chmod(0o600)
    server = await asyncssh.create_server(
        lambda: Server(user_key), "127.0.0.1", 0, server_host_keys=[host_key], process_factory=breaks_off
    )
    monkeypatch.setattr("workers.hosts.base.SCRIPTS", tmp_path)
    for name in ("common", "hosts/probe", "watch"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.sh").write_text("")
    script_text.cache_clear()
    pinned = host_key.export_public_key().decode()
    yield Endpoint(
        "berlin", "127.0.0.1", server.get_port(), "root", str(tmp_path / "key"), pinned, "", 100, "br-access"
    )
    server.close()
    await server.wait_closed()
    script_text.cache_clear()


async def test_a_stream_that_breaks_off_says_which_host_is_gone(endpoint: Endpoint) -> None:
    async with connect(endpoint) as host:
        with pytest.raises(HostUnreachable, match="berlin cannot be reached any more"):
            async for line in host.stream("watch"):
                assert json.loads(line)["answers"] == []


async def test_a_users_side_that_is_gone_is_not_taken_for_a_service_that_does_not_answer(endpoint: Endpoint) -> None:
    question = Question("udp", "10.0.2.10", 9000, b"?", None, "decimal", 0.02)

    async def forget(_rows: object) -> None:
        return None

    async with connect(endpoint) as host, probing(host, question, 0.0, forget) as probe:
        with pytest.raises(HostUnreachable):
            await probe.wait_for_answer(2.0)
