"""The protocol of a guest technology: what the stages ask of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from migrations_app.technologies.findings import Side
from workers.convergence import Round
from workers.hosts.base import MecHost
from workers.specs import Found, InstanceSpec, InstanceState, MigrationSpec, SavedState
from workers.transfer.rsync import Part, Sent


@dataclass(frozen=True)
class Progress:
    """How far a live migration is: a sentence for a person, and the bytes that it will have sent when nothing more changes."""

    sentence: str
    bytes_expected: int


class LiveMigration(Protocol):
    """One live migration by the technology itself, from its start to its end. Each method raises MigrationError."""

    bytes_on_wire: int  # so far, at the source's backhaul interface

    async def start(self, interface: str) -> None:
        """Make the target ready to receive, and begin to copy; `interface` is the source's on the backhaul."""
        ...

    def copying(self) -> AsyncIterator[Progress]:
        """How far it is, again and again, until it switches over."""
        ...

    async def end(self) -> None:
        """Wait until the guest is on the target alone, and resume it there."""
        ...


class LiveWay(Protocol):
    """What a technology has that moves its running guests itself."""

    def relay(self) -> str:
        """The program that stands before the target's own daemon, and passes what the migration of one guest needs."""
        ...

    def between(self, source: MecHost, target: MecHost, spec: MigrationSpec) -> LiveMigration:
        """One such migration, not begun."""
        ...

    async def abort(self, source: MecHost, spec: MigrationSpec) -> None:
        """End it, if it still goes on, and wait until it has ended."""
        ...

    async def resume_on_target(self, target: MecHost, spec: MigrationSpec) -> None:
        """Resume the guest that was received whole; only when the source has it no more."""
        ...


@dataclass(frozen=True)
class Rest:
    """What was sent after the suspension: the seal of the state at the target, its bytes there, bytes on the wire."""

    digest: str
    size_bytes: int
    bytes_on_wire: int


class Rounds(Protocol):
    """The rounds of one iterative migration, until the last byte. Each method raises MigrationError."""

    interface: str  # the source's on the backhaul
    bandwidth_mbit: int
    bytes_on_wire: int  # so far, at that interface

    async def open(self) -> None:
        """Start to send, over the migration's connection."""
        ...

    async def copy(self, files: Sent) -> Round:
        """One round of memory, while the service runs; `files` is what sending its files cost just before."""
        ...

    async def slow_down(self, percent: int) -> None:
        """Leave the service so much of the processor time that it uses now; it is given back before it is saved, or at the end."""
        ...

    async def send_rest(self) -> Rest:
        """Send what was saved, of its memory what the target does not hold."""
        ...

    async def close(self) -> None:
        """End it, at both ends."""
        ...


class RoundsWay(Protocol):
    """What a technology has whose guests' memory can be copied in rounds before they are suspended."""

    def receiver(self) -> str:
        """The program at the target that receives them, for `transfer/open_target`."""
        ...

    def between(self, source: MecHost, target: MecHost, spec: MigrationSpec, interface: str) -> Rounds:
        """Those of one migration, not begun."""
        ...


class Guest(Protocol):
    """A technology in which services run. Each method raises MigrationError with one sentence: cause and fix."""

    live: LiveWay | None  # None: it is saved and sent
    rounds: RoundsWay | None  # None: all that it holds is sent after it is suspended

    async def start(self, host: MecHost, instance: InstanceSpec) -> None:
        """Start a cloned instance."""
        ...

    async def stop(self, host: MecHost, instance: InstanceSpec) -> None:
        """Stop it and take its root apart; nothing to do when it does not run."""
        ...

    async def remove(self, host: MecHost, instance: InstanceSpec) -> None:
        """Delete a stopped instance."""
        ...

    async def memory_bytes(self, host: MecHost, instance: InstanceSpec) -> int:
        """The memory that it holds now, of which its saved state will be made; 0 when it does not run."""
        ...

    async def find(self, host: MecHost, instance: InstanceSpec) -> Found:
        """Say what the host has of the service, outside any migration."""
        ...

    async def look(self, host: MecHost, spec: MigrationSpec) -> InstanceState:
        """Say what the host knows of the service."""
        ...

    def save_limit_s(self, size_bytes: int) -> float:
        """The most seconds that saving about so much may take, its digest included."""
        ...

    async def suspend(self, source: MecHost, spec: MigrationSpec, size_bytes: int) -> SavedState:
        """Freeze the service and save its running state; `size_bytes` is about what there is to save."""
        ...

    def state_part(self, spec: MigrationSpec) -> Part:
        """The files of the saved state, and where the restoration looks for them."""
        ...

    async def resume_on_source(self, source: MecHost, spec: MigrationSpec) -> str:
        """Let it go on where it was, whatever was reached; the opposite of `suspend`.

        What is not as it should be, though it goes on, is returned as a sentence.
        """
        ...

    async def restore(self, target: MecHost, spec: MigrationSpec, saved: SavedState) -> None:
        """Compare the received state's digest and let the service go on from it."""
        ...

    async def undo_restore(self, target: MecHost, spec: MigrationSpec) -> None:
        """End and remove what a failed restoration left."""
        ...

    async def keep_idle(self, builder: MecHost, instance: InstanceSpec, number: int) -> None:
        """Keep the memory of the idle application beside its layer; asked of a technology that keeps it."""
        ...

    async def has_idle(self, host: MecHost, layer: str) -> bool:
        """Whether that memory lies beside this layer, whose path is below the host's layer directory."""
        ...

    async def announce(self, target: MecHost, instance: InstanceSpec) -> None:
        """Tell the network the service's new place."""
        ...

    async def settle_target(self, target: MecHost, spec: MigrationSpec) -> str:
        """Remove from the target what only the migration needed; a sentence for what is not as it should be there."""
        ...

    async def clean_up_source(self, source: MecHost, spec: MigrationSpec) -> None:
        """End what stood frozen on the source, and set the moved instance aside there with its saved state."""
        ...

    async def faults(self, target: MecHost, here: Side, there: Side) -> list[str]:
        """Why this technology cannot move it between two hosts that said this of themselves; it may ask the target more."""
        ...

    def definition_faults(self, spec: MigrationSpec, source: Side) -> list[str]:
        """What is in the guest's definition that its target would not take; looked at again when it has been saved."""
        ...

    def explain(self, log: str) -> str | None:
        """One sentence, cause and fix, for what the technology wrote when it failed; None when it is not known."""
        ...
