"""May it move? The page, the API, the command line, the action and experiments give one answer, in the same sentences."""

import io
from html import unescape
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from migrations_app import actions
from migrations_app.admission import rules
from migrations_app.admission.verdict import verdict
from migrations_app.models import HostFacts, LayerCopy, Migration, Service
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.findings import Side, faults
from tests import factories


def broken(edge: dict[str, Any], what: str) -> None:
    """One thing that forbids it."""
    facts, source = HostFacts.objects.get(host=edge["target"]), HostFacts.objects.get(host=edge["service"].host)
    if what == "version":
        facts.values["criu_version"] = "3.17"
    elif what == "tool":
        facts.values["lxc_version"] = ""
    elif what == "processor":
        facts.values["cpu_flags"] = "fpu sse"
    elif what == "disk":
        facts.values["disk_free_bytes"] = 1_000_000
    elif what == "memory":
        facts.values["memory_free_bytes"] = 1_000_000
    elif what == "disk at the source":
        source.values["disk_free_bytes"] = 1_000_000
    elif what == "base":
        LayerCopy.objects.filter(host=edge["target"]).delete()
    elif what == "application":
        LayerCopy.objects.filter(application=edge["service"].application).delete()
    elif what == "host":
        type(edge["target"]).objects.filter(pk=edge["target"].pk).update(status="unreachable")
    elif what == "unchecked":
        type(edge["target"]).objects.filter(pk=edge["service"].host_id).update(status="unchecked")
    elif what == "status":
        Service.objects.update(status="stopped")
    elif what == "lock":
        actions.stop_service(service=edge["service"])
    facts.save()
    source.save()


@pytest.mark.parametrize(
    "what",
    ["version", "tool", "processor", "disk", "disk at the source", "memory", "base", "application", "host", "unchecked"]
    + ["status", "lock"],
)
def test_all_who_ask_hear_the_same(what: str, as_operator: Client, edge: dict[str, Any]) -> None:
    broken(edge, what)
    service, target = Service.objects.select_related("application", "host").get(), edge["target"]
    target.refresh_from_db()
    answer = faults(verdict(service, target))
    assert len(answer) == 1
    before = Migration.objects.count()
    with pytest.raises(ValidationError) as refused:
        actions.request_migration(service=service, target=target)
    assert refused.value.messages == answer
    body = {"service": service.name, "target": target.name}
    told = as_operator.post("/api/migrations", body, content_type="application/json")
    assert (told.status_code, told.json()["detail"]) == (422, answer)
    with pytest.raises(CommandError) as said:
        call_command("live_migrate", service.name, "--to", target.name, stdout=io.StringIO())
    assert str(said.value).splitlines() == answer
    page = as_operator.get(f"/services/{service.name}/migrate/?target={target.name}&layers=3").content.decode()
    assert answer[0] in unescape(page)
    posted = as_operator.post(f"/services/{service.name}/migrate/", {"target": target.name, "layers": 3})
    assert posted.status_code == 422
    assert answer[0] in unescape(posted.content.decode().split("Not begun")[1].split("</ul>")[0])
    assert Migration.objects.count() == before


def test_an_experiment_is_asked_the_same_and_may_use_its_own_service(edge: dict[str, Any]) -> None:
    experiment = factories.experiment(edge["service"].host, edge["target"], status="running")
    Service.objects.update(experiment=experiment)
    service = Service.objects.get()
    assert "belongs to the experiment" in faults(verdict(service, edge["target"]))[0]
    assert faults(verdict(service, edge["target"], experiment=experiment)) == []
    broken(edge, "version")
    with pytest.raises(ValidationError, match="CRIU is 4.1 on"):
        actions.request_migration(service=service, target=edge["target"], cell=experiment.cells.get(position=2))


@pytest.mark.parametrize(
    ("kind", "key", "source", "target", "may"),
    [
        ("lxc", "criu_version", "4.2", "4.2.1", True),
        ("lxc", "criu_version", "4.1.1", "4.2", True),
        ("lxc", "criu_version", "4.2", "4.1.1", False),
        ("lxc", "criu_version", "3.17.1", "4.2", True),
        ("lxc", "criu_version", "4.2", "4.9", False),
        ("lxc", "lxc_version", "6.0.4", "6.0.5", True),
        ("lxc", "lxc_version", "6.0.4", "7.0.1", True),
        ("lxc", "lxc_version", "7.0.1", "6.0.4", True),
        ("lxc", "lxc_version", "4.0.12", "6.0.4", False),
        ("kvm", "qemu_version", "10.0.13", "10.1", True),
        ("kvm", "qemu_version", "10.0.13", "10.0.2", False),
        ("kvm", "libvirt_version", "11.3.0", "9.0.0", False),
    ],
)
def test_which_version_may_follow_which_is_one_table(kind: str, key: str, source: str, target: str, may: bool) -> None:
    alike = {tool.key: "9.9" for tool in TECHNOLOGIES[kind].tools}
    found = rules.versions(kind, Side("a", alike | {key: source}), Side("b", alike | {key: target}))
    assert (faults(list(found)) == []) is may


def test_the_button_for_a_silent_source_checks_the_source(as_operator: Client, edge: dict[str, Any]) -> None:
    source = edge["service"].host
    type(source).objects.filter(pk=source.pk).update(status="unreachable")
    page = as_operator.get(f"/services/{edge['service'].name}/migrate/").content.decode()
    assert f'form="check-{source}"' in page
    assert f'id="check-{source}"' in page
    assert f'action="/hosts/{source}/check/"' in page
