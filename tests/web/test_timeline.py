"""The timeline on its page, on those of hosts and services, in the API; autostart on the page and the command line."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from migrations_app import actions
from migrations_app.models import TimelineEvent, TimelineKind


def event(edge: dict[str, Any], **changed: Any) -> None:
    about = {"host": edge["service"].host, "service": edge["service"]} | changed
    actions.record_in_timeline(TimelineKind.CRASHED, "It ended without being asked to.", log="signal 11", **about)


@pytest.mark.parametrize("page", ["/timeline/", "/hosts/{host}/", "/services/{service}/"])
def test_what_happened_stands_on_the_page(page: str, edge: dict[str, Any], as_viewer: Client) -> None:
    event(edge)
    shown = as_viewer.get(page.format(host=edge["service"].host.name, service=edge["service"].name)).content.decode()
    assert "It ended without being asked to." in shown
    assert "signal 11" in shown
    assert "by the portal" in shown


def test_the_timeline_is_filtered_and_paged(edge: dict[str, Any], as_viewer: Client) -> None:
    for _ in range(51):
        event(edge)
    event(edge, host=edge["target"], service=None)
    assert "52 events" in as_viewer.get("/timeline/").content.decode()
    assert "Page 2 of 2" in as_viewer.get("/timeline/?page=2").content.decode()
    assert "1 event<" in as_viewer.get(f"/timeline/?host={edge['target'].name}").content.decode()
    assert "51 events" in as_viewer.get(f"/timeline/?service={edge['service'].name}").content.decode()
    assert "No event fits" in as_viewer.get("/timeline/?kind=rebooted").content.decode()


def test_who_did_it_is_told(edge: dict[str, Any], as_operator: Client, operator: Any) -> None:
    work = actions.stop_service(service=edge["service"], by=operator)
    claimed = actions.claim_operation(operation_id=work.pk)
    assert claimed is not None
    actions.finish_operation(operation=claimed, succeeded=True, message="It is stopped.")
    told = as_operator.get("/api/events?kind=operated").json()
    assert [(one["message"], one["by"]) for one in told] == [
        (f"Stop {edge['service'].name}: It is stopped.", operator.username)
    ]


def test_the_end_of_a_migration_is_told_of_both_hosts(edge: dict[str, Any], as_operator: Client) -> None:
    from migrations_app.actions.timeline import record_migration_in_timeline

    record_migration_in_timeline(edge["migration"])
    source, target = edge["migration"].source, edge["migration"].target
    for name in (source.name, target.name):
        (told,) = as_operator.get(f"/api/events?host={name}").json()
        assert (told["host"], told["to_host"], told["kind"]) == (source.name, target.name, "migrated")


def test_events_survive_what_they_tell_of(edge: dict[str, Any], as_operator: Client) -> None:
    event(edge)
    name = edge["service"].name
    edge["service"].delete()
    (told,) = as_operator.get("/api/events").json()
    assert told["service"] == name


@pytest.mark.parametrize("wrong", ["limit=-1", "since=nonsense", "kind=nonsense"])
def test_a_wrong_filter_is_422(wrong: str, edge: dict[str, Any], as_operator: Client) -> None:
    assert as_operator.get(f"/api/events?{wrong}").status_code == 422


def test_old_events_are_removed(edge: dict[str, Any]) -> None:
    event(edge)
    event(edge)
    TimelineEvent.objects.filter(pk=TimelineEvent.objects.earliest("pk").pk).update(
        at=timezone.now() - timezone.timedelta(days=91)
    )
    assert actions.remove_old_events() == 1


def test_autostart_is_switched_on_the_page(edge: dict[str, Any], as_operator: Client) -> None:
    service = edge["service"]
    as_operator.post(f"/services/{service.name}/autostart/", {"autostart": "off"})
    service.refresh_from_db()
    assert not service.autostart
    said = as_operator.post(f"/services/{service.name}/autostart/", {"autostart": "maybe"}, follow=True)
    assert "Choose on or off." in said.content.decode()


def test_autostart_is_switched_by_command_and_api(edge: dict[str, Any], as_operator: Client) -> None:
    service, said = edge["service"], StringIO()
    call_command("service", "autostart", service.name, "off", stdout=said)
    service.refresh_from_db()
    assert (service.autostart, said.getvalue()) == (False, f"{service}: autostart off.\n")
    path = f"/api/services/{service.name}"
    answer = as_operator.patch(path, {"autostart": True}, content_type="application/json")
    assert answer.json()["autostart"] is True


def test_a_host_that_does_not_answer_says_since_when(edge: dict[str, Any], as_viewer: Client) -> None:
    host = edge["service"].host
    actions.record_unreachable(host=host, problem="It does not answer.", fix="ssh")
    for page in ("/", "/hosts/", f"/hosts/{host.name}/", f"/services/{edge['service'].name}/"):
        assert "since <time" in as_viewer.get(page).content.decode()
    (told,) = [one for one in as_viewer.get("/api/hosts").json() if one["name"] == host.name]
    assert told["unreachable_since"]


def test_the_last_answer_is_a_metric(edge: dict[str, Any], as_viewer: Client) -> None:
    host = edge["service"].host
    actions.record_seen_host(host=host, seen=actions.HostSeen(timezone.now(), 0, "boot", {}))
    said = as_viewer.get("/metrics").content.decode()
    assert f'mec_host_last_answer_timestamp_seconds{{host="{host.name}"}} ' in said
