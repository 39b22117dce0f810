"""What the commands share: finding things with one clear sentence, and following work that a worker does."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import models

from migrations_app.management.answering import WatchingEnded
from migrations_app.models import Migration, MigrationStatus, Operation, OperationStatus

M = TypeVar("M", bound=models.Model)

POLL_S = 0.1
WORKER_LIMIT_S = 15.0


def get(model: type[M], name: str) -> M:
    """The row of this name, or a CommandError that lists the names there are."""
    row = model._default_manager.filter(name=name).first()
    if row is None:
        known = ", ".join(str(row) for row in model._default_manager.all()[:20]) or "none yet"
        raise CommandError(f"There is no {model._meta.verbose_name} “{name}”. There are: {known}.")
    return row


def refused(error: ValidationError) -> CommandError:
    """A refusal as the command line says it: one sentence a line."""
    return CommandError("\n".join(error.messages))


def follow_operation(operation: Operation, say: Callable[[str], None]) -> None:
    """Wait until the operation has ended, saying what it does; CommandError with its sentence when it failed."""
    said, began = "", time.monotonic()
    while True:
        operation.refresh_from_db()
        if operation.message and operation.message != said:
            said = operation.message
            if operation.is_active:
                say(said)
        if operation.status == OperationStatus.FAILED:
            raise CommandError(f"{operation}: {operation.message}")
        if operation.status == OperationStatus.SUCCEEDED:
            say(operation.message)
            return
        if operation.status == OperationStatus.QUEUED and time.monotonic() - began > WORKER_LIMIT_S:
            raise CommandError(
                "No worker has taken this yet: is the portal running (./manage.py portal up)? It stays queued."
            )
        time.sleep(POLL_S)


def follow_migration(migration: Migration, show: Callable[[Migration], None]) -> Migration:
    """Wait until the migration has ended, showing it each tenth of a second; the migration as it ended."""
    began = time.monotonic()
    while True:
        migration.refresh_from_db()
        show(migration)
        if not migration.is_active:
            return migration
        if migration.status == MigrationStatus.QUEUED and time.monotonic() - began > WORKER_LIMIT_S:
            waiting = migration.events.filter(kind="waiting").exists()
            if not waiting:
                raise WatchingEnded(
                    migration,
                    f"No worker has taken migration #{migration.pk} yet: is the portal running (./manage.py portal up)? "
                    "It stays queued; cancel it on its page.",
                )
        time.sleep(POLL_S)
