"""What beat does: nothing that waits is forgotten, nothing that went silent is left half done, nothing is kept too long."""

import asyncio
import logging
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils import timezone

from migrations_app import actions, dispatch
from migrations_app.actions.leases import Work
from migrations_app.models import Event, Experiment, Host, Migration, Operation
from workers import migrating, operating, records
from workers.assignment import read_assignment
from workers.engine import MigrationError
from workers.hosts.base import raise_first
from workers.hosts.ssh import connect
from workers.lease import Lease
from workers.watching import Watch

log = logging.getLogger(__name__)
QUEUED, RUNNING = "queued", "running"
RESEND_AFTER = timedelta(seconds=3)
# how long a host that does not answer is waited for, visibly, before a person has to look
TAKE_OVER_LIMIT = timedelta(minutes=5)
MUST_WAIT = "Its worker died, and taking it over must wait"
# each kind of work: the task that does it, and the one that takes it over
KINDS: tuple[tuple[type[Work], str, str], ...] = (
    (Migration, dispatch.RUN_MIGRATION, dispatch.TAKE_OVER_MIGRATION),
    (Operation, dispatch.RUN_OPERATION, dispatch.TAKE_OVER_OPERATION),
    (Experiment, dispatch.RUN_EXPERIMENT, dispatch.TAKE_OVER_EXPERIMENT),
)
# this process's looks at the heartbeats
WATCHES: dict[type[Work], Watch[int]] = {work: Watch() for work, _run, _take_over in KINDS}


def send_waiting() -> None:
    """Send again what is queued, the oldest first: its message was lost, or its hosts were busy. Claims make a second harmless."""
    before = timezone.now() - RESEND_AFTER
    for work, task, _take_over in KINDS:
        queued = work._default_manager.filter(status=QUEUED, requested_at__lt=before).order_by("pk")
        for pk in queued.values_list("pk", flat=True):
            dispatch.send_now(task, pk)


def take_over_silent() -> None:
    """Have others take over what stood still between two looks."""
    for work, _run, task in KINDS:
        running = work._default_manager.filter(status=RUNNING).values_list("pk", "lease", "heartbeat_at")
        beats = {pk: (lease, beat) for pk, lease, beat in running}
        for pk in WATCHES[work].silent(beats, settings.HEARTBEAT_LOST_SECONDS):
            lease, beat = beats[pk]
            log.warning("%s %s is silent: it is to be taken over", work._meta.model_name, pk)
            dispatch.send_now(task, pk, lease, beat.isoformat() if beat else None)


def take_over_migration(pk: int, lease: int, beat: datetime | None) -> None:
    """Take over a migration that is still as silent as it was; say so and leave it to the next round while a host is away."""
    migration = actions.take_over(migration_id=pk, lease=lease, heartbeat_at=beat)
    if migration is None:
        return
    try:
        async_to_sync(migrating.take_over)(read_assignment(migration, user_needed=False))
    except (MigrationError, records.NotReady) as error:
        _wait_or_give_up(migration, f"{MUST_WAIT}: {error.args[0]}")


def _wait_or_give_up(migration: Migration, sentence: str) -> None:
    actions.note_waiting(migration_id=migration.pk, lease=migration.lease, message=sentence)
    waiting = Event.objects.filter(migration=migration, message__startswith=MUST_WAIT).earliest("pk")
    if waiting.at < timezone.now() - TAKE_OVER_LIMIT:
        async_to_sync(migrating.give_up)(migration, sentence)


def take_over_operation(pk: int, lease: int, beat: datetime | None) -> None:
    """End an operation whose worker died: its commands and the ways that it opened, then with what to do."""
    operation = actions.take_over_operation(operation_id=pk, lease=lease, heartbeat_at=beat)
    if operation is None:
        return
    hosts = [host for host in (operation.host, operation.peer) if host is not None]
    sentence = "The worker that did this died: check the host, then try again."
    try:
        async_to_sync(_end_on_hosts)(Lease(operation), hosts)
    except MigrationError as error:
        began = operation.started_at or timezone.now()
        if began > timezone.now() - TAKE_OVER_LIMIT:
            actions.note_progress(operation=operation, message=f"{MUST_WAIT}: {error.args[0]}")
            return
        sentence += f" What it left could not be removed, and is listed on the host's page: {error.args[0]}"
    operating.note_failure(operation)
    actions.finish_operation(operation=operation, succeeded=False, message=sentence)


async def _end_on_hosts(lease: Lease, hosts: list[Host]) -> None:
    """On each host: no command of the dead worker runs, no key of it opens it, nothing that came for it is left."""

    async def end(host: Host) -> None:
        async with connect(records.endpoint_of(host), fenced=False) as reached:
            await lease.settle(reached)
            await reached.call("hosts/remove_leftover", lease.mark, host.user, limit_s=120)

    raise_first(await asyncio.gather(*(end(host) for host in hosts), return_exceptions=True))


def remove_kept_states() -> None:
    """Remove saved states whose time is over; a source that does not answer is asked again later."""
    due = Migration.objects.filter(kept_until__lt=timezone.now()).select_related("source")
    for migration in due:
        try:
            async_to_sync(_remove_kept)(migration)
        except MigrationError as error:
            log.info("the saved state of migration %s stays: %s", migration.pk, error)
        else:
            actions.release_state(migration_id=migration.pk)


async def _remove_kept(migration: Migration) -> None:
    async with connect(records.endpoint_of(migration.source)) as source:
        await source.call("hosts/remove_kept", migration.pk, limit_s=120)
