"""The technologies that services run in, and the ways in which they move. Pure: imports no Django and nothing else of the house.

A new technology is a module here, its guest in `workers/guests`, and a line in TECHNOLOGIES; docs/architecture.md says more.
"""

from .base import Technology, Tool, Work
from .kvm import KVM
from .lxc import LXC
from .oci import OCI

TECHNOLOGIES: dict[str, Technology] = {each.key: each for each in (LXC, OCI, KVM)}
# where nobody says which
DEFAULT = LXC

__all__ = ["DEFAULT", "TECHNOLOGIES", "Technology", "Tool", "Work"]
