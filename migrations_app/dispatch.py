"""Starting work by task name, after the commit: the database is the truth, a lost message is sent again by `reconcile`."""

import logging

from celery import current_app
from django.db import transaction

RUN_MIGRATION = "workers.run_migration"
RUN_OPERATION = "workers.run_operation"
RUN_EXPERIMENT = "workers.run_experiment"
TAKE_OVER_MIGRATION = "workers.take_over_migration"
TAKE_OVER_OPERATION = "workers.take_over_operation"
TAKE_OVER_EXPERIMENT = "workers.take_over_experiment"
GATHER_FACTS = "workers.gather_facts"
log = logging.getLogger(__name__)


def send_now(task: str, pk: int, *words: int | str | None) -> None:
    """Hand a task to the broker; when the broker is away the row stays queued and `reconcile` sends it again."""
    try:
        current_app.send_task(task, args=[pk, *words], retry=False)
    except Exception as error:
        log.warning("%s %s is not sent yet: %s", task, pk, error)


def send_on_commit(task: str, pk: int) -> None:
    """The same, once the row can be seen by others."""
    transaction.on_commit(lambda: send_now(task, pk))
