"""One module a technology, behind one protocol."""

from .base import Guest
from .kvm import KvmGuest
from .lxc import LxcGuest
from .oci import OciGuest

GUESTS: dict[str, Guest] = {"lxc": LxcGuest(), "oci": OciGuest(), "kvm": KvmGuest()}

__all__ = ["GUESTS", "Guest"]
