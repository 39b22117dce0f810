"""A stage is a row of a plan."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from .outcome import Location

Step = Callable[["C"], Awaitable[None]]


class Context(Protocol):
    """What the runner itself asks of the world in which it runs a plan."""

    async def locate(self) -> Location:
        """Look where the service is. What it raises counts as UNKNOWN."""
        ...

    async def close_way(self) -> None:
        """Close the way from source to target, when the migration ends without knowing where the service is.

        Nothing of the service is touched, and what was received stays for a person to look at.
        """
        ...


C = TypeVar("C", bound=Context)


def always(_context: object) -> bool:
    """Wanted in every migration."""
    return True


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[C]):
    """One row: what is done, how it is undone, and what it means to the user.

    `time_limit_s` bounds `do`, and may depend on what the checks found; `undo` has the same bound. `down` says that the user
    feels the stage. `commits` marks the point of no return: before it everything is undone on failure, after it nothing is;
    in it, both hosts are asked.
    `interruptible` says that a cancel may break into it; otherwise the cancel waits for the stage's end.
    """

    name: str
    title: str
    paper_title: str
    do: Callable[[C], Awaitable[None]]
    undo: Callable[[C], Awaitable[None]] | None = None
    wanted: Callable[[C], bool] = always
    time_limit_s: float | Callable[[C], float] = 60
    down: bool = False
    commits: bool = False
    interruptible: bool = True

    def limit_s(self, context: C) -> float:
        """The seconds after which it is ended."""
        return self.time_limit_s(context) if callable(self.time_limit_s) else self.time_limit_s


Plan = tuple[Stage[C], ...]
