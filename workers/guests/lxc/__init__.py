"""LXC containers: what is done with them, and the scripts that do it on hosts."""

from .guest import LxcGuest

__all__ = ["LxcGuest"]
