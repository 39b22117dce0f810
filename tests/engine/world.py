"""A migration between two fake hosts, with the real plans, stages, guest, layers, transfer and engine."""

from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Any

from migrations_app.technologies.ways import way_of
from tests.engine.fakes import FakeHost, FakeJournal, Fault, Trouble, WorkerDied
from workers.context import MigrationContext
from workers.engine import LeaseLost, Outcome, recover, run
from workers.guests import GUESTS
from workers.guests.kvm.guest import definition
from workers.hosts.ssh import HostClock
from workers.layers import STORES
from workers.plans import PLANS
from workers.probe import Series
from workers.specs import InstanceSpec, Iterative, Live, MigrationSpec
from workers.transfer.rsync import Transfer

STAGE_LIMIT_S = 60


class FakeProbe:
    """A user who gets an answer whenever exactly one host runs the service."""

    def __init__(self, hosts: list[FakeHost]) -> None:
        self.hosts = hosts
        self.series = Series()

    async def wait_for_answer(self, limit_s: float, asked_after: float = 0.0) -> None:
        assert sum(host.running for host in self.hosts) == 1


@dataclass
class World:
    """Both hosts before, and what is left of them after."""

    layers: int = 3
    app_found: bool = False
    faults: list[Fault] = field(default_factory=list)
    method: str = "save"
    kind: str = ""
    trouble: Trouble | None = None
    throttle: bool = True  # slow down what changes as fast as it is sent

    def __post_init__(self) -> None:
        self.kind = self.kind or ("kvm" if self.method == "live" else "lxc")
        self.journal = FakeJournal(self.trouble)
        self.source = FakeHost("source", self.faults, self.journal, running=True, instance=True, app_layer=True)
        self.target = FakeHost("target", self.faults, self.journal, app_layer=self.app_found)
        self.source.peer, self.target.peer = self.target, self.source
        self.journal.lost_lease = self._lose_lease
        self.plan = tuple(
            replace(stage, time_limit_s=STAGE_LIMIT_S)
            for stage in PLANS[way_of(self.layers, self.method, idle_memory=False).key]
        )
        self.location = "source"
        self.residency: list[tuple[str, int]] = []  # what was written down of the target

    def context(self) -> MigrationContext:
        instance = InstanceSpec(
            "echo",
            self.kind,
            "overlay",
            "debian-13",
            "b1",
            "echo-0123456789ab",
            "d1",
            "10.0.2.10",
            24,
            "02:4d:00:00:00:07",
            64,
        )

        if self.kind == "kvm":
            described = definition(replace(instance, acceleration="tcg", machine_type="q35"), "br-access")
            self.source.definition = b64encode(described.replace("@CPU@", "").encode()).decode()

        async def moved() -> None:
            self.location = "target"

        async def app_kept(digest: str, size: int) -> None:
            self.residency.append((digest, size))

        async def note(**_: Any) -> None:
            return None

        return MigrationContext(
            spec=MigrationSpec(
                7,
                instance,
                self.layers,
                live=Live(50, True) if self.method == "live" else None,
                iterative=Iterative(100, self.throttle) if self.method == "iterative" else None,
            ),
            source=self.source,
            target=self.target,
            guest=GUESTS[self.kind],
            store=STORES[self.kind, "overlay"],
            transfer=Transfer("7", self.source, self.target),
            probe=FakeProbe([self.source, self.target]),  # type: ignore[arg-type]
            clock=HostClock(),
            remember=self.journal.remember,
            note=note,
            problem=self.journal.problem,
            moved=moved,
            app_kept=app_kept,
        )

    async def migrate(self) -> Outcome:
        """Run the plan; when the worker dies, another one takes over as `reconcile` does."""
        try:
            return await run(self.plan, self.context(), self.journal)
        except (WorkerDied, LeaseLost):
            return await self.take_over()

    async def take_over(self) -> Outcome:
        """The next worker: its database answers, and the hosts do what it says."""
        self.journal.trouble = None
        self.source.lease_lost = self.target.lease_lost = False
        context = self.context()
        context.made = dict(self.journal.made)
        context.app_found = self.app_found
        return await recover(
            self.plan,
            context,
            self.journal,
            list(self.journal.begun),
            committed=self.journal.committed,
            cancelled=self.journal.cancel,
        )

    def _lose_lease(self) -> None:
        self.source.lease_lost = self.target.lease_lost = True

    def lost(self) -> str:
        """What was lost, in words: the service runs where its newest state is, on that host alone; empty when it does."""
        newest = "target" if self.target.went_on else "source"
        return "" if self.runs_on == [newest] else f"its newest state is at the {newest}, and it runs on {self.runs_on}"

    @property
    def runs_on(self) -> list[str]:
        return [host.name for host in (self.source, self.target) if host.running]

    def left_over(self) -> list[str]:
        """What a rolled back, cancelled or succeeded migration must not leave."""
        left = [f"{host.name}: key" for host in (self.source, self.target) if host.key or host.connected]
        left += [f"target: {sorted(self.target.incoming)}"] if self.target.incoming else []
        left += [f"{host.name}: frozen" for host in (self.source, self.target) if host.frozen]
        left += ["target: instance"] if self.target.instance and not self.target.running else []
        return left
