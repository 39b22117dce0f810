"""The timeline: what happened to hosts and services, and who did it. Written in the transaction of what it tells of."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from migrations_app.models import (
    MOVED,
    Host,
    Migration,
    MigrationStatus,
    Operation,
    OperationKind,
    Service,
    TimelineEvent,
    TimelineKind,
)

KEPT_FOR = timedelta(days=90)
# what a host says of itself is on its page: that it was asked is nothing that happened to it
NOT_RECORDED = frozenset({OperationKind.CHECK_HOST})


def record_in_timeline(
    kind: TimelineKind,
    message: str,
    *,
    host: Host | None = None,
    service: Service | None = None,
    log: str = "",
    by: User | None = None,
) -> None:
    """Add an event about a host, a service, or a service on a host."""
    TimelineEvent.objects.create(
        kind=kind,
        message=message,
        host=host,
        host_name=host.name if host else "",
        service=service,
        service_name=service.name if service else "",
        log=log,
        by=by,
    )


def record_migration_in_timeline(migration: Migration) -> None:
    """Add how a migration ended, for the service and both its hosts."""
    status = MigrationStatus(migration.status)
    moved = status in MOVED
    way = f"{migration.service_name}: {migration.source} to {migration.target}"
    TimelineEvent.objects.create(
        kind=TimelineKind.MIGRATED if moved else TimelineKind.NOT_MIGRATED,
        message=f"{way}, {status.label[0].lower()}{status.label[1:]}.",
        host=migration.source,
        host_name=migration.source.name,
        other_host=migration.target,
        service=migration.service,
        service_name=migration.service_name,
        migration=migration,
        by=migration.requested_by,
    )


def record_operation_in_timeline(operation: Operation, *, succeeded: bool, message: str) -> None:
    """Add how an operator's work ended; its service may be gone by then."""
    if operation.kind in NOT_RECORDED:
        return
    service = Service.objects.filter(pk=operation.service_id).first() if operation.service_id else None
    TimelineEvent.objects.create(
        kind=TimelineKind.OPERATED if succeeded else TimelineKind.FAILED,
        message=f"{operation}: {message}",
        host=operation.host,
        host_name=operation.host.name if operation.host else "",
        service=service,
        service_name=operation.subject if operation.service_id else "",
        by=operation.requested_by,
    )


def remove_old_events() -> int:
    """Remove events that are older than three months; how many."""
    removed, _by_model = TimelineEvent.objects.filter(at__lt=timezone.now() - KEPT_FOR).delete()
    return removed
