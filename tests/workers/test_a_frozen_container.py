"""A container stands frozen while it is moved: how it gets there, goes on, or ends; on both versions of control groups."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.workers.containers import CABLE, FREEZER, FROZEN, THAWED, criu_saves, freezer_of, network_of, running
from tests.workers.this_machine import ThisMachine
from workers.hosts.base import CommandFailed


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    return ThisMachine(tmp_path)


@pytest.fixture(params=[1, 2], ids=["cgroup v1", "cgroup v2"])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


async def test_a_container_is_saved_frozen_and_off_its_bridge_and_stays_so(here: ThisMachine, version: int) -> None:
    running(here, version)
    said = await here.call("lxc/suspend", 7, "echo", 5)
    assert int(said["bytes"]) > 0
    assert freezer_of(here, version) == FROZEN[version]
    assert network_of(here) == [f"link set dev {CABLE} nomaster while {FROZEN[version]}"]
    assert (await here.call("lxc/locate", 7, "echo")) == {"state": "FROZEN", "saved": "yes", "went_on": "no"}
    # what is restored from it does not stand still
    assert (here.place / "migrations/7/state/cgroup.img").read_bytes() == b"freezer.state\x12\x06THAWED"


async def test_to_undo_it_the_container_comes_back_to_its_bridge_and_is_thawed(here: ThisMachine, version: int) -> None:
    running(here, version)
    await here.call("lxc/suspend", 7, "echo", 5)
    for _ in range(2):  # an undo may run twice
        assert await here.call("lxc/resume", 7, "echo") == {}
        assert freezer_of(here, version) == THAWED[version]
    assert network_of(here)[1:] == [f"link set dev {CABLE} master br-access while {FROZEN[version]}"]
    assert not (here.place / "migrations/7").exists()


async def test_a_bridge_that_is_gone_keeps_nobody_frozen(here: ThisMachine, version: int) -> None:
    running(here, version)
    await here.call("lxc/suspend", 7, "echo", 5)
    here.tool("ip", "exit 1")
    said = await here.call("lxc/resume", 7, "echo")
    assert "its users do not reach it" in said["problem"]
    assert freezer_of(here, version) == THAWED[version]


async def test_a_container_that_cannot_be_saved_goes_on_at_once(here: ThisMachine, version: int) -> None:
    running(here, version)
    criu_saves(here, "exit 1")
    with pytest.raises(CommandFailed, match="CRIU could not save echo"):
        await here.call("lxc/suspend", 7, "echo", 5)
    assert freezer_of(here, version) == THAWED[version]
    assert (here.network / CABLE / "master").exists()


async def test_what_ran_on_while_it_was_saved_is_no_state_to_move(here: ThisMachine, version: int) -> None:
    running(here, version)
    freezer = here.cgroups / FREEZER[version]
    thawed = f'echo {THAWED[version]} >{freezer}; echo "frozen 0" >{here.cgroups}/lxc.payload.echo/cgroup.events'
    criu_saves(here, thawed)
    with pytest.raises(CommandFailed, match="did not stay frozen"):
        await here.call("lxc/suspend", 7, "echo", 5)
    assert (await here.call("lxc/locate", 7, "echo"))["saved"] == "no"


async def test_a_container_whose_digest_took_too_long_is_still_there(here: ThisMachine, version: int) -> None:
    running(here, version)
    here.tool("xxh128sum", '/bin/sleep 5; md5sum "$@"')  # gigabytes of memory on a slow disk
    with pytest.raises(CommandFailed, match="took longer than 1 s"):
        await here.call("lxc/suspend", 7, "echo", 1)
    await here.call("lxc/resume", 7, "echo")
    assert freezer_of(here, version) == THAWED[version]


async def test_a_container_whose_host_went_down_is_resumed_from_what_was_saved(here: ThisMachine, version: int) -> None:
    state = running(here, version)
    await here.call("lxc/suspend", 7, "echo", 5)
    state.write_text("STOPPED")
    here.tool("lxc-checkpoint", f"echo RUNNING >{state}")
    await here.call("lxc/resume", 7, "echo")
    assert state.read_text().strip() == "RUNNING"


async def test_what_stands_frozen_on_the_source_is_killed_before_it_runs_again(here: ThisMachine, version: int) -> None:
    state = running(here, version)
    await here.call("lxc/suspend", 7, "echo", 5)
    process = await asyncio.create_subprocess_exec("/bin/sleep", "60")
    group = (here.cgroups / FREEZER[version]).parent
    (group / "cgroup.procs").write_text(f"{process.pid}\n")
    # init has ended with all others when it is thawed
    here.tool(
        "lxc-info",
        f'case "$*" in *-pH*) echo 1234 ;; *) kill -0 {process.pid} 2>/dev/null && cat {state} || echo STOPPED ;; esac',
    )
    cleaned = asyncio.create_task(here.call("lxc/clean_up_source", 7, "echo"))
    assert await process.wait() == -signal.SIGKILL
    await cleaned
    assert network_of(here)[1:] == [f"link delete {CABLE} while {FROZEN[version]}"], "no end of a connection is told"
    assert freezer_of(here, version) == THAWED[version]
    assert (here.place / "migrations/7/instance").is_dir()
    await here.call("lxc/clean_up_source", 7, "echo")


async def test_a_container_that_runs_is_not_taken_for_what_a_migration_left(here: ThisMachine, version: int) -> None:
    running(here, version)
    here.tool("sleep", "exit 0")
    with pytest.raises(CommandFailed, match="echo still runs here"):
        await here.call("lxc/clean_up_source", 7, "echo")
    assert (here.place / "instances/echo").is_dir()
    assert not (here.run / "network").exists()


async def test_what_stands_frozen_is_not_started_and_is_ended_by_a_stop(here: ThisMachine, version: int) -> None:
    running(here, version)
    await here.call("lxc/suspend", 7, "echo", 5)
    with pytest.raises(CommandFailed, match="stands frozen here"):
        await here.call("lxc/start", "echo", 1_000_010)
    thawed = f"grep -qx {THAWED[version]} {here.cgroups / FREEZER[version]}"
    here.tool("lxc-info", f'case "$*" in *-pH*) echo 1234 ;; *) {thawed} && echo STOPPED || echo RUNNING ;; esac')
    here.tool("lxc-stop", "exit 1")  # it would thaw it first
    (here.cgroups / FREEZER[version]).with_name("cgroup.kill").touch()
    await here.call("lxc/stop", "echo")
    assert (here.cgroups / FREEZER[version]).with_name("cgroup.kill").read_text() == "1\n"


@pytest.mark.parametrize("version", [1], indirect=True)
async def test_the_names_that_criu_gave_to_files_are_there_for_the_restoration_alone(
    here: ThisMachine, version: int
) -> None:
    running(here, version)
    root, kept = here.place / "instances/echo/rootfs", here.place / "migrations/7"
    (root / "srv").mkdir(parents=True)
    (root / "srv/other-name").write_text("data")
    name = root / "srv/link_remap.5"
    # as CRIU does where the processes stay: it gives the name, and takes it away after its script
    hook = f"CRTOOLS_SCRIPT_ACTION=post-dump CRTOOLS_IMAGE_DIR={kept}/state {kept}/names.sh"
    image = f"printf '2\\022/srv/link_remap.5\\010' >{kept}/state/files.img"
    criu_saves(here, f"ln {root}/srv/other-name {name}; {image}; {hook} || exit 1; rm {name}")
    await here.call("lxc/suspend", 7, "echo", 5)
    assert sorted(path.name for path in (root / "srv").iterdir()) == ["link_remap.5", "other-name"]
    await here.call("lxc/resume", 7, "echo")
    assert [path.name for path in (root / "srv").iterdir()] == ["other-name"]
