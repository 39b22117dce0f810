"""After a worker's death: what is needed to follow it, and that nothing stays open behind it."""

from typing import Any

import pytest

from migrations_app import actions
from migrations_app.models import Event, Host, Operation, StageRun
from tests import factories
from tests.workers.conftest import Rounds
from tests.workers.machines import Machine, minutes_ago, reach, running_one
from workers.assignment import plan_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sent")]


def suspended_one() -> Any:
    """Its worker died while it sent the memory."""
    migration = running_one(made={"prepared": True, "suspending": True, "digest": "s1", "state_bytes": 50})
    for position, stage in enumerate(plan_of(migration)[:6]):
        status = "running" if position == 5 else "done"
        StageRun.objects.create(
            migration=migration, position=position, name=stage.name, title=stage.title, status=status
        )
    return migration


def both_hosts(migration: Any) -> tuple[Machine, Machine]:
    """Its source, where the service stands frozen, and its target, which has a part of it."""
    about: dict[str, Any] = {"frozen": True, "saved": True, "app_layer": True, "connected": True}
    source = Machine(migration.source.name, instance=True, key=True, **about)
    target = Machine(migration.target.name, key=True, incoming={"instance"}, peer=source)
    source.peer = target
    return source, target


@pytest.mark.parametrize("registered", [True, False])
def test_a_suspended_service_is_resumed_though_the_users_side_does_not_answer(
    registered: bool, monkeypatch: pytest.MonkeyPatch, rounds: Rounds
) -> None:
    migration = suspended_one()
    if not registered:
        Host.objects.probes().delete()
    source, target = both_hosts(migration)
    reach(monkeypatch, {source.name: source, target.name: target})  # and nobody else
    rounds.take_over_silent()
    migration.refresh_from_db()
    assert source.running, f"{migration.status}: {migration.error}"
    assert (migration.status, target.key, target.incoming) == ("rolled_back", False, set())


def test_a_mec_host_that_does_not_answer_is_waited_for_and_nothing_is_touched_meanwhile(
    monkeypatch: pytest.MonkeyPatch, rounds: Rounds
) -> None:
    migration = suspended_one()
    source, target = both_hosts(migration)
    reach(monkeypatch, {source.name: source})
    rounds.take_over_silent()
    migration.refresh_from_db()
    assert (migration.status, source.calls) == ("running", ["hosts/settle"])
    assert target.name in Event.objects.get(kind="waiting").message
    reach(monkeypatch, {source.name: source, target.name: target})
    rounds.take_over_silent()
    migration.refresh_from_db()
    assert (migration.status, source.running) == ("rolled_back", True)


def fetching(monkeypatch: pytest.MonkeyPatch) -> tuple[Operation, Host, Host]:
    """A layer was being fetched when its worker died."""
    host, giver = factories.HostFactory(), factories.HostFactory()
    operation = actions.build_application(application=factories.ApplicationFactory(), host=host)
    claimed = actions.claim_operation(operation_id=operation.pk)
    assert claimed is not None
    actions.note_peer(operation=claimed, peer=giver)
    return operation, host, giver


def test_what_a_dead_worker_opened_for_a_layer_is_closed_at_both_hosts(
    monkeypatch: pytest.MonkeyPatch, rounds: Rounds
) -> None:
    operation, host, giver = fetching(monkeypatch)
    machines = {
        host.name: Machine(host.name, key=True, incoming={"layer"}),
        giver.name: Machine(giver.name, key=True, connected=True),
    }
    reach(monkeypatch, dict(machines))
    rounds.take_over_silent()
    assert not any(machine.key or machine.connected or machine.incoming for machine in machines.values())
    operation.refresh_from_db()
    assert operation.status == "failed"


def test_an_operation_whose_host_is_away_waits_visibly_and_then_ends_with_where_its_leftovers_are_listed(
    monkeypatch: pytest.MonkeyPatch, rounds: Rounds
) -> None:
    operation, host, giver = fetching(monkeypatch)
    reach(monkeypatch, {host.name: Machine(host.name)})
    rounds.take_over_silent()
    operation.refresh_from_db()
    assert (operation.status, giver.name in operation.message) == ("running", True)
    Operation.objects.update(started_at=minutes_ago(6))
    rounds.take_over_silent()
    operation.refresh_from_db()
    assert (operation.status, "host's page" in operation.message) == ("failed", True)
