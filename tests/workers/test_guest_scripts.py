"""What the scripts of virtual machines do on a host, with a stand-in for virsh."""

from pathlib import Path

import pytest

from tests.workers.this_machine import ThisMachine

# what libvirt says, and for how many questions the guest still runs after it was asked to shut down
VIRSH = """
echo "$@" >>{run}/calls
case "$*" in
    *dumpxml*) exit 1 ;;
    *domstate*)
        [ -e {run}/ends ] || {{ echo 'running (booted)'; exit 0; }}
        left=$(cat {run}/ends); echo $((left - 1)) >{run}/ends
        if [ "$left" -gt 0 ]; then echo 'running (booted)'; else echo 'error: failed to get domain' >&2; exit 1; fi ;;
    *destroy*) echo 0 >{run}/ends ;;
    *shutdown*) {shutdown} ;;
esac
"""
FAILED = (
    "error: internal error: unable to execute QEMU agent command 'guest-shutdown': child process has failed to shutdown"
)
NONE = "error: Guest agent is not responding: QEMU guest agent is not connected"


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    return ThisMachine(tmp_path)


def virsh(here: ThisMachine, shutdown: str) -> None:
    here.tool("virsh", VIRSH.format(run=here.run, shutdown=shutdown))


def calls(here: ThisMachine) -> str:
    return (here.run / "calls").read_text()


@pytest.mark.parametrize("says", ["", f'echo "{FAILED}" >&2; exit 1'])
async def test_a_guest_that_is_on_its_way_down_is_not_ended_by_force(says: str, here: ThisMachine) -> None:
    virsh(here, f"echo 3 >{here.run}/ends; {says}")
    await here.call("kvm/stop", "guest", "02:4d:00:00:00:01")
    assert "shutdown --mode agent guest" in calls(here)
    assert "destroy" not in calls(here)


async def test_a_guest_without_an_agent_is_ended_by_force_at_once(here: ThisMachine) -> None:
    virsh(here, f'echo "{NONE}" >&2; exit 1')
    await here.call("kvm/stop", "guest", "02:4d:00:00:00:01")
    assert calls(here).count("domstate") < 5, "nobody waits for what nobody heard"
    assert "destroy guest" in calls(here)
