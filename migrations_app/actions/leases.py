"""Who may write: the owner's number is part of each write's condition, so that one who was taken for dead writes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from migrations_app.models import Experiment, Migration, Operation

RUNNING = "running"  # the same word in all three
Work = Migration | Operation | Experiment


class LeaseGone(BaseException):
    """Another worker has taken this work over, or it has ended: nothing was written.

    Not an Exception, so that nothing on its way takes it for a failure of the work itself.
    """


@contextmanager
def owning(work: type[Work], pk: int, lease: int) -> Iterator[None]:
    """A transaction in which the worker with this lease owns the work; each is a heartbeat, too. Raises LeaseGone."""
    with transaction.atomic():
        beat(work, pk, lease)
        yield


def beat(work: type[Work], pk: int, lease: int) -> None:
    """Show that the worker lives. Raises LeaseGone."""
    mine = work._default_manager.filter(pk=pk, status=RUNNING, lease=lease)
    if not mine.update(heartbeat_at=timezone.now()):
        raise LeaseGone(f"{work._meta.verbose_name} {pk} has another owner, or has ended.")
