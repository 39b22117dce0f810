"""Celery: thin. What is claimed here is claimed in the database; no task is ever retried.

Two queues (settings.CELERY_TASK_ROUTES): migrations and operations wait for each other in one, and what looks after them, or
waits for them itself, is in another with threads of its own.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps

from asgiref.sync import async_to_sync
from celery import shared_task
from django.db import close_old_connections

from migrations_app import actions, dispatch
from migrations_app.actions.leases import LeaseGone
from workers import experimenting, looking, migrating, operating, reconciling, records
from workers.assignment import read_assignment
from workers.engine import LeaseLost, Outcome

log = logging.getLogger(__name__)


def _ends_with_its_lease(task: Callable[..., None]) -> Callable[..., None]:
    """A worker that another one took for dead stops here, quietly: what it did is the other one's now."""

    @wraps(task)
    def run(*words: object) -> None:
        close_old_connections()
        try:
            task(*words)
        except (LeaseLost, LeaseGone) as error:
            log.warning("%s%s stops: %s", task.__name__, words, error)

    return run


def _moment(words: str | None) -> datetime | None:
    return datetime.fromisoformat(words) if words else None


@shared_task(name=dispatch.RUN_MIGRATION)
@_ends_with_its_lease
def run_migration(migration_id: int) -> None:
    """Run one migration, if this worker wins the claim."""
    migration = actions.claim(migration_id=migration_id)
    if migration is None:
        return
    try:
        assignment = read_assignment(migration)
    except records.NotReady as error:
        async_to_sync(migrating.give_up)(migration, str(error.args[0]), Outcome.REJECTED)
        return
    async_to_sync(migrating.execute)(assignment)


@shared_task(name=dispatch.TAKE_OVER_MIGRATION)
@_ends_with_its_lease
def take_over_migration(migration_id: int, lease: int, beat: str | None) -> None:
    """Undo or finish a migration whose worker died."""
    reconciling.take_over_migration(migration_id, lease, _moment(beat))


@shared_task(name=dispatch.RUN_OPERATION)
@_ends_with_its_lease
def run_operation(operation_id: int) -> None:
    """Do one piece of work that is no migration, if this worker wins the claim."""
    operation = actions.claim_operation(operation_id=operation_id)
    if operation is not None:
        operating.execute(operation)


@shared_task(name=dispatch.TAKE_OVER_OPERATION)
@_ends_with_its_lease
def take_over_operation(operation_id: int, lease: int, beat: str | None) -> None:
    """End an operation whose worker died."""
    reconciling.take_over_operation(operation_id, lease, _moment(beat))


@shared_task(name=dispatch.RUN_EXPERIMENT)
@_ends_with_its_lease
def run_experiment(experiment_id: int) -> None:
    """Run or go on with an experiment, if this worker wins the claim."""
    experiment = actions.claim_experiment(experiment_id=experiment_id)
    if experiment is not None:
        experimenting.execute(experiment)


@shared_task(name=dispatch.TAKE_OVER_EXPERIMENT)
@_ends_with_its_lease
def take_over_experiment(experiment_id: int, lease: int, beat: str | None) -> None:
    """Let another worker go on with an experiment whose worker died: with its first unfinished cell."""
    actions.queue_silent_experiment(experiment_id=experiment_id, lease=lease, heartbeat_at=_moment(beat))


@shared_task(name="workers.reconcile")
def reconcile() -> None:
    """Send again what waits in the queue, and have taken over what went silent."""
    close_old_connections()
    reconciling.send_waiting()
    reconciling.take_over_silent()


@shared_task(name="workers.remove_kept_states")
def remove_kept_states() -> None:
    """Remove saved states from sources whose time is over."""
    close_old_connections()
    reconciling.remove_kept_states()


@shared_task(name="workers.look_at_hosts")
def look_at_hosts() -> None:
    """Look at each host whose turn it is."""
    close_old_connections()
    looking.look_at_hosts()


@shared_task(name=dispatch.GATHER_FACTS)
def gather_facts(host_id: int) -> None:
    """Check a host without an operator's asking."""
    close_old_connections()
    looking.gather_facts(host_id)


@shared_task(name="workers.thin_samples")
def thin_samples() -> None:
    """Of the probe's samples of a day ago keep those that a plot needs, and of the timeline its last months."""
    close_old_connections()
    actions.thin_samples()
    actions.remove_old_events()
