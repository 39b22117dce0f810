"""What a worker writes while it holds a migration. Each write names the worker's lease in its condition (leases.py)."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from migrations_app.dispatch import RUN_MIGRATION, send_on_commit
from migrations_app.models import (
    MOVED,
    TRANSITIONS,
    Event,
    Host,
    Migration,
    MigrationStatus,
    ProbeSample,
    Service,
    ServiceStatus,
    StageRun,
    StageStatus,
)

from .leases import LeaseGone, next_lease, owning
from .locking import refused_when_claimed, release
from .timeline import record_migration_in_timeline


@transaction.atomic
def claim(*, migration_id: int) -> Migration | None:
    """Take a queued migration with a lease of its own, if it is its turn and both its hosts have room.

    None when another worker has it or it must wait: first come, first served on each host.
    """
    migration = Migration.objects.filter(pk=migration_id, status=MigrationStatus.QUEUED).first()
    if migration is None:
        return None
    # locks both rows on PostgreSQL; on SQLite the IMMEDIATE transaction is the lock
    hosts = list(
        Host.objects.select_for_update().filter(pk__in=[migration.source_id, migration.target_id]).order_by("pk")
    )
    if waits_for := _waits_for(migration, hosts):
        record_event(migration_id=migration_id, kind="waiting", message=waits_for)
        return None
    now = timezone.now()
    claimed = Migration.objects.filter(pk=migration_id, status=MigrationStatus.QUEUED).update(
        status=MigrationStatus.RUNNING, started_at=now, heartbeat_at=now, lease=next_lease()
    )
    if not claimed:
        return None
    migration.refresh_from_db()
    if sentence := refused_when_claimed(migration):
        rejected = MigrationStatus.REJECTED
        finish(migration_id=migration_id, lease=migration.lease, status=rejected, message=sentence, error=sentence)
        return None
    record_event(migration_id=migration_id, kind="started", message="A worker has begun.")
    return migration


def _waits_for(migration: Migration, hosts: list[Host]) -> str:
    """Why it is not this migration's turn, in a sentence; empty when it is."""
    for host in hosts:
        here = Migration.objects.filter(Q(source=host) | Q(target=host))
        if here.filter(status=MigrationStatus.RUNNING).count() >= settings.MIGRATIONS_PER_HOST:
            return f"Waiting: {host} is busy with others."
        if before := here.filter(status=MigrationStatus.QUEUED, pk__lt=migration.pk).order_by("pk").first():
            return f"Waiting: #{before.pk} waits for {host}, too, and came first."
    return ""


def take_over(*, migration_id: int, lease: int, heartbeat_at: datetime | None) -> Migration | None:
    """Take a migration whose owner stood still since that heartbeat; None when it beat, ended or was taken over meanwhile."""
    still = Migration.objects.filter(
        pk=migration_id, status=MigrationStatus.RUNNING, lease=lease, heartbeat_at=heartbeat_at
    )
    taken = still.update(heartbeat_at=timezone.now(), lease=next_lease())
    return Migration.objects.get(pk=migration_id) if taken else None


def commit(*, migration_id: int, lease: int) -> bool:
    """Pass the point of no return, unless a cancel came first. May be written again when the answer was lost."""
    with owning(Migration, migration_id, lease):
        return bool(
            Migration.objects.filter(pk=migration_id, cancel_requested_at=None).update(committed_at=timezone.now())
        )


def record_event(*, migration_id: int, kind: str, message: str = "", data: dict[str, Any] | None = None) -> None:
    """Add a numbered line to the journal; that it still waits for the same is said once."""
    if kind == "waiting":
        last = Event.objects.filter(migration_id=migration_id).order_by("-pk").first()
        if last is not None and last.kind == "waiting" and last.message == message:
            return
    Event.objects.create(migration_id=migration_id, kind=kind, message=message, data=data or {})


def note_event(*, migration_id: int, lease: int, kind: str, message: str) -> None:
    """Add a line for the migration's owner."""
    with owning(Migration, migration_id, lease):
        record_event(migration_id=migration_id, kind=kind, message=message)


def note_waiting(*, migration_id: int, lease: int, message: str) -> None:
    """Say for the migration's owner what it waits for; once, as long as that is the same."""
    with owning(Migration, migration_id, lease):
        record_event(migration_id=migration_id, kind="waiting", message=message)


def record_stage(*, migration_id: int, lease: int, position: int, event: str = "", **values: Any) -> None:
    """Create or change a stage's row, with an event that says so."""
    with owning(Migration, migration_id, lease):
        stages = StageRun.objects.filter(migration_id=migration_id, position=position)
        if not stages.update(**values):
            StageRun.objects.create(migration_id=migration_id, position=position, **values)
        if event:
            data = {"position": position, **_plain(values)}
            record_event(migration_id=migration_id, kind="stage", message=event, data=data)


