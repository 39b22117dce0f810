"""The seam between an edge and what its machines are: emulated on this machine's kernel, or virtual ones with their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lab.image import Images, Say
from lab.layout import Layout, Machine
from lab.machine import Places
from lab.state import Wanted


@dataclass(frozen=True)
class Site:
    """What a machine must know of the edge that it is made for."""

    places: Places
    layout: Layout
    wanted: Wanted
    images: Images


class Kind(Protocol):
    """All that differs between the kinds of machines."""

    def build(self, say: Say) -> None:
        """Build the images that only such machines need and that are not cached. Raises LabError."""

    def refuse(self, wanted: Wanted) -> None:
        """Raise LabError for what such machines cannot be given."""

    def boot(self, site: Site, machine: Machine) -> None:
        """Make a machine with its networks, and return when its sshd greets. Raises LabError."""

    def is_running(self, lab: str, machine: str) -> bool:
        """Whether a machine runs."""

    def enter_argv(self, places: Places, lab: str, machine: Machine, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` inside a machine as root. Raises LabError if it is down."""

    def set_carrier(self, places: Places, machine: Machine, *, up: bool) -> None:
        """Let a host see that its backhaul's cable was plugged in or pulled out; the switch's port is not its business."""

    def write_back(self, places: Places, lab: str, machine: Machine) -> None:
        """Let a machine that is about to lose its power write down what it holds in memory."""
