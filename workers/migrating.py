"""One migration from claim to outcome, or from a dead worker's last write to it."""

import asyncio
import time
from functools import partial
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from migrations_app.models import Host, Migration, StageRun, StageStatus
from workers import records
from workers.assignment import Assignment, Held, connected, hold, plan_of
from workers.context import MigrationContext
from workers.engine import Outcome, recover, run
from workers.hosts.base import HostUnreachable, raise_first
from workers.hosts.ssh import connect
from workers.journal import MigrationJournal
from workers.lease import Lease
from workers.probe import Probe, felt_downtime

PROBE_AFTER_S = 1.0  # the user's series goes on a little beyond the last stage


async def execute(assignment: Assignment) -> Outcome:
    """Run a claimed migration to its outcome. Raises LeaseLost, with nothing more touched, when another worker has it by now."""
    async with hold(assignment.migration) as held:
        try:
            async with connected(assignment, held, user_needed=True) as ctx:
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
    async with hold(migration) as held:
        settled = (_settle(host, held.lease) for host in (assignment.source, assignment.target))
        raise_first(await asyncio.gather(*settled, return_exceptions=True))
        async with connected(assignment, held, user_needed=False) as ctx:
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


def _bytes_of(migration: Migration) -> int:
    return StageRun.objects.filter(migration=migration).aggregate(Sum("bytes_on_wire"))["bytes_on_wire__sum"] or 0


async def _settle(host: Host, lease: Lease) -> None:
    """Fence the dead worker off, and wait until its commands have ended on a host."""
    async with connect(records.endpoint_of(host), fenced=False) as reached:
        await lease.settle(reached)


def _begun(migration: Migration) -> list[int]:
    """The positions of the stages that had begun, in order."""
    waiting = (StageStatus.WAITING, StageStatus.SKIPPED, StageStatus.UNDONE)
    stages = StageRun.objects.filter(migration=migration).exclude(status__in=waiting)
    return list(stages.order_by("position").values_list("position", flat=True))


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
