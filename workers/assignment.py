"""What a worker has in hand while it does a migration: its records, its lease, its connections, and the context of the stages."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings

from migrations_app import actions
from migrations_app.models import Host, Migration, Origin
from workers import records
from workers.context import MigrationContext
from workers.engine import LeaseLost, MigrationError, Plan
from workers.guests import GUESTS
from workers.hosts.base import raise_first
from workers.hosts.fence import working
from workers.hosts.ssh import HostClock, SshHost, connect
from workers.journal import MigrationJournal
from workers.layers import STORES
from workers.lease import BEAT_S, Lease
from workers.plans import COPY_ROUNDS, LIVE_COPY, PLANS
from workers.probe import Probe, Question, SilentProbe, probing
from workers.specs import MigrationSpec
from workers.transfer.meter import Meter
from workers.transfer.rsync import Transfer

log = logging.getLogger(__name__)
PROGRESS_S = 0.3


@dataclass(frozen=True)
class Assignment:
    """Everything of a migration that is read from the database before it begins."""

    migration: Migration
    spec: MigrationSpec
    source: Host
    target: Host
    user: Host | None  # of a take-over it is not needed
    question: Question


def read_assignment(migration: Migration, *, user_needed: bool = True) -> Assignment:
    """Raises records.NotReady when something the migration needs is not in the portal's records."""
    spec = records.spec_of(migration)
    assert migration.service is not None  # spec_of has refused it otherwise
    question = records.question_of(migration.service, settings.PROBE_INTERVAL_MS)
    user = records.user_side() if user_needed else Host.objects.probes().first()
    return Assignment(migration, spec, migration.source, migration.target, user, question)


@dataclass(frozen=True)
class Held:
    """A migration in this worker's hands: all that lasts as long as its lease."""

    lease: Lease
    journal: MigrationJournal[MigrationContext]
    meter: Meter
    began: float


def plan_of(migration: Migration) -> Plan[MigrationContext]:
    """The table of this migration's way."""
    limit_s = settings.LIVE_LIMIT_SECONDS
    plan = PLANS[migration.way.key]
    return tuple(replace(stage, time_limit_s=limit_s) if stage in (LIVE_COPY, COPY_ROUNDS) else stage for stage in plan)


@asynccontextmanager
async def hold(migration: Migration) -> AsyncIterator[Held]:
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
async def connected(assignment: Assignment, held: Held, *, user_needed: bool) -> AsyncIterator[MigrationContext]:
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
            "name": assignment.spec.instance.app_layer,
            "kind": assignment.spec.instance.kind,
            "storage": assignment.spec.instance.storage,
            "digest": digest,
            "size_bytes": size,
            "origin": Origin.MIGRATED,
        }
        await held.lease.read(partial(actions.record_layer_copy, **about))

    return MigrationContext(
        spec=assignment.spec,
        source=source,
        target=target,
        guest=GUESTS[assignment.spec.instance.kind],
        store=STORES[assignment.spec.instance.kind, assignment.spec.instance.storage],
        transfer=Transfer(str(assignment.spec.migration), source, target),
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
                stack.enter_async_context(connect(records.endpoint_of(host, bandwidth), clock, fenced=mec))
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
