"""The Migrate page: forecast for both models, all faults at once, a button only where nothing forbids it."""

from typing import Any

import pytest
from django.test import Client

from migrations_app.admission.verdict import verdict
from migrations_app.deciding import UNMEASURED_MEMORY_SHARE, sizes_of
from migrations_app.models import HostFacts, LayerCopy, Migration
from migrations_app.technologies.findings import faults
from tests import factories


def page(client: Client, edge: dict[str, Any], query: str = "") -> str:
    return client.get(f"/services/{edge['service'].name}/migrate/{query}").content.decode()


def test_nothing_forbids_a_move_between_ready_hosts(edge: dict[str, Any]) -> None:
    assert faults(verdict(edge["service"], edge["target"])) == []


def test_the_page_forecasts_both_models_and_says_from_what(as_operator: Client, edge: dict[str, Any]) -> None:
    text = page(as_operator, edge)
    assert "2 layers" in text
    assert "3 layers" in text
    assert text.count("sizes and link") == 2
    assert '<button class="btn btn-primary" disabled' not in text


def test_three_runs_like_this_are_the_forecast(as_operator: Client, edge: dict[str, Any]) -> None:
    for _ in range(2):
        factories.migration(edge["service"], edge["target"])
    assert "median and middle 80 % of 3 migrations like this" in page(as_operator, edge)


def test_the_page_says_whether_the_target_holds_the_application(as_operator: Client, edge: dict[str, Any]) -> None:
    assert "before the suspension, while the service goes on" in page(as_operator, edge)
    factories.application_on(edge["service"].application, edge["target"])
    assert f"{edge['target']} holds it already" in page(as_operator, edge)


def test_htmx_gets_the_plan_alone_for_another_choice(as_operator: Client, edge: dict[str, Any]) -> None:
    answer = as_operator.get(f"/services/{edge['service'].name}/migrate/?layers=2", headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert "<html" not in text
    assert "while suspended" in text
    assert "HX-Request" in answer["Vary"]


def test_a_click_asks_for_the_migration_with_its_forecast(as_operator: Client, edge: dict[str, Any], site: Any) -> None:
    answer = as_operator.post(
        f"/services/{edge['service'].name}/migrate/", {"target": edge["target"].name, "layers": 3}
    )
    made = Migration.objects.first()
    assert made is not None
    assert answer["Location"] == f"/migrations/{made.pk}/"
    assert (made.status, made.layers, made.requested_by.username) == ("queued", 3, "olga")
    assert made.forecast["basis"] == "sizes"


def test_all_faults_are_said_at_once_and_nothing_is_begun(as_operator: Client, edge: dict[str, Any]) -> None:
    target = edge["target"]
    LayerCopy.objects.filter(host=target).delete()
    HostFacts.objects.filter(host=target).update(values=factories.FACTS | {"cpu_flags": ["fpu"], "disk_free_bytes": 1})
    type(target).objects.filter(pk=target.pk).update(status="unreachable")
    before = Migration.objects.count()
    answer = as_operator.post(f"/services/{edge['service'].name}/migrate/", {"target": target.name, "layers": 3})
    text = answer.content.decode()
    assert answer.status_code == 422
    for words in ("does not answer", "does not hold the base", "lacks avx, avx2", "make room there"):
        assert words in text
    assert "Provision base" in text
    assert "disabled" in text
    assert Migration.objects.count() == before


@pytest.mark.parametrize("choice", [{"target": "nowhere", "layers": 3}, {"target": "", "layers": 3}, {"layers": 7}])
def test_an_unknown_choice_gets_a_sentence(choice: dict[str, Any], as_operator: Client, edge: dict[str, Any]) -> None:
    answer = as_operator.post(f"/services/{edge['service'].name}/migrate/", choice)
    assert answer.status_code == 422
    assert "Choose one of the hosts" in answer.content.decode()


def test_a_service_that_is_being_migrated_cannot_be_migrated_again(as_operator: Client, edge: dict[str, Any]) -> None:
    choice = {"target": edge["target"].name, "layers": 3}
    as_operator.post(f"/services/{edge['service'].name}/migrate/", choice)
    answer = as_operator.post(f"/services/{edge['service'].name}/migrate/", choice)
    assert "already being migrated" in answer.content.decode()


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        ("4.1.9", ""),
        ("4.9", "CRIU is 4.1 on {source} and 4.9 on {target}: it is not known whether"),
        ("3.17", "CRIU is 4.1 on {source} and 3.17 on {target}: an older CRIU does not read what a newer one saved"),
        ("", "{target} has no CRIU: install what docs/hosts.md names"),
        (None, "Nothing is known of CRIU on {target}: check the host."),
    ],
)
def test_an_older_or_unknown_criu_or_none_is_a_fault(there: str | None, sentence: str, edge: dict[str, Any]) -> None:
    facts = HostFacts.objects.get(host=edge["target"])
    facts.values["criu_version"] = there
    facts.save()
    found = " ".join(faults(verdict(edge["service"], edge["target"])))
    expected = sentence.format(source=edge["service"].host, target=edge["target"])
    assert expected in found if expected else found == ""


def test_a_newer_criu_on_the_target_is_a_warning_that_tells_of_the_way_back(
    as_operator: Client, edge: dict[str, Any]
) -> None:
    facts = HostFacts.objects.get(host=edge["target"])
    facts.values["criu_version"] = "4.2"
    facts.save()
    text = as_operator.get(f"/services/{edge['service'].name}/migrate/?target={edge['target']}").content.decode()
    assert f"it can go there, but not back before {edge['service'].host} has the newer one, too." in text
    choice = {"target": edge["target"].name, "layers": 3}
    before = Migration.objects.count()
    as_operator.post(f"/services/{edge['service'].name}/migrate/", choice)
    assert Migration.objects.count() == before + 1


def test_with_one_host_the_page_says_what_is_missing(as_operator: Client, db: None) -> None:
    service = factories.ServiceFactory()
    text = as_operator.get(f"/services/{service.name}/migrate/").content.decode()
    assert "There is no other MEC host" in text


def test_without_history_the_memory_that_the_service_holds_is_what_is_expected_to_travel(edge: dict[str, Any]) -> None:
    service = edge["service"]
    Migration.objects.all().delete()
    service.memory_bytes = 0
    at_most = sizes_of(service).memory
    service.memory_bytes = 10_000_000
    assert sizes_of(service).memory == int(10_000_000 * UNMEASURED_MEMORY_SHARE) < at_most
