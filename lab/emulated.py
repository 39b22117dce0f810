"""Emulated machines: namespaces and control groups on this machine's own kernel."""

from collections.abc import Sequence

from lab import machine as emulation
from lab import network
from lab.disks import attach_disk
from lab.image import Say
from lab.kind import Kind, Site
from lab.layout import Machine
from lab.machine import Places
from lab.state import Wanted


class Emulated(Kind):
    """A machine of namespaces, up within a second. Its files lie on this machine."""

    def build(self, say: Say) -> None:
        pass  # what every edge has is enough

    def refuse(self, wanted: Wanted) -> None:
        pass

    def boot(self, site: Site, machine: Machine) -> None:
        places, wanted = site.places, site.wanted
        if machine.role == "mec" and wanted.disk_mb:
            attach_disk(places, machine, wanted.disk_mb)
        network.join_machine(site.layout, machine, wanted.bandwidth_mbit)
        emulation.prepare_disk(places, machine, site.images)
        emulation.write_seed(places, site.layout, machine)
        emulation.start(places, site.layout, machine, site.images)
        emulation.wait_for_ssh(places, machine)

    def is_running(self, lab: str, machine: str) -> bool:
        return emulation.init_pid(lab, machine) is not None

    def enter_argv(self, places: Places, lab: str, machine: Machine, argv: Sequence[str]) -> list[str]:
        return emulation.enter_argv(lab, machine.name, argv)

    def set_carrier(self, places: Places, machine: Machine, *, up: bool) -> None:
        pass  # its device is the other end of the switch's port, and sees it

    def write_back(self, places: Places, lab: str, machine: Machine) -> None:
        pass  # this machine's own file system has all of it
