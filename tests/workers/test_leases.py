"""One owner: a worker that was taken for dead writes nothing more, one that lives is not taken for dead."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError
from django.utils import timezone

from migrations_app import actions
from migrations_app.actions.leases import LeaseGone, Work
from migrations_app.models import Event, Experiment, Migration, MigrationStatus, Operation, ProbeSample, StageRun
from tests import factories
from tests.workers.conftest import Rounds, Sent
from tests.workers.machines import Machine, minutes_ago, running_one
from tests.workers.waiting import LONG_S, until
from workers import assignment, migrating, tasks
from workers import lease as leases
from workers.engine import LeaseLost, MigrationError, Outcome
from workers.journal import MigrationJournal
from workers.lease import Lease, kept
from workers.probe import Question, probing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sent")]


def journal_of(migration: Migration) -> MigrationJournal[Any]:
    return MigrationJournal(migration, Lease(migration), assignment.plan_of(migration), 0.0, lambda: 0)


def failing_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first heartbeat cannot be written; how often it was tried."""
    real, tried = leases.beat, []

    def beat(work: type[Work], pk: int, number: int) -> None:
        tried.append(1)
        if len(tried) == 1:
            raise OperationalError("database is locked")
        real(work, pk, number)

    monkeypatch.setattr(leases, "beat", beat)
    return tried


def test_a_beat_that_cannot_be_written_once_does_not_end_a_migrations_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    migration, tried = running_one(), failing_once(monkeypatch)
    monkeypatch.setattr(assignment, "BEAT_S", 0.02)

    async def hold() -> None:
        async with assignment.hold(migration):
            await until(lambda: len(tried) > 2)

    async_to_sync(hold)()
    assert Migration.objects.get().heartbeat_at > timezone.now() - timedelta(seconds=30)


