"""What the scripts on hosts do, run for real below a directory of the test."""

import asyncio
import fcntl
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.engine.world import World
from tests.workers.this_machine import ThisMachine
from tests.workers.waiting import until
from workers.engine import LeaseLost
from workers.guests.kvm.guest import definition, processors
from workers.guests.lxc.guest import config, interface_index
from workers.hosts.base import CommandFailed, CommandTimedOut, shared_by


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    return ThisMachine(tmp_path)


@dataclass
class Owner:
    """Of migration 7."""

    number: int
    mark: str = "migration-7"
    ends_itself: bool = True

    async def require(self) -> None:
        return None


# saving and resuming ------------------------------------------------------------------------------------------------------
def virsh(here: ThisMachine, state: Path, also: str = "", first: str = "") -> None:
    """A libvirt with one guest, whose state is in a file."""
    here.tool(
        "virsh",
        "shift\n"
        f'case $1 in {first} domstate) [ -s {state} ] && cat {state} || {{ echo "error: failed to get domain" >&2; exit 1; }} ;;\n'
        f"dumpxml) echo '<domain/>' ;;\nsuspend) echo 'paused (user)' >{state} ;;\nresume) echo 'running (unpaused)' >{state} ;;\n"
        "snapshot-create-as) file=${5#file=}; echo memory >${file%%,*} ;;\n"
        f"destroy) : >{state} ;;\n"
        f'restore) echo "running (restored)" >{state} ;;\n{also}\nesac',
    )


def running_guest(here: ThisMachine) -> Path:
    """A guest that runs here, with its disk; the file that holds its state."""
    (here.place / "instances/echo/image").mkdir(parents=True)
    (here.place / "instances/echo/image/disk.qcow2").write_text("disk")
    state = here.place / "state"
    state.write_text("running (booted)")
    virsh(here, state)
    return state


async def test_a_guest_is_saved_paused_and_stays_so_until_it_is_resumed_or_ended(here: ThisMachine) -> None:
    state = running_guest(here)
    await here.call("kvm/suspend", 7, "echo", 5)
    assert (await here.call("kvm/locate", 7, "echo")) == {"state": "FROZEN", "saved": "yes", "went_on": "no"}
    await here.call("kvm/resume", 7, "echo")
    assert "running" in state.read_text()
    assert not (here.place / "migrations/7").exists()
    await here.call("kvm/suspend", 7, "echo", 5)
    for _ in range(2):
        await here.call("kvm/clean_up_source", 7, "echo")
    assert not state.read_text(), "it was ended"
    assert (here.place / "migrations/7/instance/image/disk.qcow2").exists()


async def test_a_guest_that_cannot_be_saved_goes_on_at_once(here: ThisMachine) -> None:
    state = running_guest(here)
    # the first that matches is what it does
    virsh(here, state, first='snapshot-create-as) echo "error: no room" >&2; exit 1 ;;')
    with pytest.raises(CommandFailed, match="could not save echo: no room"):
        await here.call("kvm/suspend", 7, "echo", 5)
    assert "running" in state.read_text()


async def test_a_paused_guest_is_not_started(here: ThisMachine) -> None:
    running_guest(here)
    await here.call("kvm/suspend", 7, "echo", 5)
    with pytest.raises(CommandFailed, match="is paused here"):
        await here.call("kvm/start", "echo", "<cpu/>")


async def test_a_guest_that_runs_is_not_taken_for_what_a_migration_left(here: ThisMachine) -> None:
    state = running_guest(here)
    here.tool("sleep", "exit 0")
    with pytest.raises(CommandFailed, match="still runs here"):
        await here.call("kvm/clean_up_source", 7, "echo")
    assert "running" in state.read_text()


async def test_a_guest_that_was_saved_whole_can_be_resumed_though_its_digest_took_too_long_and_its_host_went_down(
    here: ThisMachine,
) -> None:
    state = running_guest(here)
    here.tool("xxh128sum", 'sleep 5; md5sum "$@"')
    with pytest.raises(CommandTimedOut):
        await here.call("kvm/suspend", 7, "echo", limit_s=1)
    assert (here.place / "migrations/7/state/memory").exists()
    state.write_text("")
    await here.call("kvm/resume", 7, "echo")
    assert state.read_text() == "running (restored)\n"


async def test_a_guest_whose_digest_outlasts_its_own_limit_says_so(here: ThisMachine) -> None:
    running_guest(here)
    here.tool("xxh128sum", 'case $1 in disk*) sleep 5 ;; esac; md5sum "$@"')
    with pytest.raises(CommandFailed, match="took longer than 1 s"):
        await here.call("kvm/suspend", 7, "echo", 1)
    assert (here.place / "migrations/7/complete").exists()


