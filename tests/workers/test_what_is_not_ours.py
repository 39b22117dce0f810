"""What a deployment or a removal finds and did not make stays; the real scripts run here."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.world import World
from tests.workers.this_machine import ThisMachine
from workers.engine import MigrationError
from workers.guests import GUESTS
from workers.hosts.base import CommandFailed
from workers.layers import STORES
from workers.operating import _clone_and_start
from workers.specs import InstanceSpec


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    return ThisMachine(tmp_path)


@pytest.fixture
def instance(here: ThisMachine) -> InstanceSpec:
    """A container's, whose layers are here."""
    instance = World().context().spec.instance
    for layer in ("base/debian-13", f"app/overlay/{instance.app_layer}"):
        (here.place / f"layers/{layer}/rootfs").mkdir(parents=True)
    return instance


def place_of(here: ThisMachine, instance: InstanceSpec) -> Path:
    return here.place / "instances" / instance.service


async def test_a_deployment_that_finds_the_place_taken_leaves_what_is_there(
    here: ThisMachine, instance: InstanceSpec
) -> None:
    diary = place_of(here, instance) / "upper/diary.txt"  # stopped, and not this portal's, or forgotten by it
    diary.parent.mkdir(parents=True)
    diary.write_text("nobody has this twice")
    with pytest.raises(CommandFailed, match="is there already"):
        await _clone_and_start(here, instance)
    assert diary.exists()


async def test_what_a_deployment_itself_made_is_removed_when_it_fails(
    here: ThisMachine, instance: InstanceSpec
) -> None:
    here.tool("lxc-start", 'echo "ERROR it has no root" >"$7"; exit 1')
    here.tool("sleep", "exit 0")
    with pytest.raises(CommandFailed, match="does not start: ERROR it has no root"):
        await _clone_and_start(here, instance)
    assert not place_of(here, instance).exists()


async def test_what_was_half_cloned_is_removed_and_the_first_error_is_the_one_that_is_said(
    here: ThisMachine, instance: InstanceSpec
) -> None:
    here.tool("chown", "echo 'the disk is full' >&2; exit 1")
    with pytest.raises(CommandFailed, match="the disk is full"):
        await _clone_and_start(here, instance)
    assert not place_of(here, instance).exists()


async def test_an_instance_whose_deployment_broke_off_before_its_start_can_be_removed(
    here: ThisMachine, instance: InstanceSpec
) -> None:
    """Cloned, and then the worker died: there is no configuration yet, and the portal's Remove is the only way out."""
    await STORES["lxc", "overlay"].clone_for_start(here, instance)
    found = await GUESTS["lxc"].find(here, instance)
    assert (found.state, found.instance, found.owner) == ("ABSENT", True, instance.hardware_address)
    await GUESTS["lxc"].stop(here, instance)
    await GUESTS["lxc"].remove(here, instance)
    assert not place_of(here, instance).exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config", "lxc.net.0.hwaddr = 02:4d:aa:aa:aa:aa\n"),
        ("domain.xml", '<interface><mac address="02:4d:aa:aa:aa:aa"/></interface>\n'),
    ],
)
async def test_what_an_earlier_version_made_says_whose_it_is(
    file: str, text: str, here: ThisMachine, instance: InstanceSpec
) -> None:
    place_of(here, instance).mkdir()
    (place_of(here, instance) / file).write_text(text)
    assert (await GUESTS["lxc"].find(here, instance)).owner == "02:4d:aa:aa:aa:aa"


async def test_another_guest_of_libvirts_with_this_name_is_not_touched(
    here: ThisMachine, instance: InstanceSpec
) -> None:
    machine = replace(instance, kind="kvm")
    here.tool(
        "virsh",
        'case "$2" in dumpxml) echo "<mac address=\'52:54:00:00:00:01\'/>" ;; domstate) echo running ;; '
        '*) echo "$@" >>"$0.log" ;; esac',
    )
    found = await GUESTS["kvm"].find(here, machine)
    assert (found.state, found.stranger) == ("ABSENT", True)
    with pytest.raises(MigrationError, match="another guest named echo"):
        await _clone_and_start(here, machine)
    await GUESTS["kvm"].stop(here, machine)
    await GUESTS["kvm"].remove(here, machine)
    assert not (here.tools / "virsh.log").exists(), "it was shut down, or destroyed"


async def test_a_host_without_libvirt_has_no_virtual_machine(here: ThisMachine, instance: InstanceSpec) -> None:
    here.tool("sh", 'PATH=$(dirname "$0"); export PATH; exec /bin/sh "$@"')  # nothing but the stand-ins is found
    for name in ("sed", "head", "cat"):
        here.tool(name, f'exec /bin/{name} "$@"')
    found = await GUESTS["kvm"].find(here, replace(instance, kind="kvm"))
    assert (found.state, found.instance, found.owner) == ("ABSENT", False, "")