@pytest.mark.parametrize("kind", ["operation", "experiment"])
def test_nor_that_of_an_operation_or_an_experiment(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = factories.HostFactory(), factories.HostFactory()
    work: Operation | Experiment = (
        factories.operation(host=source, status="running")
        if kind == "operation"
        else factories.experiment(source, target, status="running")
    )
    tried = failing_once(monkeypatch)
    monkeypatch.setattr(leases, "BEAT_S", 0.02)
    deadline = time.monotonic() + LONG_S
    with kept(work):
        while len(tried) <= 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    work.refresh_from_db()
    assert len(tried) > 2
    assert work.heartbeat_at is not None


async def test_samples_that_cannot_be_stored_once_end_no_probe_and_are_stored_later() -> None:
    stored: list[int] = []

    class User(Machine):
        async def stream(self, *_: Any, **__: Any) -> AsyncIterator[str]:
            for second in range(100):
                yield json.dumps({"now": float(second), "answers": [[float(second), 0.01, second]]})
                await asyncio.sleep(0.01)

    async def sink(rows: Any) -> None:
        if not stored:
            stored.append(0)
            raise OperationalError("database is locked")
        stored.append(len(rows))

    question = Question("udp", "10.0.2.10", 9000, b"?", None, "decimal", 0.02)
    async with probing(User("user"), question, time.monotonic(), sink) as probe:
        await until(lambda: len(stored) > 1)
    assert sum(stored) == len(probe.series.samples) > 0


def test_a_worker_that_takes_over_beats_while_it_waits_for_the_dead_ones_commands(
    monkeypatch: pytest.MonkeyPatch, rounds: Rounds
) -> None:
    migration, seen = running_one(), []
    monkeypatch.setattr(assignment, "BEAT_S", 0.02)

    async def settle(*_: Any) -> None:
        before = await sync_to_async(Migration.objects.get)(pk=migration.pk)
        beats = Migration.objects.filter(pk=migration.pk, heartbeat_at__gt=before.heartbeat_at)
        await until(sync_to_async(beats.exists))
        seen.append(True)
        raise MigrationError("enough")

    monkeypatch.setattr(migrating, "_settle", settle)
    rounds.take_over_silent()
    assert seen


WRITES = {
    "the commit": lambda journal: journal.commit(),
    "a stage": lambda journal: journal.stage_started(1),
    "a problem": lambda journal: journal.problem("It broke."),
    "what was made": lambda journal: journal.remember({"prepared": True}),
    "samples": lambda journal: journal.samples([[0.1, 51.0, 1]]),
    "the plan": lambda journal: journal.announce_plan(),
    "the move": lambda journal: journal.moved(),
    "the outcome": lambda journal: journal.finish(Outcome.SUCCEEDED),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_worker_whose_migration_was_taken_over_writes_nothing(write: Any, sent: Sent) -> None:
    service, target = factories.ready_edge()
    asked = actions.request_migration(service=service, target=target)
    claimed = actions.claim(migration_id=asked.pk)
    assert claimed is not None
    first = journal_of(claimed)
    taken = actions.take_over(migration_id=asked.pk, lease=claimed.lease, heartbeat_at=claimed.heartbeat_at)
    assert taken is not None and taken.lease > claimed.lease

    def everything() -> list[Any]:
        tables = (Migration, StageRun, Event, ProbeSample, type(service))
        return [list(table._default_manager.order_by("pk").values()) for table in tables]

    before = everything()

    async def write_it() -> None:
        await write(first)

    with pytest.raises(LeaseLost):
        async_to_sync(write_it)()
    assert everything() == before


def test_a_worker_whose_operation_was_ended_neither_says_nor_ends_anything_more() -> None:
    operation = actions.check_host(host=factories.HostFactory())
    claimed = actions.claim_operation(operation_id=operation.pk)
    assert claimed is not None
    assert actions.take_over_operation(
        operation_id=operation.pk, lease=claimed.lease, heartbeat_at=claimed.heartbeat_at
    )
    with pytest.raises(LeaseGone):
        actions.note_progress(operation=claimed, message="Starting …")
    with pytest.raises(LeaseGone):
        actions.finish_operation(operation=claimed, succeeded=True, message="done")
    operation.refresh_from_db()
    assert (operation.status, operation.message) == ("running", "")


def test_a_task_whose_lease_is_lost_ends_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = actions.check_host(host=factories.HostFactory())

    def taken_over_meanwhile(claimed: Operation) -> None:
        raise LeaseLost

    monkeypatch.setattr("workers.operating.execute", taken_over_meanwhile)
    tasks.run_operation(operation.pk)
    operation.refresh_from_db()
    assert operation.status == "running"


def test_a_clock_that_is_set_forward_makes_no_worker_silent(monkeypatch: pytest.MonkeyPatch, rounds: Rounds) -> None:
    migration = running_one()
    real = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: real() + timedelta(hours=1))
    rounds.look()
    rounds.wait(5)
    rounds.look()
    rounds.do_what_was_sent()
    migration.refresh_from_db()
    assert migration.lease == 1, "its heartbeat was seen for the first time five seconds ago"


def test_a_heartbeat_between_two_looks_and_the_task_keeps_the_migration(rounds: Rounds) -> None:
    migration = running_one()
    rounds.look()
    rounds.wait(60)
    rounds.look()
    Lease(migration).beat()  # the message was on its way
    rounds.do_what_was_sent()
    migration.refresh_from_db()
    assert migration.lease == 1


def test_an_outcome_may_be_written_again_when_its_answer_was_lost() -> None:
    migration = running_one()
    about: dict[str, Any] = {"migration_id": migration.pk, "lease": 1, "message": "Rolled back."}
    for _ in range(2):
        actions.finish(status=MigrationStatus.ROLLED_BACK, **about)
    assert Event.objects.filter(kind="outcome").count() == 1
    with pytest.raises(LeaseGone):
        actions.finish(status=MigrationStatus.SUCCEEDED, **about)


async def test_a_command_waits_for_the_database_when_the_lease_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(leases, "_now", lambda: now[0])
    lease = Lease(await sync_to_async(running_one)())
    confirmed: list[int] = []
    monkeypatch.setattr(lease, "beat", lambda: confirmed.append(1))
    await lease.require()
    assert confirmed == [], "it was confirmed a moment ago"
    now[0] += 10  # the process was stopped, or the machine slept
    await lease.require()
    assert confirmed == [1]


async def test_a_command_of_a_worker_that_slept_and_was_taken_over_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(leases, "_now", lambda: now[0])
    migration = await sync_to_async(running_one)()
    lease = Lease(migration)
    await sync_to_async(Migration.objects.update)(lease=2)
    now[0] += 10
    with pytest.raises(LeaseLost):
        await lease.require()


@pytest.mark.parametrize("answered", [True, False])
def test_the_saved_state_is_kept_until_a_person_has_looked_when_the_service_did_not_answer(answered: bool) -> None:
    migration = running_one(committed_at=minutes_ago(1))
    factories.stages(migration)
    if not answered:
        StageRun.objects.filter(name="verify").update(status="failed", error="It does not answer.")
    async_to_sync(journal_of(migration).finish)(Outcome.FINISHED_WITH_PROBLEMS)
    migration.refresh_from_db()
    assert (migration.kept_until is None, migration.state_held) == (not answered, not answered)
    assert ("remove the state from that host's page" in migration.advice) is not answered


def test_where_the_service_is_is_written_with_the_outcome_whatever_became_of_the_note_before() -> None:
    migration = running_one(committed_at=minutes_ago(1))
    assert migration.service is not None and migration.service.host == migration.source
    async_to_sync(journal_of(migration).finish)(Outcome.FINISHED_WITH_PROBLEMS)
    migration.service.refresh_from_db()
    assert migration.service.host == migration.target
