"""Fences: a host refuses the commands of a worker whose work another one has taken over.

The work has a mark ("migration-7") and its owner a number that only grows. A take-over writes its own number on the host; a
script that comes with a smaller one ends before its first line. The number stays there beyond the work's end, since a command
may be late by as long as the network likes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Fence(Protocol):
    """Work that is done on hosts, and its owner's number."""

    mark: str
    number: int
    ends_itself: bool  # its own last commands remove its lock from the hosts; else each connection does

    async def require(self) -> None:
        """Raises LeaseLost when the work is another's by now, or that cannot be known."""
        ...


_current: ContextVar[Fence | None] = ContextVar("fence", default=None)


def current() -> Fence | None:
    """The work that commands on hosts belong to here; None outside of any."""
    return _current.get()


@contextmanager
def working(fence: Fence) -> Iterator[None]:
    """All commands on hosts within belong to this work."""
    token = _current.set(fence)
    try:
        yield
    finally:
        _current.reset(token)
