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
