"""Operations: queued here, done by a worker, with what it says."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from migrations_app.dispatch import RUN_OPERATION, send_on_commit
from migrations_app.hints import hint_on_commit
from migrations_app.models import Experiment, Host, Operation, OperationKind, OperationStatus

from .leases import LeaseGone, next_lease
from .locking import lock_service, refused_when_claimed, release
from .timeline import record_operation_in_timeline

ACTIVE_OPERATIONS = (OperationStatus.QUEUED, OperationStatus.RUNNING)


@transaction.atomic
def queue_operation(
    *,
    kind: OperationKind,
    subject: str,
    argument: str = "",
    experiment: Experiment | None = None,
    by: User | None = None,
    **about: Any,
) -> Operation:
    """Queue work for a worker, with the lock of its service if it has one; `experiment` asks for it, or a person.

    Raises ValidationError when the same work on the same thing is under way, or other work has the service.
    """
    same = Operation.objects.filter(kind=kind, subject=subject, argument=argument, status__in=ACTIVE_OPERATIONS)
    if (found := same.first()) is not None:
        raise ValidationError(f"{found} is already under way: wait until it has ended.")
    operation = Operation(kind=kind, subject=subject, argument=argument, requested_by=by, **about)
    try:
        with transaction.atomic():
            operation.save()
    except IntegrityError as error:  # another person clicked at the same moment
        raise ValidationError(f"{operation} is already under way: wait until it has ended.") from error
    if operation.service is not None:
        lock_service(operation.service, operation, experiment)
    send_on_commit(RUN_OPERATION, operation.pk)
    hint_on_commit()
    return operation


@transaction.atomic
def claim_operation(*, operation_id: int) -> Operation | None:
    """Take a queued operation with a lease of its own; None when another worker has it, or other work has its service."""
    now = timezone.now()
    claimed = Operation.objects.filter(pk=operation_id, status=OperationStatus.QUEUED).update(
        status=OperationStatus.RUNNING, started_at=now, heartbeat_at=now, lease=next_lease()
    )
    hint_on_commit()
    if not claimed:
        return None
    operation = Operation.objects.get(pk=operation_id)
    if sentence := refused_when_claimed(operation):
        finish_operation(operation=operation, succeeded=False, message=sentence)
        return None
    return operation


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


@transaction.atomic
def finish_operation(*, operation: Operation, succeeded: bool, message: str, log: str = "") -> None:
    """Write down how it ended, and give its service back. Raises LeaseGone."""
    status = OperationStatus.SUCCEEDED if succeeded else OperationStatus.FAILED
    ended = Operation.objects.filter(pk=operation.pk, lease=operation.lease, status=status)
    if not ended.exists():  # it may be written again when the answer was lost
        _update(operation, status=status, message=message, log=log, finished_at=timezone.now())
        release(operation)
        record_operation_in_timeline(operation, succeeded=succeeded, message=message)


def _update(operation: Operation, **values: Any) -> None:
    mine = Operation.objects.filter(pk=operation.pk, lease=operation.lease, status=OperationStatus.RUNNING)
    if not mine.update(**values):
        raise LeaseGone(f"{operation} has another owner, or has ended.")
    hint_on_commit()
