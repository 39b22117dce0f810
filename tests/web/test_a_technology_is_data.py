"""A technology that the product has never heard of is chosen, judged, shown and moved like the others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from migrations_app import actions
from migrations_app.admission.verdict import verdict
from migrations_app.experiments.forms import ExperimentForm
from migrations_app.filters import MigrationFilter
from migrations_app.forms import BuildForm, DeployForm
from migrations_app.models import BaseLayer, Host, HostFacts, LayerCopy, Migration, Service
from migrations_app.technologies import TECHNOLOGIES, Technology
from migrations_app.technologies.findings import faults
from migrations_app.technologies.ways import LIVE
from tests import factories
from tests.toy import toy
from workers.hosts import facts
from workers.layers import layer_of

__all__ = ["toy"]
pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def playing(edge: dict[str, Any], toy: Technology) -> dict[str, Any]:
    """A running toy and a second host that could take it."""
    service = edge["service"]
    base = BaseLayer.objects.create(name=service.application.base_name, kind=toy.key, digest="ab" * 16)
    for host in (service.host, edge["target"]):
        found = HostFacts.objects.get(host=host)
        found.values |= {"toy_version": "1.2"}
        found.save()
        about: dict[str, Any] = {"name": base.name, "digest": base.digest, "size_bytes": 1, "origin": "built"}
        LayerCopy.objects.create(host=host, base=base, kind=toy.key, **about)
    LayerCopy.objects.filter(application=service.application).update(kind=toy.key)
    Service.objects.filter(pk=service.pk).update(kind=toy.key)
    service.refresh_from_db()
    return edge


def test_it_is_offered_wherever_a_technology_is_chosen(as_operator: Client, toy: Technology) -> None:
    offered = (toy.key, toy.label)
    assert offered in list(DeployForm().fields["kind"].choices)  # type: ignore[attr-defined]
    assert offered in list(BuildForm().fields["kind"].choices)  # type: ignore[attr-defined]
    assert offered in list(ExperimentForm().fields["kinds"].choices)  # type: ignore[attr-defined]
    assert offered in list(MigrationFilter().form.fields["kind"].choices)


def test_a_hosts_page_shows_what_a_check_found_of_it_and_brings_its_base(
    as_operator: Client, playing: dict[str, Any]
) -> None:
    page = as_operator.get(f"/hosts/{playing['target']}/").content.decode()
    assert "Toy tool" in page
    assert "1.2" in page
    assert "Provision base (Toy)" in page


def test_it_moves_where_its_tools_are_and_is_refused_where_they_are_not(playing: dict[str, Any]) -> None:
    service, target = playing["service"], playing["target"]
    assert faults(verdict(service, target)) == []
    found = HostFacts.objects.get(host=target)
    found.values |= {"toy_version": ""}
    found.save()
    assert f"{target} has no Toy tool: install" in faults(verdict(service, Host.objects.get(pk=target.pk)))[0]


def test_a_way_that_is_another_technologys_is_refused_in_its_own_words(playing: dict[str, Any]) -> None:
    refused = faults(verdict(playing["service"], playing["target"], way=LIVE))
    assert f"{playing['service']} is a toy, and Toy has no live migration of its own" in refused[0]


def test_its_migration_is_asked_for_on_the_page_and_named_in_the_history(
    as_operator: Client, playing: dict[str, Any], site: Any
) -> None:
    service, target = playing["service"], playing["target"]
    as_operator.post(f"/services/{service}/migrate/", {"target": target.name, "layers": 3, "how": "save"})
    made = Migration.objects.get(service=service, kind="toy")
    assert made.model_label == "Toy · 3 layers · save · overlay"
    assert "Toy · 3 layers" in as_operator.get("/migrations/?kind=toy").content.decode()


def test_a_host_that_has_half_of_it_is_told_what_to_install(toy: Technology) -> None:
    values = factories.FACTS | {
        "missing_tools": "",
        "missing_modules": "",
        "backhaul_interface": "eth1",
        "bridge": "yes",
    }
    assert facts.problems_of(values | {"toy_version": "1.2", "lxc_version": ""}, "10.0.1.1", "br-access") == []
    assert layer_of("toy/app/overlay/game-0123") == ("toy", "overlay", "game-0123")
    assert layer_of("toy/base/debian-13") == ("toy", "", "debian-13")


def test_it_can_be_deployed_like_the_others(playing: dict[str, Any]) -> None:
    made = actions.deploy_service(
        name="new", application=playing["service"].application, host=playing["target"], kind="toy"
    )
    assert made.service is not None
    assert made.service.get_kind_display() == "Toy"


# where a technology may be named: its own modules, and the rows that migrations of the database have written
OWN = (
    "migrations_app/technologies/",
    "migrations_app/migrations/",
    "workers/guests/",
    "workers/layers/",
    "workers/scripts/",
)


def sources() -> Iterator[Path]:
    for folder in ("migrations_app", "workers", "mecportal", "templates"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".html") and not str(path.relative_to(ROOT)).startswith(OWN):
                yield path


def test_no_technology_is_named_outside_its_own_modules() -> None:
    titles = {tool.title.lower() for each in TECHNOLOGIES.values() for tool in each.tools}
    names = sorted(titles | set(TECHNOLOGIES) | {"virsh"})
    named = re.compile(rf"(?<![a-z])({'|'.join(names)})(?![a-z])", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if named.search(line)
    ]
    assert found == []
