"""One migration from claim to outcome, on one event loop: connections, probe, meter, heartbeat, and the engine in their midst."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from migrations_app import actions
from migrations_app.models import Host, Migration, Origin, StageRun, StageStatus
from workers import records
from workers.context import MigrationContext
from workers.engine import LeaseLost, MigrationError, Outcome, Plan, recover, run
from workers.guests import GUESTS
from workers.hosts.base import HostUnreachable, raise_first
from workers.hosts.fence import working
from workers.hosts.ssh import HostClock, SshHost, connect
from workers.journal import MigrationJournal
from workers.layers import STORES
from workers.lease import BEAT_S, Lease
from workers.move import Move
from workers.plans import LIVE_COPY, PLANS
from workers.probe import Probe, Question, SilentProbe, felt_downtime, probing
from workers.transfer.meter import Meter
from workers.transfer.rsync import Transfer

log = logging.getLogger(__name__)
PROGRESS_S = 0.3
PROBE_AFTER_S = 1.0  # the user's series goes on a little beyond the last stage


@dataclass(frozen=True)
class Assignment:
    """Everything of a migration that is read from the database before it begins."""

    migration: Migration
    move: Move
    source: Host
    target: Host
    user: Host | None  # of a take-over it is not needed
    question: Question


def read_assignment(migration: Migration, *, user_needed: bool = True) -> Assignment:
    """Raises records.NotReady when something the migration needs is not in the portal's records."""
    move = records.move_of(migration)
    assert migration.service is not None  # move_of has refused it otherwise
    question = records.question_of(migration.service, settings.PROBE_INTERVAL_MS)
    user = records.user_side() if user_needed else Host.objects.probes().first()
    return Assignment(migration, move, migration.source, migration.target, user, question)


@dataclass(frozen=True)
class Held:
    """A migration in this worker's hands: all that lasts as long as its lease."""

    lease: Lease
    journal: MigrationJournal[MigrationContext]
    meter: Meter
    began: float


async def execute(assignment: Assignment) -> Outcome:
    """Run a claimed migration to its outcome. Raises LeaseLost, with nothing more touched, when another worker has it by now."""
    async with _held(assignment.migration) as held:
        try:
            async with _world(assignment, held, user_needed=True) as ctx:
                return await _run(assignment.migration, held, ctx)
        except HostUnreachable:
            await held.journal.finish(Outcome.REJECTED, total_s=round(time.monotonic() - held.began, 3))
            return Outcome.REJECTED


async def _run(migration: Migration, held: Held, ctx: MigrationContext) -> Outcome:
    await held.journal.announce_plan()
    outcome = await run(plan_of(migration), ctx, held.journal)
    if outcome is Outcome.REJECTED:
        forget = (host.call("hosts/forget", held.lease.mark) for host in (ctx.source, ctx.target))
        await asyncio.gather(*forget, return_exceptions=True)
    total_s = time.monotonic() - held.began
    portal_s = total_s - ctx.clock.measured_s()
    sent = await held.lease.read(partial(_bytes_of, migration))  # with what a broken-off stage had sent
    ctx.bytes_on_wire = max(ctx.bytes_on_wire, sent)
    await _finish(ctx, held.journal, outcome, total_s, portal_s)
    return outcome


async def take_over(assignment: Assignment) -> Outcome:
    """Undo or finish a migration whose worker died; it needs the two MEC hosts, and asks the user where it can.

    Raises MigrationError while one of them cannot be reached: nothing was touched then, and it is to be tried again.
    """
    migration = assignment.migration
    async with _held(migration) as held:
        settled = (_settle(host, held.lease) for host in (assignment.source, assignment.target))
        raise_first(await asyncio.gather(*settled, return_exceptions=True))
        async with _world(assignment, held, user_needed=False) as ctx:
            ctx.made = dict(migration.made)
            ctx.app_found = bool(migration.app_found)
            begun = await held.lease.read(partial(_begun, migration))
            await held.journal.broken_off()
            outcome = await recover(
                plan_of(migration),
                ctx,
                held.journal,
                begun,
                committed=migration.committed_at is not None,
                cancelled=migration.cancel_requested_at is not None,
            )
            ctx.bytes_on_wire = await held.lease.read(partial(_bytes_of, migration))
            began = migration.started_at or timezone.now()
            total_s = (timezone.now() - began).total_seconds()
            await _finish(ctx, held.journal, outcome, total_s=total_s, portal_s=None)
            return outcome


