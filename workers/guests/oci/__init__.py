"""OCI containers."""

from .guest import OciGuest

__all__ = ["OciGuest"]
