"""The world in which a migration's stages act."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from workers.engine import Location, MigrationError
from workers.guests.base import Guest, LiveMigration, LiveWay, Rounds, RoundsWay
from workers.hosts.base import MecHost
from workers.layers.base import LayerStore
from workers.probe import Probe
from workers.specs import AppAtSource, InstanceState, MigrationSpec, SavedState
from workers.transfer.rsync import Transfer


class Clock(Protocol):
    """Measures the time that goes into commands on hosts."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_error: object) -> None: ...
    def measured_s(self) -> float: ...


@dataclass
class MigrationContext:
    """Everything a stage may use. `made` is written to the database before the thing is made, by `remember`."""

    spec: MigrationSpec
    source: MecHost
    target: MecHost
    guest: Guest
    store: LayerStore
    transfer: Transfer
    probe: Probe
    clock: Clock
    remember: Callable[[dict[str, Any]], Awaitable[None]]
    note: Callable[..., Awaitable[None]]  # what a stage measured, for the journal
    problem: Callable[[str], Awaitable[None]]  # what is not as it should be, though the stage did what it is for
    moved: Callable[[], Awaitable[None]]  # the service lives on the target now
    app_kept: Callable[[str, int], Awaitable[None]]  # the target holds the application layer now: digest, bytes
    made: dict[str, Any] = field(default_factory=dict)
    app: AppAtSource | None = None
    app_found: bool = False
    facts: dict[str, str] = field(default_factory=dict)  # what the source said in the checks
    definition: str = ""  # of the virtual machine that was saved; whoever takes over restores nothing, and needs none
    suspended_at: float | None = None  # on time.monotonic()'s clock
    restored_at: float | None = None
    live: LiveMigration | None = None  # the technology's own migration, while it goes on
    rounds: Rounds | None = None  # of an iterative migration, from its first round to the last byte
    bytes_on_wire: int = 0
    began: float = field(default_factory=time.monotonic)

    async def make(self, **what: Any) -> None:
        """Write down what is about to be made on a host."""
        self.made.update(what)
        await self.remember(self.made)

    @property
    def source_app(self) -> AppAtSource:
        """The application layer on the source; the checks refuse a migration that needs it and has none."""
        return self.app or AppAtSource("", "", 0)

    @property
    def size_bytes(self) -> int:
        """About what is saved and digested: the memory and the instance's files, as the checks found them."""
        return sum(int(self.facts.get(name) or 0) for name in ("memory_bytes", "instance_bytes"))

    @property
    def saved(self) -> SavedState:
        """The state that `suspend_instance` saved."""
        if "digest" not in self.made:
            raise MigrationError("No saved state is known: the service was not suspended.")
        return SavedState(self.made["digest"], self.made["state_bytes"], self.definition)

    @property
    def live_way(self) -> LiveWay:
        """The technology's own live migration. Raises MigrationError where it has none."""
        if self.guest.live is None:
            raise MigrationError(
                f"{self.spec.service} cannot be migrated live: its technology has no live migration of its own."
            )
        return self.guest.live

    @property
    def rounds_way(self) -> RoundsWay:
        """How the technology's memory is copied in rounds. Raises MigrationError where it is not."""
        if self.guest.rounds is None:
            raise MigrationError(f"{self.spec.service} cannot be copied in rounds: its technology has none.")
        return self.guest.rounds

    async def locate(self) -> Location:
        """Ask both hosts where the service is; a live migration that goes on by itself is ended first.

        A guest that it has handed over whole, and that is still paused on the target, is resumed there.
        """
        try:
            if "live" in self.made:
                await self.live_way.abort(self.source, self.spec)
            source, target = await self._look()
            gone = not (source.running or source.frozen or source.saved)
            # frozen: the command that resumes it broke off in its midst
            if "live" in self.made and gone and (target.received or target.frozen):
                await self.live_way.resume_on_target(self.target, self.spec)
                source, target = await self._look()
        except MigrationError:
            return Location.UNKNOWN
        return place(source, target)

    async def _look(self) -> tuple[InstanceState, InstanceState]:
        return await asyncio.gather(self.guest.look(self.source, self.spec), self.guest.look(self.target, self.spec))

    async def close_way(self) -> None:
        """Close the way between the hosts; what came is kept for a person to look at."""
        await self.transfer.close(keep=True)


def place(source: InstanceState, target: InstanceState) -> Location:
    """Where a service is, from what both hosts say. Source: https://docs.ganeti.org (TLMigrateInstance asks every node)."""
    if target.running:  # what stands frozen on the source is its past
        return Location.BOTH if source.running else Location.TARGET
    if source.running:
        return Location.SOURCE
    # it stands frozen on the source, or its state is whole there, and it never went on from it elsewhere: nothing is lost by
    # letting it go on there
    if (source.frozen or source.saved) and not target.went_on and not target.frozen:
        return Location.SOURCE
    return Location.NOWHERE
