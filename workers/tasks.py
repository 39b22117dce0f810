"""Celery: thin. What is claimed here is claimed in the database; no task is ever retried."""

from asgiref.sync import async_to_sync
from celery import shared_task
from django.db import close_old_connections

from migrations_app import actions
from workers import experimenting, migrating, operating, reconciling, records
from workers.engine import Outcome


@shared_task(name="workers.run_migration")
def run_migration(migration_id: int) -> None:
    """Run one migration, if this worker wins the claim."""
    close_old_connections()
    migration = actions.claim(migration_id=migration_id)
    if migration is None:
        return
    try:
        assignment = migrating.read_assignment(migration)
    except records.NotReady as error:
        async_to_sync(migrating.give_up)(migration, str(error.args[0]), Outcome.REJECTED)
        return
    async_to_sync(migrating.execute)(assignment)


@shared_task(name="workers.run_operation")
def run_operation(operation_id: int) -> None:
    """Do one piece of work that is no migration, if this worker wins the claim."""
    close_old_connections()
    operation = actions.claim_operation(operation_id=operation_id)
    if operation is not None:
        operating.execute(operation)


@shared_task(name="workers.run_experiment")
def run_experiment(experiment_id: int) -> None:
    """Run or go on with an experiment, if this worker wins the claim."""
    close_old_connections()
    experiment = actions.claim_experiment(experiment_id=experiment_id)
    if experiment is not None:
        experimenting.execute(experiment)


@shared_task(name="workers.reconcile")
def reconcile() -> None:
    """Send again what waits in the queue, and take over what went silent."""
    close_old_connections()
    reconciling.send_waiting()
    reconciling.take_over_silent()


@shared_task(name="workers.remove_kept_states")
def remove_kept_states() -> None:
    """Remove saved states from sources whose time is over."""
    close_old_connections()
    reconciling.remove_kept_states()


@shared_task(name="workers.thin_samples")
def thin_samples() -> None:
    """Of the probe's samples of a day ago keep those that a plot needs."""
    close_old_connections()
    actions.thin_samples()
