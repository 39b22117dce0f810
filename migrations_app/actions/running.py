"""What a worker writes while it holds a migration. Each transition is one guarded UPDATE."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from migrations_app.models import (
    TRANSITIONS,
    Event,
    Host,
    Migration,
    MigrationStatus,
    ProbeSample,
    Service,
    ServiceStatus,
    StageRun,
)

from .locking import refused_when_claimed, release
from .migrations import reject_unclaimed


@transaction.atomic
def claim(*, migration_id: int) -> Migration | None:
    """Take a queued migration, if both its hosts have room; None when another worker has it or it must wait."""
    migration = Migration.objects.filter(pk=migration_id, status=MigrationStatus.QUEUED).first()
    if migration is None:
        return None
    if sentence := refused_when_claimed(migration):
        reject_unclaimed(migration=migration, sentence=sentence)
        return None
    # locks both rows on PostgreSQL; on SQLite the IMMEDIATE transaction is the lock
    hosts = list(
        Host.objects.select_for_update().filter(pk__in=[migration.source_id, migration.target_id]).order_by("pk")
    )
    running = Migration.objects.filter(status=MigrationStatus.RUNNING)
    for host in hosts:
        if running.filter(Q(source=host) | Q(target=host)).count() >= settings.MIGRATIONS_PER_HOST:
            record_event(migration_id=migration_id, kind="waiting", message=f"Waiting: {host} is busy with others.")
            return None
    now = timezone.now()
    claimed = Migration.objects.filter(pk=migration_id, status=MigrationStatus.QUEUED).update(
        status=MigrationStatus.RUNNING, started_at=now, heartbeat_at=now
    )
    if not claimed:
        return None
    record_event(migration_id=migration_id, kind="started", message="A worker has begun.")
    migration.refresh_from_db()
    return migration


def beat(*, migration_id: int) -> None:
    """Show that the worker lives."""
    Migration.objects.filter(pk=migration_id, status=MigrationStatus.RUNNING).update(heartbeat_at=timezone.now())


def take_over(*, migration_id: int) -> Migration | None:
    """Take a migration whose worker went silent; None when another process was faster."""
    taken = Migration.objects.silent().filter(pk=migration_id).update(heartbeat_at=timezone.now())
    return Migration.objects.get(pk=migration_id) if taken else None


def commit(*, migration_id: int) -> bool:
    """Pass the point of no return, unless a cancel came first."""
    return bool(
        Migration.objects.filter(
            pk=migration_id, status=MigrationStatus.RUNNING, cancel_requested_at=None, committed_at=None
        ).update(committed_at=timezone.now())
    )


def record_event(*, migration_id: int, kind: str, message: str = "", data: dict[str, Any] | None = None) -> None:
    """Add a numbered line to the journal."""
    last = Event.objects.filter(migration_id=migration_id).order_by("-pk").first()
    if kind == "waiting" and last is not None and last.kind == "waiting" and last.message == message:
        return
    Event.objects.create(migration_id=migration_id, kind=kind, message=message, data=data or {})


@transaction.atomic
def record_stage(*, migration_id: int, position: int, event: str = "", **values: Any) -> None:
    """Create or change a stage's row, with an event that says so."""
    StageRun.objects.update_or_create(migration_id=migration_id, position=position, defaults=values)
    if event:
        record_event(
            migration_id=migration_id, kind="stage", message=event, data={"position": position, **_plain(values)}
        )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if isinstance(value, str | int | float | bool | None)}


def record_progress(*, migration_id: int, position: int, bytes_on_wire: int, bytes_expected: int | None) -> None:
    """How far a running stage is; no event, since the next one replaces it."""
    StageRun.objects.filter(migration_id=migration_id, position=position).update(
        bytes_on_wire=bytes_on_wire, bytes_expected=bytes_expected
    )


def record_made(*, migration_id: int, made: dict[str, Any]) -> None:
    """What the stages have made on the hosts, so that another process can undo it."""
    Migration.objects.filter(pk=migration_id).update(made=made)


def record_samples(*, migration_id: int, samples: list[list[float | int | None]]) -> None:
    """Store a batch of the probe's answers."""
    if samples:
        ProbeSample.objects.create(migration_id=migration_id, samples=samples)


@transaction.atomic
def record_moved(*, migration: Migration, private_application: bool) -> None:
    """The service now lives on the target. Written right after the restoration, so that a crash later cannot lose it."""
    if migration.service is None:  # removed meanwhile
        return
    Service.objects.filter(pk=migration.service.pk).update(
        host=migration.target, status=ServiceStatus.RUNNING, private_application=private_application
    )


@transaction.atomic
def finish(*, migration_id: int, status: MigrationStatus, message: str, **values: Any) -> bool:
    """End a migration in one named outcome; False when it had ended before."""
    allowed = [before for before, after in TRANSITIONS if after == status]
    done = Migration.objects.filter(pk=migration_id, status__in=allowed).update(
        status=status, finished_at=timezone.now(), **values
    )
    if done:
        release(Migration(pk=migration_id))
        record_event(migration_id=migration_id, kind="outcome", message=message, data={"outcome": status})
    return bool(done)


def keep_state(*, migration_id: int) -> None:
    """Note until when the saved state on the source is kept; an experiment's need not be."""
    kept = Migration.objects.filter(pk=migration_id)
    until = timezone.now() + timedelta(seconds=settings.STATE_KEPT_SECONDS)
    kept.filter(cell=None).update(kept_until=until)
    kept.exclude(cell=None).update(kept_until=timezone.now())


def release_kept_state(*, migration_id: int) -> None:
    """The saved state on the source is gone."""
    Migration.objects.filter(pk=migration_id).update(kept_until=None)
