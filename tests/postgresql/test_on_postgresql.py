"""The portal on a real PostgreSQL, started for these tests alone: all web tests again, and what only it can get wrong."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql.server import postgresql

ROOT = Path(__file__).resolve().parents[2]

CLAIM_AT_ONCE = """
import django, sys, threading
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("flush", verbosity=0, interactive=False)
from django.db import connection
from tests import factories
from migrations_app import actions
service, target = factories.ready_edge()
migration = actions.request_migration(service=service, target=target)
won, ready = [], threading.Barrier(8)
def claim():
    ready.wait()
    if actions.claim(migration_id=migration.pk):
        won.append(1)
    connection.close()
threads = [threading.Thread(target=claim) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(won))
"""

# at this moment each of them has found that nobody has asked yet
ASK_AT_ONCE = """
import django, threading
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("flush", verbosity=0, interactive=False)
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from tests import factories
from migrations_app import actions
from migrations_app.models import Migration, Operation, Service
service, target = factories.ready_edge()
ready, looked, said = threading.Barrier(6), threading.local(), []
first = QuerySet.first
def slow_first(rows):
    found = first(rows)
    if rows.model is Operation and not getattr(looked, "once", False):
        looked.once = True
        ready.wait(10)
    return found
QuerySet.first = slow_first
def ask(act, **about):
    try:
        act(**about)
    except ValidationError as error:
        said.extend(error.messages)
    connection.close()
def at_once(*acts):
    said.clear()
    threads = [threading.Thread(target=ask, args=(act,), kwargs=about) for act, about in acts]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
at_once(*[(actions.check_host, {"host": target})] * 6)
print(Operation.objects.filter(kind="check_host").count(), len(said), len(set(said)), sep=",")
buttons = [actions.stop_service, actions.start_service, actions.remove_service] * 2
at_once(*[(act, {"service": service}) for act in buttons])
print(Operation.objects.filter(service=service).count(), len(said), sep=",")
Operation.objects.update(status="failed")
Service.objects.update(lock="")
QuerySet.first = first
move = (actions.request_migration, {"service": service, "target": target})
at_once(*[move, *[(act, {"service": service}) for act in buttons]] * 2)
active = Operation.objects.filter(status="queued").count() + Migration.objects.filter(status="queued").count()
print(active, len(said), sep=",")
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a portal with a PostgreSQL of its own."""
    with postgresql() as url:
        yield {
            **os.environ,
            "DATABASE_URL": url,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "MEC_DATA_DIR": str(tmp_path_factory.mktemp("portal")),
            "DJANGO_SETTINGS_MODULE": "mecportal.settings",
            "PYTHONPATH": str(ROOT),
        }


def test_all_web_tests_pass_on_postgresql(environment: dict[str, str]) -> None:
    # threads of the socket tests still hold connections when the test database is dropped; all of it is thrown away below
    quiet = "ignore:Error when trying to teardown test databases:pytest.PytestWarning"
    command = [sys.executable, "-m", "pytest", "-q", "tests/web", "--no-header", "-W", quiet]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


def test_of_eight_workers_one_claims_a_migration(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLAIM_AT_ONCE], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "1"


def test_of_those_who_ask_at_the_same_moment_one_gets_it_and_the_others_a_sentence(
    environment: dict[str, str],
) -> None:
    """The same work six times; six kinds of work on one service; and those with a migration in their midst."""
    done = subprocess.run(
        [sys.executable, "-c", ASK_AT_ONCE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-3:] == ["1,5,1", "1,5", "1,13"]
    assert "Exception in thread" not in done.stderr
