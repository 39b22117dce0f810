"""Operations: queued here, done by a worker, with what it says."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from migrations_app.dispatch import RUN_OPERATION, send_on_commit
from migrations_app.hints import hint_on_commit
from migrations_app.models import Host, Operation, OperationKind, OperationStatus

from .leases import LeaseGone, next_lease

ACTIVE_OPERATIONS = (OperationStatus.QUEUED, OperationStatus.RUNNING)


@transaction.atomic
def queue_operation(*, kind: OperationKind, subject: str, by: User | None = None, **about: Any) -> Operation:
    """Queue work for a worker; the same work on the same thing twice at once is refused."""
    same = Operation.objects.filter(kind=kind, subject=subject, status__in=ACTIVE_OPERATIONS).first()
    if same is not None:
        raise ValidationError(f"{same} is already under way: wait until it has ended.")
    operation = Operation.objects.create(kind=kind, subject=subject, requested_by=by, **about)
    send_on_commit(RUN_OPERATION, operation.pk)
    hint_on_commit()
    return operation


def claim_operation(*, operation_id: int) -> Operation | None:
    """Take a queued operation with a lease of its own; None when another worker has it."""
    now = timezone.now()
    claimed = Operation.objects.filter(pk=operation_id, status=OperationStatus.QUEUED).update(
        status=OperationStatus.RUNNING, started_at=now, heartbeat_at=now, lease=next_lease()
    )
    hint_on_commit()
    return Operation.objects.get(pk=operation_id) if claimed else None


def take_over_operation(*, operation_id: int, lease: int, heartbeat_at: datetime | None) -> Operation | None:
    """Take an operation whose owner stood still since that heartbeat; None when it beat or ended meanwhile."""
    still = Operation.objects.filter(
        pk=operation_id, status=OperationStatus.RUNNING, lease=lease, heartbeat_at=heartbeat_at
    )
    taken = still.update(heartbeat_at=timezone.now(), lease=next_lease())
    return Operation.objects.get(pk=operation_id) if taken else None


def note_progress(*, operation: Operation, message: str) -> None:
    """Say what the operation is doing now. Raises LeaseGone."""
    _update(operation, message=message, heartbeat_at=timezone.now())


def note_peer(*, operation: Operation, peer: Host) -> None:
    """Write down which host a layer is fetched from, before anything is opened there. Raises LeaseGone."""
    _update(operation, peer=peer)


def finish_operation(*, operation: Operation, succeeded: bool, message: str, log: str = "") -> None:
    """Write down how it ended. Raises LeaseGone."""
    status = OperationStatus.SUCCEEDED if succeeded else OperationStatus.FAILED
    ended = Operation.objects.filter(pk=operation.pk, lease=operation.lease, status=status)
    if not ended.exists():  # it may be written again when the answer was lost
        _update(operation, status=status, message=message, log=log, finished_at=timezone.now())


def _update(operation: Operation, **values: Any) -> None:
    mine = Operation.objects.filter(pk=operation.pk, lease=operation.lease, status=OperationStatus.RUNNING)
    if not mine.update(**values):
        raise LeaseGone(f"{operation} has another owner, or has ended.")
    hint_on_commit()
