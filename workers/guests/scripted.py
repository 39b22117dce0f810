"""What all technologies do alike: each step of a guest's life is a script of its kind on the host."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from migrations_app.technologies.findings import Side
from workers.engine import MigrationError
from workers.guests.base import LiveWay, RoundsWay
from workers.hosts.base import CommandFailed, MecHost
from workers.specs import Found, InstanceSpec, InstanceState, MigrationSpec, SavedState
from workers.transfer.rsync import Part

# below the time limits of their stages, which undo them
SAVE_LIMIT_S, RESTORE_LIMIT_S = 85, 85
# of a slow disk and a slow processor: what was saved is read once more for its digest, under a limit of its own
DIGEST_LEAST_S, DIGEST_BYTES_PER_S = 20.0, 20e6


def digest_limit_s(size_bytes: int) -> float:
    """The most seconds that the digest of so much may take."""
    return DIGEST_LEAST_S + size_bytes / DIGEST_BYTES_PER_S


class ScriptedGuest(ABC):
    """A technology whose scripts lie in workers/guests/KIND/scripts and take the same arguments."""

    kind: str
    live: LiveWay | None = None
    rounds: RoundsWay | None = None
    state_options = ""  # of rsync, for the saved state

    @abstractmethod
    async def start(self, host: MecHost, instance: InstanceSpec) -> None:
        """Start a cloned instance."""

    @abstractmethod
    async def _restore(self, target: MecHost, spec: MigrationSpec, saved: SavedState) -> dict[str, str]:
        """Run the restoration on the target."""

    @abstractmethod
    def explain(self, log: str) -> str | None:
        """One sentence, cause and fix, for what the technology wrote when it failed; None when it is not known."""

    def definition_faults(self, spec: MigrationSpec, source: Side) -> list[str]:
        return []

    async def stop(self, host: MecHost, instance: InstanceSpec) -> None:
        await self._call(host, "stop", instance.service, instance.hardware_address, limit_s=60)

    async def remove(self, host: MecHost, instance: InstanceSpec) -> None:
        await self._call(host, "remove", instance.service, instance.hardware_address, limit_s=60)

    async def memory_bytes(self, host: MecHost, instance: InstanceSpec) -> int:
        said = await self._call(host, "memory", instance.service, limit_s=10)
        return int(said["bytes"])

    async def find(self, host: MecHost, instance: InstanceSpec) -> Found:
        said = await self._call(host, "find", instance.service, instance.hardware_address, limit_s=15)
        return Found(said["state"], said["instance"] == "yes", said["owner"], stranger="stranger" in said)

    async def look(self, host: MecHost, spec: MigrationSpec) -> InstanceState:
        said = await self._call(host, "locate", spec.migration, spec.service, limit_s=15)
        return InstanceState(
            running=said["state"] == "RUNNING",
            frozen=said["state"] in ("FROZEN", "FREEZING"),
            received=said["state"] == "RECEIVED",
            saved=said["saved"] == "yes",
            went_on=said["went_on"] == "yes",
        )

    def save_limit_s(self, size_bytes: int) -> float:
        return SAVE_LIMIT_S + digest_limit_s(size_bytes)

    async def suspend(self, source: MecHost, spec: MigrationSpec, size_bytes: int) -> SavedState:
        # an iterative migration's is sealed as it is sent
        words = (spec.migration, spec.service, 0 if spec.iterative else int(digest_limit_s(size_bytes)))
        said = await self._explained(
            self._call(source, "suspend", *words, limit_s=self.save_limit_s(size_bytes)),
            f"{spec.service} cannot be saved",
        )
        return SavedState(said.get("digest", ""), int(said.get("bytes", 0)), said.get("definition", ""))

    def state_part(self, spec: MigrationSpec) -> Part:
        return Part(f"migrations/{spec.migration}/state", "instance/saved/state", self.state_options)

    async def resume_on_source(self, source: MecHost, spec: MigrationSpec) -> str:
        said = await self._call(source, "resume", spec.migration, spec.service, limit_s=RESTORE_LIMIT_S)
        return said.get("problem", "")

    async def restore(self, target: MecHost, spec: MigrationSpec, saved: SavedState) -> None:
        await self._explained(self._restore(target, spec, saved), f"{spec.service} cannot be restored on {target.name}")

    async def undo_restore(self, target: MecHost, spec: MigrationSpec) -> None:
        await self._call(target, "undo_restore", spec.migration, spec.service, limit_s=45)

    async def keep_idle(self, builder: MecHost, instance: InstanceSpec, number: int) -> None:
        raise MigrationError(f"The idle memory of {instance.app_layer} cannot be kept: {self.kind} has no such thing.")

    async def has_idle(self, host: MecHost, layer: str) -> bool:
        return False

    async def announce(self, target: MecHost, instance: InstanceSpec) -> None:
        await self._call(target, "announce", instance.service, instance.address, limit_s=10)

    async def settle_target(self, target: MecHost, spec: MigrationSpec) -> str:
        said = await self._call(target, "settle_target", spec.migration, spec.service)
        return said.get("problem", "")

    async def clean_up_source(self, source: MecHost, spec: MigrationSpec) -> None:
        await self._call(source, "clean_up_source", spec.migration, spec.service)

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