async def test_a_guest_that_was_resumed_is_resumed_though_its_agent_does_not_answer(here: ThisMachine) -> None:
    kept = here.place / "migrations/7"
    (kept / "state").mkdir(parents=True)
    (kept / "complete").touch()
    state = here.place / "state"
    virsh(here, state, "qemu-agent-command) exit 1 ;;")
    said = await here.call("kvm/resume", 7, "echo")
    assert "running" in state.read_text()
    assert "its guest agent does not answer" in said["problem"]


async def test_a_guest_gets_the_processor_of_the_virtualization_that_its_definition_names(here: ThisMachine) -> None:
    folder, said = here.place / "instances/echo", here.place / "said"
    (folder / "image").mkdir(parents=True)
    virsh(here, here.place / "state", f'hypervisor-cpu-baseline) echo "$*" >{said}; echo "<cpu/>" ;;')
    instance = replace(World(kind="kvm").context().spec.instance, acceleration="tcg", processors=("<cpu>a</cpu>",))
    await here.call("kvm/start", "echo", processors(instance), stdin=definition(instance, "br-access"))
    assert "--virttype qemu" in said.read_text()
    assert "\n<cpu/>\n" in (folder / "domain.xml").read_text()


@pytest.mark.parametrize("kind", ["lxc", "kvm"])
async def test_what_says_that_a_service_went_on_stays_after_the_migration_and_forbids_its_removal(
    kind: str, here: ThisMachine
) -> None:
    instance = here.place / "instances/echo"
    (instance / "saved/state").mkdir(parents=True)
    (instance / "saved/state/restore.log").write_text("(00.123) Tasks resumed\n")
    (instance / "went_on").write_text("7" if kind == "kvm" else "")
    (instance / "migration").write_text("7")
    virsh(here, here.place / "state")
    assert (await here.call(f"{kind}/locate", 7, "echo"))["went_on"] == "yes"
    assert (await here.call(f"{kind}/locate", 8, "echo"))["went_on"] == "no"
    await here.call(f"{kind}/settle_target", 7, "echo")
    assert (await here.call(f"{kind}/locate", 7, "echo"))["went_on"] == "yes"
    assert not (instance / "saved").exists()
    with pytest.raises(CommandFailed, match="went on here"):
        await here.call(f"{kind}/undo_restore", 7, "echo")
    assert instance.exists()


# what comes from the portal -----------------------------------------------------------------------------------------------
async def test_no_word_that_is_given_to_a_script_becomes_a_command(here: ThisMachine) -> None:
    instance = World().context().spec.instance
    (here.place / "instances/echo").mkdir()
    ran, started = here.place / "ran", here.place / "started"
    here.tool("x", f"id -u >{ran}")
    here.tool("lxc-start", f"touch {started}")
    here.tool("lxc-info", f"rm {started} 2>/dev/null && echo RUNNING")
    for ending in ("MEC_END", "END", "'", '"', "$(x)", "`x`"):
        words = config(instance, f"b\n{ending}\nx\n")
        await here.call("lxc/start", "echo", interface_index(instance), stdin=words)
        assert (here.place / "instances/echo/config").read_text() == words
        assert not ran.exists(), f"a command ran as user {ran.read_text().strip()}"


async def test_the_daemon_that_receives_looks_up_no_name(here: ThisMachine, tmp_path: Path) -> None:
    here.tool("getent", f"echo root:x:0:0::{tmp_path}/home:/bin/sh")
    await here.call("transfer/open_target", 7, "ssh-ed25519 BBBB", "10.0.1.2", "root")
    configuration = (here.place / "incoming/7/rsyncd.conf").read_text()
    for_all, _modules = configuration.split("[incoming]")
    assert "reverse lookup = no" in for_all.splitlines(), "in a module it comes too late"


# checks -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("folder", ["layers/base", "layers"])
async def test_a_host_without_any_base_layer_is_checked(folder: str, here: ThisMachine) -> None:
    (here.place / folder).mkdir(parents=True)
    assert (await here.call("hosts/facts", "127.0.0.1", "br-access", "root"))["bridge"] == "no"


async def test_what_lies_in_a_module_is_loaded_and_only_what_is_in_none_is_missing(here: ThisMachine) -> None:
    loaded = here.place / "loaded"
    here.tool("modprobe", f'case "$2" in overlay) echo "$2" >>{loaded} ;; *) exit 1 ;; esac')
    here.tool(
        "grep", f'case "$*" in "-qw overlay /proc/filesystems") [ -s {loaded} ] ;; *) exec /bin/grep "$@" ;; esac'
    )
    here.tool("unshare", "exit 1")
    said = await here.call("hosts/facts", "127.0.0.1", "br-access", "root")
    assert said["missing_modules"].split() == ["veth"]
    here.tool("modprobe", "exit 1")
    loaded.unlink()
    said = await here.call("hosts/facts", "127.0.0.1", "br-access", "root")
    assert said["missing_modules"].split() == ["overlay", "veth"]


