"""What beat does: waits are ended, dead workers are followed, a host that stays away leaves a migration stuck, and said so."""

from datetime import timedelta
from typing import Any

import asyncssh
import pytest
from django.utils import timezone

from migrations_app import actions
from migrations_app.models import Event, Host, Migration, Service
from tests import factories
from tests.workers.conftest import Rounds
from tests.workers.machines import Machine, reach
from workers import reconciling
from workers.lease import Lease

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sent")]


@pytest.fixture
def silent(tmp_path: Any) -> Migration:
    """A migration between hosts that nobody answers for, whose worker was last heard of a minute ago."""
    (tmp_path / "key").write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    (tmp_path / "key").chmod(0o600)
    service, target = factories.ready_edge()
    factories.HostFactory(name="user", role="user", backhaul_address=None)
    Host.objects.update(address="127.0.0.1", port=1, key_file=str(tmp_path / "key"))
    long_ago = timezone.now() - timedelta(minutes=1)
    return factories.migration(
        service, target, status="running", started_at=long_ago, heartbeat_at=long_ago, finished_at=None, lease=1
    )


def waiting(migration: Migration) -> list[str]:
    return list(Event.objects.filter(migration=migration, kind="waiting").values_list("message", flat=True))


def test_a_migration_whose_hosts_do_not_answer_waits_and_says_so(silent: Migration, rounds: Rounds) -> None:
    for _ in range(2):
        rounds.take_over_silent()
    silent.refresh_from_db()
    assert silent.status == "running"
    assert 1 <= len(set(waiting(silent))) <= 2, "once for each host that was the first to refuse"
    assert "cannot be reached" in waiting(silent)[0]


def test_after_a_while_it_is_stuck_and_its_service_unknown(silent: Migration, rounds: Rounds) -> None:
    rounds.take_over_silent()
    Event.objects.update(at=timezone.now() - timedelta(minutes=6))
    rounds.take_over_silent()
    silent.refresh_from_db()
    assert (silent.status, Service.objects.get().status) == ("stuck", "unknown")
    assert "lxc-ls" in silent.advice


def test_a_migration_whose_worker_lives_is_left_alone(silent: Migration, rounds: Rounds) -> None:
    rounds.take_over_silent(between=Lease(silent).beat)
    silent.refresh_from_db()
    assert (waiting(silent), silent.lease) == ([], 1)


def test_what_waits_in_the_queue_is_sent_again(sent: list[tuple[str, int]]) -> None:
    service, target = factories.ready_edge()
    migration = actions.request_migration(service=service, target=target)
    sent.clear()
    reconciling.send_waiting()
    assert sent == [], "it was sent a moment ago"
    Migration.objects.update(requested_at=timezone.now() - timedelta(seconds=10))
    reconciling.send_waiting()
    assert sent == [("workers.run_migration", migration.pk)]


def test_an_operation_whose_worker_died_ends_with_what_to_do(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    host = factories.HostFactory()
    operation = actions.check_host(host=host)
    assert actions.claim_operation(operation_id=operation.pk)
    assert operation.host is not None
    reach(monkeypatch, {operation.host.name: Machine(operation.host.name)})
    rounds.take_over_silent()
    operation.refresh_from_db()
    assert operation.status == "failed"
    assert "try again" in operation.message


def test_a_service_whose_deployment_broke_off_can_be_removed(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    service, _target = factories.ready_edge()
    Service.objects.update(status="deploying")
    operation = actions.remove_service(service=service)
    assert actions.claim_operation(operation_id=operation.pk)
    assert operation.host is not None
    reach(monkeypatch, {operation.host.name: Machine(operation.host.name)})
    rounds.take_over_silent()
    assert Service.objects.get().status == "failed"
    assert actions.remove_service(service=service).is_active


def test_a_host_that_is_busy_lets_the_next_migration_wait(settings: Any) -> None:
    settings.MIGRATIONS_PER_HOST = 1
    service, target = factories.ready_edge()
    other = factories.ServiceFactory(host=service.host, application=service.application)
    first = actions.request_migration(service=service, target=target)
    second = actions.request_migration(service=other, target=target)
    assert actions.claim(migration_id=first.pk)
    assert actions.claim(migration_id=second.pk) is None
    assert "is busy with others" in waiting(second)[0]


def test_two_workers_cannot_claim_the_same_migration() -> None:
    service, target = factories.ready_edge()
    migration = actions.request_migration(service=service, target=target)
    assert actions.claim(migration_id=migration.pk)
    assert actions.claim(migration_id=migration.pk) is None


def test_a_cancel_and_a_commit_cannot_both_win() -> None:
    service, target = factories.ready_edge()
    migration = actions.request_migration(service=service, target=target)
    actions.claim(migration_id=migration.pk)
    actions.cancel_migration(migration=migration)
    assert actions.commit(migration_id=migration.pk, lease=1) is False