async def give_up(migration: Migration, sentence: str, outcome: Outcome = Outcome.STUCK) -> None:
    """End a migration that no plan was run for, or can be run to its end, with one sentence."""
    journal = MigrationJournal(migration, Lease(migration), plan_of(migration), 0.0, lambda: 0)
    await journal.problem(sentence)
    await journal.finish(outcome)


def plan_of(migration: Migration) -> Plan[MigrationContext]:
    """The table of this migration's method and number of layers."""
    limited = replace(LIVE_COPY, time_limit_s=settings.LIVE_LIMIT_SECONDS)
    return tuple(limited if stage is LIVE_COPY else stage for stage in PLANS[migration.method, migration.layers])


def _bytes_of(migration: Migration) -> int:
    return StageRun.objects.filter(migration=migration).aggregate(Sum("bytes_on_wire"))["bytes_on_wire__sum"] or 0


async def _settle(host: Host, lease: Lease) -> None:
    """Fence the dead worker off, and wait until its commands have ended on a host."""
    async with connect(records.target_of(host), fenced=False) as reached:
        await reached.call("hosts/settle", lease.mark, lease.number, 20, limit_s=40)


def _begun(migration: Migration) -> list[int]:
    """The positions of the stages that had begun, in order."""
    waiting = (StageStatus.WAITING, StageStatus.SKIPPED, StageStatus.UNDONE)
    stages = StageRun.objects.filter(migration=migration).exclude(status__in=waiting)
    return list(stages.order_by("position").values_list("position", flat=True))


@asynccontextmanager
async def _held(migration: Migration) -> AsyncIterator[Held]:
    """Hold the migration's lease, beating."""
    lease, meter, began = Lease(migration), Meter(), time.monotonic()
    journal: MigrationJournal[MigrationContext] = MigrationJournal(
        migration, lease, plan_of(migration), began, meter.sent
    )
    with working(lease):
        beating = asyncio.create_task(_every(BEAT_S, partial(lease.write, lease.beat)))
        try:
            yield Held(lease, journal, meter, began)
        finally:
            await _end(beating)


@asynccontextmanager
async def _world(assignment: Assignment, held: Held, *, user_needed: bool) -> AsyncIterator[MigrationContext]:
    """Connect to the hosts and build the context. Raises HostUnreachable, each reason noted, when one is not reached."""
    journal, clock = held.journal, HostClock()
    async with AsyncExitStack() as stack:
        source, target, user = await _connect(assignment, stack, clock, journal, user_needed)
        facts = await held.lease.read(lambda: assignment.source.facts_or_none)
        interface = facts.values.get("backhaul_interface", "") if facts else ""
        if interface:
            stack.push_async_callback(_end, asyncio.create_task(held.meter.read(source, interface)))
        stack.push_async_callback(_end, asyncio.create_task(_every(PROGRESS_S, journal.progress)))
        probe: Probe = SilentProbe(assignment.question, held.began, journal.samples)
        if user is not None:
            asking = probing(user, assignment.question, held.began, journal.samples)
            probe = await stack.enter_async_context(asking)
        yield _context(assignment, source, target, probe, held, clock)


