"""One module a technology, behind one protocol."""

from .base import Guest
from .lxc import LxcGuest

GUESTS: dict[str, Guest] = {"lxc": LxcGuest()}

__all__ = ["GUESTS", "Guest"]
