"""What the source says of a guest is read against what the portal gives a guest, before its target's libvirt hears of it."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.engine.world import World
from workers.engine import MigrationError
from workers.guests.kvm.guest import definition
from workers.guests.kvm.vetting import vetted
from workers.specs import InstanceSpec

# as libvirt 11.3 describes a guest of the emulated edge (virsh dumpxml --migratable)
DESCRIBED = (Path(__file__).parent / "guest.xml").read_text()


def instance() -> InstanceSpec:
    return replace(
        World().context().spec.instance,
        service="guest",
        base="debian-13",
        hardware_address="02:4d:1a:4f:87:74",
        machine_type="q35",
        acceleration="tcg",
    )


def test_what_the_portal_itself_defines_passes() -> None:
    ours = definition(instance(), "br-access").replace("@CPU@", "<cpu mode='custom' match='exact'/>")
    assert '<source bridge="br-target" />' in vetted(ours, instance(), "br-target")


# what libvirt says of a guest that runs, in the place behind which it says it
MORE = {
    "<devices>": "<watchdog model='itco' action='reset'/><audio id='1' type='none'/>",
    "cache='none' discard='unmap'/>": "<backingStore type='file'><format type='qcow2'/><source file='/dev/vda'/></backingStore>",
    "<channel type='unix'>": "<source mode='bind' path='/run/libvirt/qemu/channel/3-guest/org.qemu.guest_agent.0'/>",
    "<source bridge='br-access'/>": "<target dev='vnet0'/><alias name='net0'/>",
}


def test_what_libvirt_describes_passes_without_what_each_host_decides_itself() -> None:
    described = DESCRIBED
    for place, more in MORE.items():
        described = described.replace(place, place + more, 1)
    passed = ElementTree.fromstring(vetted(described, instance(), "br-target"))
    assert passed.find("devices/interface/source").attrib == {"bridge": "br-target"}
    for path in ("seclabel", "resource", ".//backingStore", "devices/channel/source", "devices/interface/target"):
        assert passed.find(path) is None, path
    for path in ("cpu/model", "devices/controller/address", "devices/disk/address", "os/cmdline", "uuid"):
        as_it_was = ElementTree.fromstring(DESCRIBED).find(path)
        assert (passed.find(path).attrib, passed.find(path).text) == (as_it_was.attrib, as_it_was.text)


DISK = "<source file='/var/lib/mec/instances/guest/image/disk.qcow2'/>"
EVIL = {
    "another emulator": ("/usr/bin/qemu-system-x86_64", "/var/lib/mec/incoming/7/files/evil"),
    "a disk of the host's": (DISK, "<source file='/dev/vda'/>"),
    "another service's disk": ("instances/guest/image", "instances/other/image"),
    "a disk over the network": ("<disk type='file'", "<disk type='network'"),
    "a path that leads elsewhere": ("/guest/image/disk.qcow2", "/guest/image/../../../../../etc/shadow"),
    "another kernel": ("debian-13/image/vmlinuz", "other/image/vmlinuz"),
    "a file of the host's as its console": ("/var/lib/mec/instances/guest/console.log", "/etc/cron.d/x"),
    "a socket of the host's as its console": ("<serial type='file'>", "<serial type='unix'>"),
    "a directory of the host's": (
        "</devices>",
        "<filesystem type='mount'><source dir='/'/><target dir='x'/></filesystem></devices>",
    ),
    "a device of the host's": ("</devices>", "<hostdev mode='subsystem' type='pci'/></devices>"),
    "words for QEMU": (
        "</domain>",
        "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='-x'/></commandline></domain>",
    ),
    "a dump when it crashes": ("<on_crash>preserve", "<on_crash>coredump-destroy"),
    "a dump by its watchdog": ("</devices>", "<watchdog model='itco' action='dump'/></devices>"),
    "another hardware address": ("02:4d:1a:4f:87:74", "02:4d:1a:4f:87:75"),
    "another name": ("<name>guest</name>", "<name>other</name>"),
    "a disk without its driver's kind": ("type='qcow2' cache", "type='raw' cache"),
    "firmware": ("</os>", "<loader>/etc/shadow</loader></os>"),
    "metadata": ("<os>", "<metadata/><os>"),
    "a random number generator that reads a device": ("/dev/urandom", "/dev/sda"),
    "text where none belongs": ("<devices>", "<devices>x"),
    "a document type": ("<domain", "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain"),
    "no XML": ("</domain>", ""),
    "no disk": (DISK, ""),
}


@pytest.mark.parametrize(("there", "instead"), EVIL.values(), ids=EVIL.keys())
def test_what_the_portal_gives_no_guest_is_refused(there: str, instead: str) -> None:
    assert there in DESCRIBED
    with pytest.raises(MigrationError, match="The definition of guest, as its host tells it"):
        vetted(DESCRIBED.replace(there, instead, 1), instance(), "br-target")


def test_whom_the_source_lets_a_guest_run_as_does_not_travel() -> None:
    label = "<seclabel type='static' model='dac' relabel='no'><label>+0:+0</label></seclabel></domain>"
    assert "seclabel" not in vetted(DESCRIBED.replace("</domain>", label), instance(), "br-target")
