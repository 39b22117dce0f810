"""What ended work left on a host is listed there, with the button that removes it."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from migrations_app import actions
from migrations_app.models import Host, Operation, Service
from tests import factories
from tests.workers.machines import Machine, minutes_ago, reach, running_one
from workers import leftovers, operating

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sent")]


def said_of(host: Host, **left: str) -> list[str]:
    return [problem["what"] for problem in leftovers.problems_of(host, left)]


@pytest.mark.parametrize("changed", [{"status": "running"}, {"status": "succeeded", "kept_until": minutes_ago(-1)}])
def test_what_is_still_needed_is_no_leftover(changed: dict[str, Any]) -> None:
    migration = running_one(**changed)
    assert said_of(migration.source, **{f"migrations/{migration.pk}": str(migration.pk)}) == []


def test_keys_and_directories_of_one_migration_are_one_line() -> None:
    migration = running_one(status="rolled_back")
    number = str(migration.pk)
    (said,) = said_of(migration.target, **{f"incoming/{number}": number, f"key/{number}": number})
    assert said == f"Migration #{number} has ended and left incoming/{number} and a key that opens it."


def test_a_held_state_says_what_to_look_at_before() -> None:
    migration = running_one(status="finished_with_problems", state_held=True)
    number = str(migration.pk)
    (said,) = said_of(migration.source, **{f"migrations/{number}": number})
    assert "look where the service runs and whether it is well, then remove it" in said


def test_an_operations_leftovers_are_listed_when_it_has_ended() -> None:
    host = factories.HostFactory()
    operation = actions.build_application(application=factories.ApplicationFactory(), host=host)
    mark = f"operation-{operation.pk}"
    assert said_of(host, **{f"incoming/{mark}": mark}) == []
    Operation.objects.update(status="failed")
    assert said_of(host, **{f"incoming/{mark}": mark}) == [
        f"An operation (#{operation.pk}) has ended and left incoming/{mark}."
    ]


def test_removing_a_held_state_removes_it_and_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = running_one(status="finished_with_problems", state_held=True)
    source = Machine(migration.source.name, key=True)
    reach(monkeypatch, {source.name: source})
    monkeypatch.setattr("workers.host_check.check", lambda _host: [])
    operation = actions.remove_leftover(host=migration.source, mark=str(migration.pk))
    claimed = actions.claim_operation(operation_id=operation.pk)
    assert claimed is not None
    operating.execute(claimed)
    migration.refresh_from_db()
    operation.refresh_from_db()
    assert (operation.status, source.key, migration.state_held) == ("succeeded", False, False)


def test_what_is_needed_by_the_time_of_its_removal_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = running_one(status="stuck", state_held=True)
    source = Machine(migration.source.name, key=True)
    reach(monkeypatch, {source.name: source})
    operation = actions.remove_leftover(host=migration.source, mark=str(migration.pk))
    Service.objects.update(status="unknown")  # a check of the hosts found it nowhere meanwhile
    claimed = actions.claim_operation(operation_id=operation.pk)
    assert claimed is not None
    operating.execute(claimed)
    operation.refresh_from_db()
    assert (operation.status, source.calls) == ("failed", [])
    assert "may be its only state" in operation.message


@pytest.mark.parametrize("mark", ["../instances", "", "7; halt", "7\n8", "9" * 30])
def test_what_names_no_work_is_refused(mark: str) -> None:
    with pytest.raises(ValidationError, match="names no work"):
        actions.remove_leftover(host=factories.HostFactory(), mark=mark)


def test_a_state_is_not_removed_while_it_is_not_certain_where_its_service_runs() -> None:
    migration = running_one(status="stuck", state_held=True)
    Service.objects.update(status="unknown")
    with pytest.raises(ValidationError, match="may be its only state"):
        actions.remove_leftover(host=migration.source, mark=str(migration.pk))


def test_nothing_of_a_migration_that_is_under_way_is_removed() -> None:
    migration = running_one()
    with pytest.raises(ValidationError, match="is under way"):
        actions.remove_leftover(host=migration.source, mark=str(migration.pk))
