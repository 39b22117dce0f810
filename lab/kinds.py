"""The kinds of machines that there are."""

from lab.emulated import Emulated
from lab.kind import Kind
from lab.layout import EMULATED, VIRTUAL, Machine
from lab.virtual import Virtual

KINDS: dict[str, Kind] = {EMULATED: Emulated(), VIRTUAL: Virtual()}


def kind_of(machine: Machine) -> Kind:
    """What a machine is."""
    return KINDS[machine.kind]
