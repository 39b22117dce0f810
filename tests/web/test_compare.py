"""The Compare page: nothing is averaged with what it may not be, each mean has its n, and what is shown is what is exported."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from migrations_app.compare.columns import COLUMNS
from migrations_app.experiments.statistics import medians
from migrations_app.models import Migration
from tests import factories


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test has its own rows; the columns outlive a request."""
    COLUMNS.clear()
    yield
    COLUMNS.clear()


def compared(client: Client, query: str = "") -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"{reverse('compare_json')}{query}").json()
    return told


def add(edge: dict[str, Any], **about: Any) -> Migration:
    made = factories.migration(edge["service"], edge["target"], **about)
    factories.stages(made)
    return made


def test_without_a_migration_the_page_says_what_to_do(as_viewer: Client) -> None:
    assert "Nothing to compare yet" in as_viewer.get(reverse("compare")).content.decode()


def test_each_way_is_a_group_of_its_own(as_viewer: Client, edge: dict[str, Any]) -> None:
    for about in (
        {"layers": 2, "app_found": None},
        {"app_found": True},
        {"kind": "kvm"},
        {"kind": "kvm", "method": "live"},
    ):
        add(edge, **about)
    ways = [row["way"] for row in compared(as_viewer)["groups"]]
    assert ways == [
        "KVM · 3 layers, app not found · live · overlay", "KVM · 3 layers, app not found · save · overlay",
        "LXC · 2 layers · save · overlay", "LXC · 3 layers, app found · save · overlay",
        "LXC · 3 layers, app not found · save · overlay",
    ]  # fmt: skip


def test_a_mean_has_its_n_and_its_interval_and_no_failed_run_in_it(as_viewer: Client, edge: dict[str, Any]) -> None:
    for total in (1.0, 2.0, 3.0):
        add(edge, app_found=True, total_s=total)
    add(edge, app_found=True, total_s=99.0, status="rolled_back")
    row = compared(as_viewer, "?layers=found")["groups"][0]
    total = row["measures"]["total"]
    assert (row["runs"], row["succeeded"], row["success_percent"]) == (4, 3, 75.0)
    assert (total["n"], total["mean"], total["median"]) == (3, 2.0, 2.0)
    assert total["ci95"] == pytest.approx(2.4841, abs=1e-3)


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("", 3),
        ("?kind=kvm", 1),
        ("?layers=2", 1),
        ("?bandwidth=10", 1),
        ("?origin=everyday", 2),
        ("?origin=experiments", 1),
        ("?application=chess", 0),
        ("?method=live", 0),
        ("?until=2001-01-01", 0),
    ],
)
def test_the_filter_is_in_the_address(as_viewer: Client, edge: dict[str, Any], query: str, n: int) -> None:
    add(edge, kind="kvm", cell=edge["experiment"].cells.first())
    add(edge, layers=2, app_found=None, bandwidth_mbit=10)
    assert compared(as_viewer, query)["n"] == n
    assert as_viewer.get(reverse("compare") + query).status_code == 200


def test_what_ends_later_is_added_and_what_runs_is_left_out(as_viewer: Client, edge: dict[str, Any]) -> None:
    running = add(edge, status="running", total_s=None, finished_at=None)
    assert compared(as_viewer)["n"] == 1
    add(edge)
    assert compared(as_viewer)["n"] == 2
    Migration.objects.filter(pk=running.pk).update(status="succeeded", total_s=5.0)
    assert compared(as_viewer)["n"] == 3


def test_each_day_has_its_median_and_what_failed_on_it(as_viewer: Client, edge: dict[str, Any]) -> None:
    Migration.objects.all().delete()
    for day, status, felt in [
        (1, "succeeded", 3.0),
        (1, "succeeded", 1.0),
        (1, "stuck", 99.0),
        (2, "rolled_back", None),
    ]:
        add(edge, status=status, probe_downtime_s=felt, finished_at=datetime(2025, 3, day, 12, tzinfo=UTC))
    days = [(row["day"], row["n"], row["median"], row["failed"]) for row in compared(as_viewer)["days"]]
    assert days == [("2025-03-01", 2, 2.0, 1), ("2025-03-02", 0, None, 1)]
    rows = '<td class="num">2025-03-01</td><td class="num">2</td><td class="num">2.00</td><td class="num">1</td>'
    assert rows in as_viewer.get(reverse("compare")).content.decode()


