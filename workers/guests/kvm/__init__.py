"""KVM virtual machines: what is done with them, and the scripts that do it on hosts."""

from .guest import KvmGuest

__all__ = ["KvmGuest"]
