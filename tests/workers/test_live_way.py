"""What a live migration's key opens on its target, and what its source makes of it, by the real scripts."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.workers.this_machine import ThisMachine
from workers.guests.kvm.live import RELAY


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    machine = ThisMachine(tmp_path)
    machine.tool("getent", f"echo root:x:0:0::{tmp_path}/home:/bin/sh")
    for program in ("socat", "rsync", "python3", "sudo"):
        machine.tool(program, f'echo {program} "$@"')
    return machine


async def opened(here: ThisMachine, user: str, service: str) -> str:
    """The line that the target's sshd reads."""
    here.tool("chown", "exit 0")
    await here.call(
        "transfer/open_target",
        7,
        "ssh-ed25519 B",
        "10.0.1.2",
        user,
        "live" if service else "",
        service,
        stdin=RELAY.read_text(),
    )
    return (here.place.parent / "home/.ssh/authorized_keys").read_text()


def asked(here: ThisMachine, line: str, command: str | None) -> str:
    """What runs when the source asks for `command`, as sshd starts it."""
    forced = line.split('command="')[1].split('" ssh-ed25519')[0].replace('\\"', '"')
    environment = {"PATH": f"{here.tools}:/usr/bin:/bin"} | ({"SSH_ORIGINAL_COMMAND": command} if command else {})
    done = subprocess.run(["sh", "-c", forced], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


RSYNC = "rsync --server --daemon --config={}/incoming/7/rsyncd.conf ."


@pytest.mark.parametrize(
    "command",
    [
        None,
        "rsync --server --daemon .",
        "sh",
        "stream",
        "stream other",
        "stream memory; sh",
        '"; sh; "',
        "$(sh)",
        "-c sh",
    ],
)
async def test_whatever_else_is_asked_for_is_the_rsync_daemon(here: ThisMachine, command: str | None) -> None:
    line = await opened(here, "root", "guest")
    assert asked(here, line, command) == RSYNC.format(here.place)


async def test_a_guests_own_streams_can_be_asked_for_and_nothing_can_be_forwarded(here: ThisMachine) -> None:
    line = await opened(here, "root", "guest")
    assert line.startswith('restrict,from="10.0.1.2",command="')
    sockets = {stream: f"{here.run}/libvirt/mec-7/{stream}.tunnelmigrate.dest.guest" for stream in ("memory", "disk")}
    for stream, socket in sockets.items():
        assert asked(here, line, f"stream {stream}") == f"socat -t 30 -b 65536 - UNIX-CONNECT:{socket}"
    incoming = f"{here.place}/incoming/7"
    words = f"guest {incoming}/domain.xml unix://{sockets['memory']} unix://{sockets['disk']}"
    assert asked(here, line, "stream libvirt").startswith(f"python3 -I {incoming}/relay.py {words} ")


async def test_an_account_with_sudo_gets_them_as_root_and_nothing_more(here: ThisMachine) -> None:
    line = await opened(here, "mec", "guest")
    said = asked(here, line, "stream memory; sh")
    assert said == f"sudo -n sh {here.place}/incoming/7/answer.sh stream memory; sh"


async def test_a_migration_that_is_not_live_has_the_rsync_daemon_alone(here: ThisMachine) -> None:
    line = await opened(here, "root", "")
    assert asked(here, line, "stream libvirt") == RSYNC.format(here.place)
    assert not (here.place / "incoming/7/answer.sh").exists()


# the names of the test's directories are longer than a socket's may be
BIND = """
import os, socket, sys
path = sys.argv[1].removeprefix("UNIX-LISTEN:").split(",")[0]
os.chdir(os.path.dirname(path))
socket.socket(socket.AF_UNIX).bind(os.path.basename(path))
"""


async def test_what_listens_on_the_source_outlives_its_command_and_ends_with_the_way(here: ThisMachine) -> None:
    (here.place.parent / "bind.py").write_text(BIND)
    here.tool("socat", f'python3 {here.place.parent}/bind.py "$5"; exec sleep 60')
    (here.tools / "python3").unlink()
    (here.place / "migrations/7/keys").mkdir(parents=True)
    await here.call("kvm/forward_live", 7, "guest", "root@10.0.1.2", 22)
    listeners = [int(line) for line in (here.place / "migrations/7/live/listeners").read_text().split()]
    assert len(listeners) == 3
    try:
        assert all(os.getpgid(pid) == pid for pid in listeners)
        ask = (here.place / "migrations/7/live/ask.sh").read_text()
        assert 'root@10.0.1.2 "stream $1"' in ask
    finally:
        for pid in listeners:
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)


async def test_the_process_of_another_is_not_ended_though_it_has_a_listeners_number(here: ThisMachine) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    ours = await asyncio.create_subprocess_exec(
        *("sh", "-c", "sleep 60; true", "x", f"UNIX-LISTEN:{here.run}/libvirt/mec-7/memory,fork"),
        start_new_session=True,
    )
    live = here.place / "migrations/7/live"
    live.mkdir(parents=True)
    (live / "listeners").write_text(f"{stranger.pid}\n{ours.pid}\n")
    try:
        await here.call("transfer/close_source", 7)
        assert await asyncio.wait_for(ours.wait(), 5) == -signal.SIGTERM
        assert stranger.returncode is None
        assert not live.exists()
    finally:
        for process in (stranger, ours):
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