def test_medians_of_many_places_are_numpys() -> None:
    pick = np.random.default_rng(3)
    values, place = pick.random(500), pick.integers(0, 40, 500)
    values[::7], place[place == 5] = np.nan, 6
    counts, found = medians(values, place, 41)
    for number in range(41):
        mine = values[(place == number) & ~np.isnan(values)]
        assert counts[number] == len(mine)
        assert found[number] == pytest.approx(np.median(mine)) if len(mine) else np.isnan(found[number])


def test_many_are_read_as_they_are_when_read_one_by_one(
    as_viewer: Client, edge: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for total in (1.0, 2.0, 3.0):
        add(edge, total_s=total)
    one_by_one = compared(as_viewer)
    COLUMNS.clear()
    monkeypatch.setattr("migrations_app.compare.columns.FEW", 1)
    monkeypatch.setattr("migrations_app.compare.columns.CHUNK", 2)
    assert compared(as_viewer) == one_by_one


def test_the_page_shows_what_the_json_says(as_viewer: Client, edge: dict[str, Any]) -> None:
    add(edge, app_found=True, probe_downtime_s=0.5)
    text = as_viewer.get(reverse("compare")).content.decode()
    assert compared(as_viewer)["groups"][0]["way"] in text
    assert "least downtime by LXC · 3 layers, app found · save · overlay (median 0.50 s, n=1)" in text
    assert as_viewer.get(reverse("compare_csv")).content.decode().count("\n") == 3


def test_a_group_says_the_links_that_its_figures_span(as_viewer: Client, edge: dict[str, Any]) -> None:
    add(edge, bandwidth_mbit=9, probe_downtime_s=0.2)
    add(edge, bandwidth_mbit=1000, status="rolled_back")
    add(edge, app_found=True)
    told = compared(as_viewer)
    assert [row["bandwidths_mbit"] for row in told["groups"]] == [[100], [9, 100]]
    lines = list(csv.DictReader(io.StringIO(as_viewer.get(reverse("compare_csv")).content.decode())))
    assert [line["bandwidths_mbit"] for line in lines] == ["100", "9, 100"]
    page = as_viewer.get(reverse("compare"))
    text = page.content.decode()
    assert "Groups that say “several links”" in text
    assert "9, 100<small" in text
    assert "This is over several links: 9, 100 Mbit/s." in text
    for name in ("boxes", "stages", "sent"):
        assert "app not found · save · overlay · several links (n=2)" in json.dumps(
            page.context["figures"][name], ensure_ascii=False
        )


def test_over_one_link_nothing_is_said_of_several(as_viewer: Client, edge: dict[str, Any]) -> None:
    add(edge, bandwidth_mbit=9)
    add(edge, app_found=True, bandwidth_mbit=9)
    assert "several links" in as_viewer.get(reverse("compare")).content.decode()
    assert "several links" not in as_viewer.get(reverse("compare") + "?bandwidth=9").content.decode()


def test_stages_and_other_time_add_up_to_the_total(as_viewer: Client, edge: dict[str, Any]) -> None:
    row = compared(as_viewer)["stages"][0]
    assert sum(row["seconds"].values()) == pytest.approx(edge["migration"].total_s, abs=0.01)


def test_the_error_of_the_forecasts_is_the_median_of_their_distances(as_viewer: Client, edge: dict[str, Any]) -> None:
    Migration.objects.all().delete()
    COLUMNS.clear()
    for forecast in (9.0, 8.0, 20.0):
        add(edge, total_s=10.0, downtime_s=1.0, forecast={"total_s": forecast, "downtime_s": 1.0})
    row = compared(as_viewer)["predictions"][0]
    assert row["total_s"] == {"n": 3, "median_error_percent": 20.0}
    assert row["downtime_s"]["median_error_percent"] == 0.0


def test_a_group_without_any_success_has_a_row_and_no_mean(as_viewer: Client, edge: dict[str, Any]) -> None:
    Migration.objects.all().delete()
    add(edge, status="rolled_back")
    told = compared(as_viewer)
    assert told["groups"][0]["measures"]["felt"] == {"n": 0}
    assert as_viewer.get(reverse("compare")).status_code == 200
    assert json.dumps(told)
