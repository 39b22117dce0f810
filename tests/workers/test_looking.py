"""Looks at hosts: what is unreachable, what answers again, what crashed, what starts again with its host."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from migrations_app import actions
from migrations_app.models import Host, HostWatch, LayerCopy, Operation, Service, TimelineEvent
from tests import factories
from tests.workers.machines import Machine, reach
from workers import looking

pytestmark = pytest.mark.django_db(transaction=True)
Sent = list[tuple[Any, ...]]


class Watched(Machine):
    """A host that answers looks."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.boot = "first"
        self.states: dict[str, str] = {}
        self.layers: list[str] = []

    def hosts_look(self, *_: Any) -> dict[str, str]:
        seen = {f"instance:{name}": state for name, state in self.states.items()}
        return {"boot_id": self.boot, **seen, **{f"layer:{path}": "here" for path in self.layers}}

    def hosts_crash_log(self, *_: Any) -> dict[str, str]:
        return {"line:001": "it ran", "line:002": "signal 11"}


@pytest.fixture
def service(db: None) -> Service:
    made, _target = factories.ready_edge()
    return made


@pytest.fixture
def hosts(service: Service, monkeypatch: pytest.MonkeyPatch, sent: Sent) -> dict[str, Watched]:
    """The machines that answer; one that is taken out is down."""
    machines = {name: Watched(name) for name in Host.objects.values_list("name", flat=True)}
    machines[service.host.name].states[service.name] = "RUNNING"
    for copy in LayerCopy.objects.select_related("host"):
        path = f"base/{copy.name}" if copy.base_id else f"app/{copy.storage}/{copy.name}"
        machines[copy.host.name].layers.append(path)
    reach(monkeypatch, machines)
    return machines


def look(times: int = 1) -> None:
    for _ in range(times):
        HostWatch.objects.update(looked_at=None)
        looking.look_at_hosts()


