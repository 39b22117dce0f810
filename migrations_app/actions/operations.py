"""Operations: queued here, done by a worker, with what it says."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from migrations_app.dispatch import RUN_OPERATION, send_on_commit
from migrations_app.hints import hint_on_commit
from migrations_app.models import Operation, OperationKind, OperationStatus

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
    """Take a queued operation; None when another worker has it."""
    now = timezone.now()
    claimed = Operation.objects.filter(pk=operation_id, status=OperationStatus.QUEUED).update(
        status=OperationStatus.RUNNING, started_at=now, heartbeat_at=now
    )
    hint_on_commit()
    return Operation.objects.get(pk=operation_id) if claimed else None


def note_progress(*, operation: Operation, message: str) -> None:
    """Say what the operation is doing now."""
    Operation.objects.filter(pk=operation.pk).update(message=message, heartbeat_at=timezone.now())
    hint_on_commit()


def finish_operation(*, operation: Operation, succeeded: bool, message: str, log: str = "") -> None:
    """Write down how it ended."""
    Operation.objects.filter(pk=operation.pk).update(
        status=OperationStatus.SUCCEEDED if succeeded else OperationStatus.FAILED,
        message=message,
        log=log,
        finished_at=timezone.now(),
    )
    hint_on_commit()
