"""Numbers and texts that no database can hold: an address that leads nowhere, or a fault of the form, never one of the portal."""

from typing import Any

import pytest
from django.test import Client

TOO_LARGE = [str(2**31), str(2**63), str(10**30), "9" * 5000]
READ = (
    "/migrations/{}/", "/migrations/{}/live/", "/migrations/{}/summary.json", "/migrations/{}/engine.log", "/operations/{}/",
    "/experiments/{}/", "/experiments/{}/report.json", "/experiments/{}/report.csv", "/experiments/{}/report.html",
)  # fmt: skip


@pytest.fixture(params=TOO_LARGE, ids=lambda text: text[:20])
def number(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_row_of_that_number_does_not_exist(number: str, as_operator: Client, edge: dict[str, Any]) -> None:
    for path in READ:
        assert as_operator.get(path.format(number)).status_code == 404, path
    for path in ("/migrations/{}/cancel/", "/experiments/{}/stop/"):
        assert as_operator.post(path.format(number)).status_code == 404, path
    assert as_operator.get(f"/api/migrations/{number}").status_code in (404, 422)
    assert as_operator.post(f"/api/migrations/{number}/cancel").status_code in (404, 422)


def test_a_query_of_that_number_finds_nothing_or_is_refused(
    number: str, as_operator: Client, edge: dict[str, Any]
) -> None:
    live = f"/migrations/{edge['migration'].pk}/live/"
    for query in ("after", "sample"):
        assert as_operator.get(f"{live}?{query}={number}").status_code == (200 if len(number) == 10 else 404)
    for path in ("/api/migrations?limit=", "/api/migrations?offset="):
        assert as_operator.get(path + number).status_code == (200 if len(number) == 10 else 422), path
    for path in ("/migrations/?page=", "/migrations/?layers=", "/compare/?bandwidth=", "/compare/?bandwidth=1e",
                 "/compare/?origin=", "/migrations/?since="):  # fmt: skip
        assert as_operator.get(path + number).status_code == 200, path


def test_a_form_with_that_number_comes_back_with_a_fault(
    number: str, as_operator: Client, edge: dict[str, Any]
) -> None:
    name = edge["service"].name
    assert as_operator.post(f"/services/{name}/migrate/", {"layers": number}).status_code == 422
    started = {"design": "figure-5-ram", "runs": 2, "kinds": "lxc", "storages": "overlay", "transfers": "save"}
    started |= {"ram_mb": "50", "bandwidths_mbit": "10"}
    for field in ("runs", "ram_mb", "bandwidths_mbit"):
        assert as_operator.post("/start-experiment/", started | {field: number}).status_code == 422, field
    costs = {"policy": "total", "cost_per_downtime_s": 1, "cost_per_total_s": 1, "cost_per_mb": number}
    assert as_operator.post(f"/services/{name}/policy/", costs).status_code == 302
    deploy = {"name": "new", "application": number, "host": number, "kind": "lxc", "storage": "overlay"}
    assert as_operator.post("/deploy/", deploy | {"address": number}).status_code == 200


@pytest.mark.parametrize("word", ["\0", "x" * 10_000, "../x"])
@pytest.mark.parametrize("field", ["service", "target", "reason"])
def test_a_text_that_no_name_can_be_is_refused(
    field: str, word: str, as_operator: Client, edge: dict[str, Any]
) -> None:
    body = {"service": edge["service"].name, "target": edge["target"].name, field: word}
    answer = as_operator.post("/api/migrations", body, content_type="application/json")
    assert answer.status_code == (201 if (field, word) == ("reason", "../x") else 404 if word == "../x" else 422)


@pytest.mark.parametrize(
    "query", ["service=%00", "application=%00", "layers=%00", "since=%00", "page=%00", "outcome=%00"]
)
def test_a_filter_with_a_nul_finds_nothing(query: str, as_viewer: Client, edge: dict[str, Any]) -> None:
    for path in ("/migrations/", "/compare/"):
        assert as_viewer.get(f"{path}?{query}").status_code == 200
    assert as_viewer.get(f"/api/migrations?{query}").status_code in (200, 422)