async def test_a_check_lists_what_ended_work_left_its_keys_too_and_removing_it_removes_all_of_one(
    here: ThisMachine, tmp_path: Path
) -> None:
    keys = tmp_path / "home/.ssh/authorized_keys"
    keys.parent.mkdir(parents=True)
    lines = ["ssh-ed25519 AAAA me@home", *(f"restrict ssh-ed25519 BBBB mec-migration-{mark}" for mark in (7, 70))]
    keys.write_text("\n".join(lines) + "\n")
    here.tool("getent", f"echo olga:x:1000:1000::{tmp_path}/home:/bin/sh")
    (here.place / "incoming/7/files").mkdir(parents=True)
    (here.place / "migrations/7/state").mkdir(parents=True)
    (here.place / "migrations/operation-3/keys").mkdir(parents=True)
    said = await here.call("hosts/facts", "127.0.0.1", "br-access", "olga")
    found = {key.removeprefix("leftover:"): mark for key, mark in said.items() if key.startswith("leftover:")}
    assert found == {
        "incoming/7": "7",
        "migrations/7": "7",
        "migrations/operation-3": "operation-3",
        "key/7": "7",
        "key/70": "70",
    }
    await here.call("hosts/remove_leftover", "7", "olga")
    assert keys.read_text().splitlines() == [lines[0], lines[2]]
    assert [path.name for path in (here.place / "migrations").iterdir()] == ["operation-3"]
    assert list((here.place / "incoming").iterdir()) == []
    with pytest.raises(CommandFailed, match="no mark of any work"):
        await here.call("hosts/remove_leftover", "../instances", "olga")


# fences -------------------------------------------------------------------------------------------------------------------
async def test_a_script_of_an_older_owner_is_refused_before_its_first_line(here: ThisMachine) -> None:
    first, second = Owner(1), Owner(2)
    assert await here.call("hosts/busy", fence=first)
    await here.call("hosts/settle", second.mark, second.number, 1)
    with pytest.raises(LeaseLost):
        await here.call("hosts/forget", first.mark, fence=first)
    assert await here.call("hosts/busy", fence=second)
    assert await here.call("hosts/busy", fence=Owner(1, "migration-70"))


@pytest.mark.parametrize("end", ["transfer/close_source", "hosts/forget", ""])
async def test_a_command_that_comes_after_the_end_of_its_work_leaves_no_lock_behind(
    here: ThisMachine, end: str
) -> None:
    second, lock = Owner(2), here.run / "mec-migration-7.lock"
    await here.call("hosts/settle", second.mark, second.number, 1)
    if end:
        await here.call(end, second.mark if end == "hosts/forget" else 7, fence=second)
    lock.touch()  # as flock makes it before the script is read
    with pytest.raises(LeaseLost):
        await here.call("hosts/busy", fence=Owner(1))
    assert lock.exists() == (not end), "another worker's commands may hold it while the work goes on"


async def test_work_that_is_taken_over_once_more_keeps_its_lock_again(here: ThisMachine) -> None:
    await here.call("hosts/settle", "migration-7", 2, 1)
    await here.call("transfer/close_source", 7, fence=Owner(2))
    await here.call("hosts/settle", "migration-7", 3, 1)
    lock = here.run / "mec-migration-7.lock"
    lock.touch()
    with pytest.raises(LeaseLost):
        await here.call("hosts/busy", fence=Owner(1))
    assert lock.exists()


async def test_an_owner_that_is_followed_by_another_cannot_fence_it_off(here: ThisMachine) -> None:
    await here.call("hosts/settle", "migration-7", 3, 1)
    with pytest.raises(CommandFailed, match="another worker has taken migration-7 over"):
        await here.call("hosts/settle", "migration-7", 2, 1)
    with pytest.raises(LeaseLost):
        await here.call("hosts/busy", fence=Owner(2))


def is_locked(file: Path) -> bool:
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


async def test_settling_waits_for_the_older_owners_commands_and_ends_those_that_stay(here: ThisMachine) -> None:
    lock, done = here.run / "mec-migration-7.lock", here.place / "done"
    lock.touch()

    async def older(seconds: float) -> asyncio.subprocess.Process:
        words = ("flock", "-s", "-o", str(lock), "sh", "-c", f"sleep {seconds}; touch {done}")
        started = await asyncio.create_subprocess_exec(*words, start_new_session=True)
        await until(lambda: is_locked(lock))
        return started

    short = await older(1)
    await here.call("hosts/settle", "migration-7", 2, 10)
    assert done.exists(), "it was waited for"
    done.unlink()
    long = await older(600)
    await here.call("hosts/settle", "migration-7", 3, 1)
    assert await asyncio.wait_for(long.wait(), 5) != 0
    assert not done.exists(), "it was ended"
    await short.wait()


def test_no_function_of_one_technology_takes_the_place_of_anothers() -> None:
    """A host's check and look have the functions of all of them."""
    names = re.findall(r"^([a-z_0-9]+)\(\)", shared_by("hosts/look"), re.MULTILINE)
    assert len(names) > 50
    assert [name for name in set(names) if names.count(name) > 1] == []