def kinds() -> list[str]:
    return list(TimelineEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_a_quiet_edge_gets_no_events(service: Service, hosts: dict[str, Watched]) -> None:
    look(3)
    service.refresh_from_db()
    assert service.status == "running"
    assert kinds() == []
    assert not HostWatch.objects.filter(answered_at=None).exists()


def test_one_missed_look_is_no_reason_to_call_a_host_unreachable(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    gone = hosts.pop(service.host.name)
    look()
    service.host.refresh_from_db()
    assert service.host.status == "ready"
    hosts[service.host.name] = gone
    look()
    hosts.pop(service.host.name)
    look()
    service.host.refresh_from_db()
    assert service.host.status == "ready", "the answer in between counts"


def test_a_host_that_misses_two_looks_is_unreachable_and_its_services_unknown(
    service: Service, hosts: dict[str, Watched]
) -> None:
    look()
    gone = hosts.pop(service.host.name)
    look(3)
    service.refresh_from_db()
    assert (service.host.status, service.status) == ("unreachable", "unreachable")
    since = service.host.unreachable_since
    assert since is not None
    assert kinds() == ["unreachable"], "said once"
    hosts[service.host.name] = gone
    look()
    service = Service.objects.get(pk=service.pk)
    assert service.status == "running"
    assert service.host.unreachable_since is None
    assert kinds() == ["unreachable", "answers"]


def test_a_host_that_answers_again_has_its_facts_gathered(
    service: Service, hosts: dict[str, Watched], sent: Sent
) -> None:
    gone = hosts.pop(service.host.name)
    look(2)
    sent.clear()
    hosts[service.host.name] = gone
    look()
    assert ("workers.gather_facts", service.host.pk) in sent


def test_facts_of_more_than_an_hour_ago_are_gathered_anew_and_asked_for_once(
    service: Service, hosts: dict[str, Watched], sent: Sent
) -> None:
    service.host.facts.gathered_at = timezone.now() - timedelta(minutes=61)
    service.host.facts.save()
    look(2)
    assert sent == [("workers.gather_facts", service.host.pk)]


def test_a_service_whose_command_ended_is_crashed_with_its_last_lines(
    service: Service, hosts: dict[str, Watched]
) -> None:
    look()
    hosts[service.host.name].states[service.name] = "STOPPED"
    look(2)
    service.refresh_from_db()
    assert service.status == "crashed"
    event = TimelineEvent.objects.get()
    assert (event.kind, event.log) == ("crashed", "it ran\nsignal 11")
    assert not Operation.objects.exists(), "only a reboot starts it again"


def test_a_crashed_service_that_somebody_started_is_running(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    for state in ("STOPPED", "RUNNING"):
        hosts[service.host.name].states[service.name] = state
        look()
    service.refresh_from_db()
    assert service.status == "running"
    assert kinds() == ["crashed", "seen"]


def test_a_frozen_service_has_not_crashed(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    hosts[service.host.name].states[service.name] = "FROZEN"
    look()
    service.refresh_from_db()
    assert service.status == "running"


def test_a_service_of_which_nothing_is_left_is_unknown(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    del hosts[service.host.name].states[service.name]
    look()
    service.refresh_from_db()
    assert (service.status, kinds()) == ("unknown", ["missing"])


@pytest.mark.parametrize("missed", [0, 3])
def test_what_ran_when_its_host_was_rebooted_is_started_again(
    missed: int, service: Service, hosts: dict[str, Watched], sent: Sent
) -> None:
    look()
    machine = hosts.pop(service.host.name)
    look(missed)
    machine.boot, machine.states[service.name] = "second", "STOPPED"
    hosts[service.host.name] = machine
    look()
    service.refresh_from_db()
    work = Operation.objects.get()
    assert (work.kind, work.requested_by, service.lock) == ("start", None, f"operation {work.pk}")
    assert "what it held in memory is lost" in TimelineEvent.objects.get(kind="autostarted").message
    assert ("workers.gather_facts", service.host.pk) in sent
    look()
    assert Operation.objects.count() == 1, "once a reboot"


def test_autostart_can_be_switched_off(service: Service, hosts: dict[str, Watched]) -> None:
    actions.set_autostart(service=service, autostart=False)
    look()
    hosts[service.host.name].boot, hosts[service.host.name].states[service.name] = "second", "STOPPED"
    look()
    service.refresh_from_db()
    assert service.status == "stopped"
    assert kinds() == ["rebooted", "ended"]
    assert not Operation.objects.exists()


@pytest.mark.parametrize("status", ["stopped", "failed", "unknown", "crashed"])
def test_what_did_not_run_or_may_run_elsewhere_is_not_started(
    status: str, service: Service, hosts: dict[str, Watched]
) -> None:
    look()
    Service.objects.update(status=status)
    hosts[service.host.name].boot, hosts[service.host.name].states[service.name] = "second", "STOPPED"
    look()
    service.refresh_from_db()
    assert service.status == status
    assert not Operation.objects.exists()


def test_a_service_that_work_has_is_left_to_it(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    factories.migration(service, Host.objects.exclude(pk=service.host_id).get(), status="running", finished_at=None)
    hosts[service.host.name].boot, hosts[service.host.name].states[service.name] = "second", "STOPPED"
    look()
    hosts.pop(service.host.name)
    look(2)
    service.refresh_from_db()
    assert service.status == "running"


def test_what_was_written_after_the_host_was_asked_stands(service: Service, hosts: dict[str, Watched]) -> None:
    factories.operation(host=service.host, service=service, status="succeeded", finished_at=timezone.now())
    seen = actions.HostSeen(timezone.now() - timedelta(seconds=5), 0, "first", {service.name: "STOPPED"})
    actions.record_seen_host(host=service.host, seen=seen)
    service.refresh_from_db()
    assert service.status == "running"


def test_a_worker_that_stood_still_with_an_old_answer_writes_nothing_of_it(
    service: Service, hosts: dict[str, Watched]
) -> None:
    old = actions.HostSeen(
        timezone.now(), actions.answers_of(service.host), "old", {service.name: "STOPPED"}, layers=()
    )
    look()
    actions.record_seen_host(host=service.host, seen=old)
    service.refresh_from_db()
    assert (service.status, kinds()) == ("running", [])
    assert LayerCopy.objects.filter(host=service.host).count() == 2


def test_a_host_that_does_not_say_which_boot_this_is_was_not_rebooted(
    service: Service, hosts: dict[str, Watched]
) -> None:
    look()
    hosts[service.host.name].boot = ""
    look()
    assert kinds() == []
    assert HostWatch.objects.get(host=service.host).boot_id == "first"


def test_of_many_checks_that_are_due_a_few_are_under_way_at_once(db: None, sent: Sent) -> None:
    watches = [HostWatch(host=factories.HostFactory(), check_due=True) for _ in range(7)]
    HostWatch.objects.bulk_create(watches)
    assert len(actions.claim_checks()) == 4
    assert actions.claim_checks() == []
    done = HostWatch.objects.exclude(check_sent_at=None).first()
    assert done is not None
    actions.record_facts(host=done.host, values=factories.FACTS, problems=[])
    assert len(actions.claim_checks()) == 1


def test_a_layer_that_vanished_is_gone_from_the_residency_map(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    gone = hosts[service.host.name].layers.pop()
    look(2)
    assert not LayerCopy.objects.filter(host=service.host, name=gone.rpartition("/")[2]).exists()
    assert kinds() == ["layer_gone"]


def test_a_layer_is_not_missed_while_work_may_be_replacing_it(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    hosts[service.host.name].layers.clear()
    factories.operation(host=service.host, kind="build_application", status="running")
    look()
    assert LayerCopy.objects.filter(host=service.host).count() == 2


def test_each_host_is_looked_at_by_one_worker(service: Service, hosts: dict[str, Watched]) -> None:
    every = timedelta(seconds=15)
    assert len(actions.claim_looks(every=every)) == 2
    assert actions.claim_looks(every=every) == []
    HostWatch.objects.update(looked_at=timezone.now() + timedelta(days=1))
    assert len(actions.claim_looks(every=every)) == 2, "a clock that was set back stops nobody's looks"


def test_a_host_whose_own_daemon_does_not_answer_yet_is_not_judged(
    service: Service, hosts: dict[str, Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.hosts.base import CommandFailed

    look()
    machine = hosts[service.host.name]

    def starting(*_: Any) -> dict[str, str]:
        raise CommandFailed(machine.name, "hosts/look", 1, "libvirt does not answer on this host")

    monkeypatch.setattr(machine, "hosts_look", starting)
    look(3)
    service.host.refresh_from_db()
    assert service.host.status == "ready"


def test_a_clock_that_was_set_back_stops_nothing(service: Service, hosts: dict[str, Watched]) -> None:
    look()
    HostWatch.objects.update(answered_at=timezone.now() + timedelta(hours=1))
    hosts[service.host.name].states[service.name] = "STOPPED"
    look()
    service.refresh_from_db()
    assert service.status == "crashed"
    hosts.clear()
    look(2)
    service.host.refresh_from_db()
    assert service.host.status == "unreachable"
