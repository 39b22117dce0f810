"""Before anything is started, stopped or removed the hosts are asked, wherever it is not certain where a service runs."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.utils import timezone

from migrations_app import actions
from migrations_app.models import Host, Operation, Service
from migrations_app.technologies import TECHNOLOGIES
from tests import factories
from tests.engine.fakes import FakeHost
from tests.workers.machines import Machine, reach
from workers import host_check, operating
from workers.hosts.facts import Instance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sent")]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that does not answer is not waited for."""
    monkeypatch.setitem(TECHNOLOGIES, "lxc", replace(TECHNOLOGIES["lxc"], first_answer_limit_s=0.1))


Edge = tuple[Service, Machine, Machine, dict[str, FakeHost]]


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    """After `stuck`: recorded on its source, running on its target; connections lead to these hosts, others are down."""
    service, target = factories.ready_edge()
    factories.HostFactory(name="user", role="user", backhaul_address=None)
    Service.objects.update(status="unknown")
    here, there = Machine(service.host.name, instance=True), Machine(target.name, instance=True, running=True)
    here.owner = there.owner = service.hardware_address
    hosts: dict[str, FakeHost] = {here.name: here, there.name: there, "user": Machine("user")}

    reach(monkeypatch, hosts)
    service.refresh_from_db()
    return service, here, there, hosts


def ask(act: Callable[..., Operation], service: Service) -> Operation:
    """Let an operator ask for it, and a worker do it."""
    operation = act(service=service)
    claimed = actions.claim_operation(operation_id=operation.pk)
    assert claimed is not None
    operating.execute(claimed)
    operation.refresh_from_db()
    return operation


@pytest.mark.parametrize("act", [actions.start_service, actions.stop_service, actions.remove_service])
def test_a_service_that_runs_elsewhere_is_left_alone(act: Callable[..., Operation], edge: Edge) -> None:
    service, here, there, _hosts = edge
    ended = ask(act, service)
    assert (here.running, here.instance, there.running) == (False, True, True)
    assert ended.status == "failed"
    assert f"runs on {there.name}, not on {here.name}" in ended.message
    assert f"Check {there.name}" in ended.message
    service.refresh_from_db()
    assert (service.status, service.lock) == ("unknown", ""), "a check of that host takes it over"


def test_one_that_runs_twice_is_named_as_that(edge: Edge) -> None:
    service, here, there, _hosts = edge
    here.running = True
    assert f"runs on {here.name} and {there.name} at once" in ask(actions.remove_service, service).message


@pytest.mark.parametrize("act", [actions.start_service, actions.stop_service, actions.remove_service])
def test_while_a_host_is_silent_nothing_is_done(act: Callable[..., Operation], edge: Edge) -> None:
    service, here, there, hosts = edge
    del hosts[there.name]
    ended = ask(act, service)
    assert f"{there.name} does not answer, and {service} may run there" in ended.message
    assert not here.running
    service.refresh_from_db()
    assert service.status == "unknown"


def test_where_it_runs_nowhere_it_is_started_where_the_portal_had_it(edge: Edge) -> None:
    service, here, there, _hosts = edge
    there.running = False
    ask(actions.start_service, service)
    assert (here.running, there.running) == (True, False)
    service.refresh_from_db()
    assert service.status == "failed", "it was found, started, and gave no answer"


def test_a_service_that_starts_while_the_users_side_is_away_runs_and_says_that_nobody_asked_it(edge: Edge) -> None:
    service, here, there, hosts = edge
    there.running = False
    hosts.pop("user")
    ended = ask(actions.start_service, service)
    assert (ended.status, here.running) == ("succeeded", True)
    assert "whether it answers its users was not asked: user does not answer." in ended.message
    service.refresh_from_db()
    assert service.status == "running"


def test_what_stands_frozen_where_nobody_knows_where_the_service_is_is_ended_and_never_started(edge: Edge) -> None:
    service, here, there, _hosts = edge
    there.running, here.frozen = False, True
    assert "as a migration left it" in ask(actions.start_service, service).message
    service.refresh_from_db()
    assert (service.status, here.running) == ("unknown", False)
    assert ask(actions.stop_service, service).status == "succeeded"
    service.refresh_from_db()
    assert (service.status, here.frozen) == ("stopped", False)