def record_plan(*, migration_id: int, lease: int, stages: list[dict[str, Any]]) -> None:
    """Write all stages down as waiting, so that the page shows the whole way from the start."""
    with owning(Migration, migration_id, lease):
        StageRun.objects.bulk_create(
            [
                StageRun(migration_id=migration_id, position=position, status=StageStatus.WAITING, **words)
                for position, words in enumerate(stages)
            ],
            ignore_conflicts=True,
        )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if isinstance(value, str | int | float | bool | None)}


def record_progress(
    *, migration_id: int, lease: int, position: int, bytes_on_wire: int, bytes_expected: int | None
) -> None:
    """How far a running stage is; no event, since the next one replaces it."""
    with owning(Migration, migration_id, lease):
        StageRun.objects.filter(migration_id=migration_id, position=position).update(
            bytes_on_wire=bytes_on_wire, bytes_expected=bytes_expected
        )


def record_made(*, migration_id: int, lease: int, made: dict[str, Any]) -> None:
    """What the stages have made on the hosts, so that another process can undo it."""
    _update(migration_id, lease, made=made)


def record_app_found(*, migration_id: int, lease: int, app_found: bool | None) -> None:
    """Whether the target held the application layer."""
    _update(migration_id, lease, app_found=app_found)


def _update(migration_id: int, lease: int, **values: Any) -> None:
    mine = Migration.objects.filter(pk=migration_id, status=MigrationStatus.RUNNING, lease=lease)
    if not mine.update(heartbeat_at=timezone.now(), **values):
        raise LeaseGone(f"Migration {migration_id} has another owner, or has ended.")


def record_broken_off(*, migration_id: int, lease: int) -> None:
    """The stage that ran when its worker died has failed."""
    with owning(Migration, migration_id, lease):
        running = StageRun.objects.filter(migration_id=migration_id, status=StageStatus.RUNNING)
        running.update(status=StageStatus.FAILED, error="Its worker died.")


def record_samples(*, migration_id: int, lease: int, samples: list[list[float | int | None]]) -> None:
    """Store a batch of the probe's answers."""
    if samples:
        with owning(Migration, migration_id, lease):
            ProbeSample.objects.create(migration_id=migration_id, samples=samples)


def record_moved(*, migration_id: int, lease: int) -> None:
    """The service now lives on the target. Written right after the restoration, so that a crash later cannot lose it."""
    with owning(Migration, migration_id, lease):
        _move_service(Migration.objects.get(pk=migration_id))


def _move_service(migration: Migration) -> None:
    Service.objects.filter(migrations=migration).update(
        host=migration.target, status=ServiceStatus.RUNNING, private_application=migration.layers == 2
    )


@transaction.atomic
def finish(*, migration_id: int, lease: int, status: MigrationStatus, message: str, **values: Any) -> None:
    """End a migration in one named outcome, with where its service is and how long its saved state is kept.

    May be written again when the answer was lost. Raises LeaseGone.
    """
    migration = Migration.objects.get(pk=migration_id)
    if (migration.status, migration.lease) == (status, lease):
        return
    allowed = [before for before, after in TRANSITIONS if after == status]
    mine = Migration.objects.filter(pk=migration_id, status__in=allowed, lease=lease)
    if not mine.update(status=status, finished_at=timezone.now(), **_kept(migration, status), **values):
        raise LeaseGone(f"Migration {migration_id} has another owner, or has ended.")
    if status in MOVED:  # whatever became of the note that the announcement makes
        _move_service(migration)
    elif status == MigrationStatus.STUCK:
        Service.objects.filter(migrations=migration).update(status=ServiceStatus.UNKNOWN)
    release(migration)
    record_event(migration_id=migration_id, kind="outcome", message=message, data={"outcome": status})
    migration.status = status
    record_migration_in_timeline(migration)
    _send_next(migration)


def _kept(migration: Migration, status: MigrationStatus) -> dict[str, Any]:
    """How long the saved state stays on the source: until a person has looked, where it may be the only good one."""
    if status == MigrationStatus.STUCK:
        return {"state_held": True}
    if status not in MOVED:
        return {}
    answered = StageRun.objects.filter(migration=migration, name="verify", status=StageStatus.DONE)
    if not answered.exists():
        return {"state_held": True}
    seconds = 0 if migration.cell_id else settings.STATE_KEPT_SECONDS  # an experiment's need not be kept
    return {"kept_until": timezone.now() + timedelta(seconds=seconds)}


def _send_next(migration: Migration) -> None:
    """Those that wait for the same hosts need not wait for `reconcile`."""
    hosts = (migration.source_id, migration.target_id)
    waiting = Migration.objects.filter(status=MigrationStatus.QUEUED)
    waiting = waiting.filter(Q(source__in=hosts) | Q(target__in=hosts)).order_by("pk")
    for pk in waiting.values_list("pk", flat=True)[: settings.MIGRATIONS_PER_HOST]:
        send_on_commit(RUN_MIGRATION, pk)


def release_state(*, migration_id: int) -> None:
    """The saved state on the source is gone."""
    Migration.objects.filter(pk=migration_id).update(kept_until=None, state_held=False)
