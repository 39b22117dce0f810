"""What all technologies do alike: each step of a guest's life is a script of its kind on the host."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from workers.engine import MigrationError
from workers.hosts.base import CommandFailed, MecHost
from workers.move import Found, Move, SavedState, Sight, Station
from workers.transfer.rsync import Part

# below the time limits of their stages, which undo them
SAVE_LIMIT_S, RESTORE_LIMIT_S = 85, 85
# of a slow disk and a slow processor: what was saved is read once more for its digest, under a limit of its own
DIGEST_LEAST_S, DIGEST_BYTES_PER_S = 20.0, 20e6


def digest_limit_s(size_bytes: int) -> float:
    """The most seconds that the digest of so much may take."""
    return DIGEST_LEAST_S + size_bytes / DIGEST_BYTES_PER_S


class ScriptedGuest(ABC):
    """A technology whose scripts lie in workers/scripts/KIND and take the same arguments."""

    kind: str
    state_options = ""  # of rsync, for the saved state

    @abstractmethod
    async def start(self, host: MecHost, station: Station) -> None:
        """Start a cloned instance."""

    @abstractmethod
    async def _restore(self, target: MecHost, move: Move, saved: SavedState) -> dict[str, str]:
        """Run the restoration on the target."""

    @abstractmethod
    def explain(self, log: str) -> str | None:
        """One sentence, cause and mend, for what the technology wrote when it failed; None when it is not known."""

    async def stop(self, host: MecHost, station: Station) -> None:
        await self._call(host, "stop", station.service, station.hardware_address, limit_s=60)

    async def remove(self, host: MecHost, station: Station) -> None:
        await self._call(host, "remove", station.service, station.hardware_address, limit_s=60)

    async def memory_bytes(self, host: MecHost, station: Station) -> int:
        said = await self._call(host, "memory", station.service, limit_s=10)
        return int(said["bytes"])

    async def find(self, host: MecHost, station: Station) -> Found:
        said = await self._call(host, "find", station.service, station.hardware_address, limit_s=15)
        return Found(said["state"], said["instance"] == "yes", said["owner"], stranger="stranger" in said)

    async def look(self, host: MecHost, move: Move) -> Sight:
        said = await self._call(host, "locate", move.migration, move.service, limit_s=15)
        return Sight(
            running=said["state"] == "RUNNING",
            frozen=said["state"] in ("FROZEN", "FREEZING"),
            received=said["state"] == "RECEIVED",
            saved=said["saved"] == "yes",
            went_on=said["went_on"] == "yes",
        )

    def save_limit_s(self, size_bytes: int) -> float:
        return SAVE_LIMIT_S + digest_limit_s(size_bytes)

    async def suspend(self, source: MecHost, move: Move, size_bytes: int) -> SavedState:
        words = (move.migration, move.service, int(digest_limit_s(size_bytes)))
        said = await self._explained(
            self._call(source, "suspend", *words, limit_s=self.save_limit_s(size_bytes)),
            f"{move.service} cannot be saved",
        )
        return SavedState(said["digest"], int(said["bytes"]), said.get("definition", ""))

    def state_part(self, move: Move) -> Part:
        return Part(f"migrations/{move.migration}/state", "instance/saved/state", self.state_options)

    async def resume_on_source(self, source: MecHost, move: Move) -> str:
        said = await self._call(source, "resume", move.migration, move.service, limit_s=RESTORE_LIMIT_S)
        return said.get("problem", "")

    async def restore(self, target: MecHost, move: Move, saved: SavedState) -> None:
        await self._explained(self._restore(target, move, saved), f"{move.service} cannot be restored on {target.name}")

    async def undo_restore(self, target: MecHost, move: Move) -> None:
        await self._call(target, "undo_restore", move.migration, move.service, limit_s=45)

    async def keep_idle(self, builder: MecHost, station: Station, number: int) -> None:
        raise MigrationError(f"The idle memory of {station.app_layer} cannot be kept: {self.kind} has no such thing.")

    async def has_idle(self, host: MecHost, layer: str) -> bool:
        return False

    async def announce(self, target: MecHost, station: Station) -> None:
        await self._call(target, "announce", station.service, station.address, limit_s=10)

    async def settle_target(self, target: MecHost, move: Move) -> str:
        said = await self._call(target, "settle_target", move.migration, move.service)
        return said.get("problem", "")

    async def tidy_source(self, source: MecHost, move: Move) -> None:
        await self._call(source, "tidy_source", move.migration, move.service)

    async def _call(
        self, host: MecHost, script: str, *words: str | int, stdin: str = "", limit_s: float = 30
    ) -> dict[str, str]:
        return await host.call(f"{self.kind}/{script}", *words, stdin=stdin, limit_s=limit_s)

    async def _explained(self, call: Awaitable[dict[str, str]], what: str) -> dict[str, str]:
        try:
            return await call
        except CommandFailed as error:
            if known := self.explain(error.log):
                raise MigrationError(f"{what}: {known}", log=error.log) from error
            raise