def test_a_removal_takes_what_is_left_of_it_on_every_host_and_nothing_of_others(edge: Edge) -> None:
    service, here, there, _hosts = edge
    there.running = False
    third = Machine(factories.HostFactory(name="third").name, instance=True)
    third.owner = "02:4d:aa:aa:aa:aa"
    _hosts["third"] = third
    ended = ask(actions.remove_service, service)
    assert (here.instance, there.instance, third.instance) == (False, False, True)
    assert f"/var/lib/mec/instances/{service} on third was not made for it, and stays." in ended.message
    assert not Service.objects.exists()


def test_after_a_failure_a_silent_third_host_stands_in_no_ones_way(edge: Edge) -> None:
    service, here, there, hosts = edge
    Service.objects.update(status="failed")
    del hosts[there.name]
    assert ask(actions.remove_service, service).status == "succeeded"
    assert not here.instance


def test_what_a_failed_deployment_found_in_its_place_is_not_removed_with_it(edge: Edge) -> None:
    service, here, there, _hosts = edge
    Service.objects.update(status="failed")
    there.running = there.instance = False
    here.owner = ""  # nothing says whose it is, and this service never ran
    ended = ask(actions.remove_service, service)
    assert here.instance
    assert "was not made for it, and stays" in ended.message
    assert not Service.objects.exists()


@pytest.mark.parametrize("act", [actions.start_service, actions.stop_service])
def test_a_strangers_instance_is_neither_started_nor_stopped(act: Callable[..., Operation], edge: Edge) -> None:
    service, here, _there, _hosts = edge
    Service.objects.update(status="running")
    here.running, here.owner = True, "02:4d:aa:aa:aa:aa"
    assert "was not made for this service: nothing was touched" in ask(act, service).message
    assert here.running


def test_where_nothing_of_it_is_nothing_is_started(edge: Edge) -> None:
    service, here, _there, _hosts = edge
    Service.objects.update(status="failed")
    here.instance = _there.running = False
    assert f"{here.name} has nothing of {service} to start" in ask(actions.start_service, service).message
    assert "guest/start" not in [call.replace("lxc/", "guest/") for call in here.calls]


def test_a_check_names_a_service_that_runs_where_the_portal_does_not_have_it(edge: Edge) -> None:
    service, here, there, _hosts = edge
    Service.objects.update(status="stopped")
    host = Host.objects.get(name=there.name)
    found = [Instance(service.name, "lxc", "RUNNING")]
    problems = host_check._record_services(host, found, timezone.now())
    assert problems == [
        {
            "what": f"“{service}” runs here, and the portal has it on {here.name}, stopped.",
            "fix": f"./manage.py host check {here.name}",
        }
    ]


@pytest.mark.parametrize(("status", "named"), [("running", True), ("unknown", False), ("unreachable", False)])
def test_a_check_names_what_a_migration_left_where_it_is_certain_that_the_service_runs_elsewhere(
    status: str, named: bool, edge: Edge
) -> None:
    service, _here, there, _hosts = edge
    Service.objects.update(status=status)
    host = Host.objects.get(name=there.name)
    problems = host_check._record_services(host, [Instance(service.name, "lxc", "FROZEN")], timezone.now())
    assert [problem["fix"].startswith("lxc-stop ") for problem in problems] == [True] * named


def test_where_it_is_certain_only_its_own_host_is_asked(edge: Edge) -> None:
    service, here, there, _hosts = edge
    Service.objects.update(status="running")
    here.running = True
    assert ask(actions.stop_service, service).status == "succeeded"
    assert (here.running, there.calls) == (False, [])


def test_what_is_not_known_before_a_failure_is_not_known_after_it(edge: Edge) -> None:
    service = edge[0]
    actions.record_service(service_id=service.pk, status="failed")  # type: ignore[arg-type]
    service.refresh_from_db()
    assert service.status == "unknown"


def test_a_look_at_a_host_changes_no_service_on_which_work_has_begun(edge: Edge) -> None:
    service = edge[0]
    Service.objects.update(status="running")
    service.refresh_from_db()
    actions.stop_service(service=service)
    actions.record_seen(service=service, status="stopped")  # type: ignore[arg-type]
    service.refresh_from_db()
    assert service.status == "running"
