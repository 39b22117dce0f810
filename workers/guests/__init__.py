"""One module a technology, behind one protocol."""

from .base import Guest
from .kvm import KvmGuest
from .lxc import LxcGuest

GUESTS: dict[str, Guest] = {"lxc": LxcGuest(), "kvm": KvmGuest()}

__all__ = ["GUESTS", "Guest"]
