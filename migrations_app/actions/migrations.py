"""What a person decides about a migration: request it, cancel it."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from migrations_app.admission.verdict import verdict
from migrations_app.dispatch import RUN_MIGRATION, send_on_commit
from migrations_app.hints import hint_on_commit
from migrations_app.models import (
    Cell,
    Event,
    Experiment,
    Host,
    Migration,
    MigrationStatus,
    Service,
)
from migrations_app.technologies.findings import faults
from migrations_app.technologies.ways import THREE_LAYERS, Way

from .locking import lock_service, release


def request_migration(
    *,
    service: Service,
    target: Host,
    way: Way = THREE_LAYERS,
    by: User | None = None,
    reason: str = "",
    forecast: dict[str, Any] | None = None,
    layers_chosen: str = "",
    cell: Cell | None = None,
) -> Migration:
    """Queue the migration of a running service, and start it by task name.

    Raises ValidationError with every reason why it cannot be.
    """
    try:
        service.refresh_from_db()
    except Service.DoesNotExist as error:
        raise ValidationError(f"{service} was removed meanwhile.") from error
    experiment = cell.experiment if cell else None
    if refused := faults(verdict(service, target, way=way, experiment=experiment)):
        raise ValidationError(refused)
    try:
        return _queue(
            service,
            experiment,
            target=target,
            layers=way.layers,
            method=way.method,
            idle_memory=way.idle_memory,
            bandwidth_mbit=cell.bandwidth_mbit if cell else min(service.host.bandwidth_mbit, target.bandwidth_mbit),
            layers_chosen=layers_chosen,
            cell=cell,
            requested_by=by,
            reason=reason,
            forecast=forecast or {},
        )
    except IntegrityError as error:  # another person clicked at the same moment
        raise ValidationError(f"{service} is already being migrated: wait until that has ended.") from error


@transaction.atomic
def _queue(service: Service, experiment: Experiment | None, **about: Any) -> Migration:
    """Write it down with its service's lock, and send it."""
    migration = Migration.objects.create(
        service=service,
        service_name=service.name,
        application_name=service.application.history_name,
        source=service.host,
        kind=service.kind,
        storage=service.storage,
        **about,
    )
    lock_service(service, migration, experiment)
    Event.objects.create(migration=migration, kind="queued", message="Waiting for a worker.")
    send_on_commit(RUN_MIGRATION, migration.pk)
    hint_on_commit(migration.pk)
    return migration


def cancel_migration(*, migration: Migration, by: User | None = None) -> None:
    """Ask for the end of a migration; from the point of no return on it is refused.

    One UPDATE with the condition in it: losing the race against the commit is an ordinary refusal.
    """
    now = timezone.now()
    who = f" by {by}" if by else ""
    with transaction.atomic():
        waiting = Migration.objects.filter(pk=migration.pk, status=MigrationStatus.QUEUED).update(
            status=MigrationStatus.CANCELLED,
            cancel_requested_at=now,
            finished_at=now,
            error=f"Cancelled{who} while it waited.",
        )
        running = Migration.objects.filter(pk=migration.pk, status=MigrationStatus.RUNNING)
        asked = waiting or running.before_no_return().update(cancel_requested_at=now)
        if not asked:
            migration.refresh_from_db()
            if migration.is_active:
                raise ValidationError("The service is already being restored on its target: it is too late to cancel.")
            raise ValidationError(f"This migration has ended: {migration.shown_status.label.lower()}.")
        if waiting:
            release(migration)
        kind = "outcome" if waiting else "cancel_requested"
        Event.objects.create(migration=migration, kind=kind, message=f"Cancel requested{who}.")
        hint_on_commit(migration.pk)
