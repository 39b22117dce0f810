"""What beat does: nothing that waits is forgotten, nothing that went silent is left half done, nothing is kept too long."""

import logging
from datetime import timedelta

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils import timezone

from migrations_app import actions, dispatch
from migrations_app.actions.running import take_over
from migrations_app.models import (
    Event,
    Experiment,
    ExperimentStatus,
    Migration,
    MigrationStatus,
    Operation,
    OperationStatus,
)
from workers import migrating, operating, records
from workers.engine import MigrationError
from workers.hosts.ssh import connect

log = logging.getLogger(__name__)
RESEND_AFTER = timedelta(seconds=3)
OPERATION_LOST = timedelta(seconds=60)
TAKE_OVER_LIMIT = timedelta(minutes=5)
MUST_WAIT = "Its worker died, and taking it over must wait"


def send_waiting() -> None:
    """Send again what is queued: its message was lost, or its hosts were busy. Claims make a second message harmless."""
    before = timezone.now() - RESEND_AFTER
    for pk in Migration.objects.filter(status=MigrationStatus.QUEUED, requested_at__lt=before).values_list(
        "pk", flat=True
    ):
        dispatch.send_now(dispatch.RUN_MIGRATION, pk)
    for pk in Operation.objects.filter(status=OperationStatus.QUEUED, requested_at__lt=before).values_list(
        "pk", flat=True
    ):
        dispatch.send_now(dispatch.RUN_OPERATION, pk)
    for pk in Experiment.objects.filter(status=ExperimentStatus.QUEUED, requested_at__lt=before).values_list(
        "pk", flat=True
    ):
        dispatch.send_now(dispatch.RUN_EXPERIMENT, pk)


def take_over_silent() -> None:
    """Undo or finish migrations whose worker died, and end operations whose worker died."""
    for pk in Migration.objects.silent().values_list("pk", flat=True):
        migration = take_over(migration_id=pk)
        if migration is not None:
            log.warning("migration %s went silent: taking it over", pk)
            _take_over(migration)
    actions.queue_silent_experiments(silent_before=timezone.now() - timedelta(seconds=settings.HEARTBEAT_LOST_SECONDS))
    lost = timezone.now() - OPERATION_LOST
    for operation in Operation.objects.filter(status=OperationStatus.RUNNING, heartbeat_at__lt=lost):
        operating.note_failure(operation)
        actions.finish_operation(
            operation=operation,
            succeeded=False,
            message="The worker that did this died: check the host, then try again.",
        )


def _take_over(migration: Migration) -> None:
    """Take one over; while a host does not answer this is said and tried again, and after a while it is stuck."""
    try:
        async_to_sync(migrating.take_over)(migrating.read_assignment(migration))
    except (MigrationError, records.NotReady) as error:
        sentence = f"{MUST_WAIT}: {error.args[0]}"
        actions.record_event(migration_id=migration.pk, kind="waiting", message=sentence)
        waiting = Event.objects.filter(migration=migration, message__startswith=MUST_WAIT).earliest("pk")
        if waiting.at < timezone.now() - TAKE_OVER_LIMIT:
            async_to_sync(migrating.give_up)(migration, sentence)
    except Exception:
        # its heartbeat goes silent again, and the next round tries anew
        log.exception("migration %s could not be taken over yet", migration.pk)


def remove_kept_states() -> None:
    """Remove saved states whose time is over; a source that does not answer is asked again later."""
    due = Migration.objects.filter(kept_until__lt=timezone.now()).select_related("source")
    for migration in due:
        try:
            async_to_sync(_remove_kept)(migration)
        except MigrationError as error:
            log.info("the saved state of migration %s stays: %s", migration.pk, error)
        else:
            actions.release_kept_state(migration_id=migration.pk)


async def _remove_kept(migration: Migration) -> None:
    async with connect(records.target_of(migration.source)) as source:
        await source.call("hosts/remove_kept", migration.pk, limit_s=120)