def _context(
    assignment: Assignment,
    source: SshHost,
    target: SshHost,
    probe: Probe,
    held: Held,
    clock: HostClock,
) -> MigrationContext:
    journal = held.journal
    service = assignment.migration.service
    assert service is not None

    async def app_kept(digest: str, size: int) -> None:
        about: dict[str, Any] = {
            "host": assignment.target,
            "application": service.application,
            "name": assignment.move.station.app_layer,
            "kind": assignment.move.station.kind,
            "storage": assignment.move.station.storage,
            "digest": digest,
            "size_bytes": size,
            "origin": Origin.MIGRATED,
        }
        await held.lease.read(partial(actions.record_layer_copy, **about))

    return MigrationContext(
        move=assignment.move,
        source=source,
        target=target,
        guest=GUESTS[assignment.move.station.kind],
        store=STORES[assignment.move.station.kind, assignment.move.station.storage],
        transfer=Transfer(str(assignment.move.migration), source, target),
        probe=probe,
        clock=clock,
        remember=journal.remember,
        note=journal.note,
        problem=journal.problem,
        moved=journal.moved,
        app_kept=app_kept,
        began=held.began,
    )


async def _connect(
    assignment: Assignment,
    stack: AsyncExitStack,
    clock: HostClock,
    journal: MigrationJournal[MigrationContext],
    user_needed: bool,
) -> tuple[SshHost, SshHost, SshHost | None]:
    """Connect to all three at once. Raises HostUnreachable when one that is needed is not reached, with every reason noted."""
    bandwidth = assignment.migration.bandwidth_mbit
    roles = [(assignment.source, True), (assignment.target, True)]
    if assignment.user is not None:
        roles.append((assignment.user, False))
    with clock:
        opened = await asyncio.gather(
            *(
                stack.enter_async_context(connect(records.target_of(host, bandwidth), clock, fenced=mec))
                for host, mec in roles
            ),
            return_exceptions=True,
        )
    raise_first(one for one in opened if isinstance(one, BaseException) and not isinstance(one, MigrationError))
    for error in opened:
        if isinstance(error, MigrationError):
            await journal.problem(str(error.args[0]))
    needed = opened if user_needed else opened[:2]
    raise_first(needed)
    source, target, *rest = opened
    assert isinstance(source, SshHost) and isinstance(target, SshHost)
    return source, target, next((user for user in rest if isinstance(user, SshHost)), None)


async def _finish(
    ctx: MigrationContext,
    journal: MigrationJournal[Any],
    outcome: Outcome,
    total_s: float,
    portal_s: float | None,
) -> None:
    """Let the user's series run a little longer, then write the figures down."""
    end = time.monotonic() - ctx.began
    if outcome is not Outcome.REJECTED:
        await asyncio.sleep(PROBE_AFTER_S)
    await ctx.probe.flush()
    figures: dict[str, Any] = {"total_s": round(total_s, 4), "bytes_on_wire": ctx.bytes_on_wire}
    if portal_s is not None:
        figures["portal_s"] = round(portal_s, 4)
    if ctx.suspended_at is not None and outcome is not Outcome.REJECTED:
        interval = ctx.probe.question.interval_s
        felt = felt_downtime(ctx.probe.series.arrivals(), _first_answer(ctx.probe), end + PROBE_AFTER_S / 2, interval)
        figures["probe_downtime_s"] = round(felt, 4)
        if ctx.restored_at is not None:
            figures["downtime_s"] = round(ctx.restored_at - ctx.suspended_at, 4)
    await journal.finish(outcome, **figures)


def _first_answer(probe: Probe) -> float:
    """The user's downtime is counted from the first answer on: before it nothing had been asked."""
    arrivals = probe.series.arrivals()
    return arrivals[0] if arrivals else 0.0


async def _every(seconds: float, action: Callable[[], Awaitable[object]]) -> None:
    """Do it again and again; once that goes wrong is no reason not to do it the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await action()
        except LeaseLost:
            return
        except Exception as error:
            log.warning("%s: %s", action, error)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
