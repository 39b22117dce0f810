"""The history: filtered the same way on the page, in the exports and through the API; fast with ten thousand."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from migrations_app.models import Migration
from tests import factories


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/migrations/export.csv{query}")
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def means(page: Any) -> dict[str, float]:
    return {bar["label"]: bar["total_s"] for bar in page.context["bars"]}


@pytest.fixture
def several(edge: dict[str, Any]) -> dict[str, Any]:
    factories.migration(edge["service"], edge["target"], layers=2, app_found=None, status="rolled_back", total_s=None)
    return edge


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 2), ("?layers=2", 1), ("?layers=3", 1), ("?outcome=rolled_back", 1), ("?outcome=stuck", 0),
        ("?kind=lxc", 2), ("?kind=kvm", 0), ("?since=2099-01-01", 0), ("?until=2099-01-01", 2), ("?service=nothing", 0),
        ("?layers=x", 0),
    ],
)  # fmt: skip
def test_the_filter_is_the_same_in_the_export_and_the_page(
    query: str, count: int, as_viewer: Client, several: dict[str, Any]
) -> None:
    assert len(rows(as_viewer, query)) == count
    page = as_viewer.get(f"/migrations/{query}")
    assert page.context["page_obj"].paginator.count == count


def test_a_host_filter_finds_both_directions(as_viewer: Client, several: dict[str, Any]) -> None:
    for host in (several["target"], several["service"].host):
        assert len(rows(as_viewer, f"?host={host.name}")) == 2


def test_the_exported_stages_add_up(as_viewer: Client, edge: dict[str, Any]) -> None:
    line = rows(as_viewer)[0]
    assert sum(float(value) for name, value in line.items() if name.endswith(" (s)")) == pytest.approx(4.5)


@pytest.mark.django_db(transaction=True)
async def test_an_asynchronous_server_streams_the_same_export(edge: dict[str, Any], viewer: Any) -> None:
    from asgiref.sync import sync_to_async
    from django.test import AsyncClient

    client = AsyncClient()
    await sync_to_async(client.force_login)(viewer)
    answer = await client.get("/migrations/export.csv")
    text = "".join([chunk.decode() async for chunk in answer.streaming_content])
    assert len(text.splitlines()) == 2


def test_a_text_that_a_spreadsheet_would_run_is_harmless(as_viewer: Client, edge: dict[str, Any]) -> None:
    Migration.objects.update(error="=HYPERLINK(1)")
    assert rows(as_viewer)[0]["error"] == "'=HYPERLINK(1)"


def test_the_plot_has_a_table_with_the_same_figures(as_viewer: Client, edge: dict[str, Any]) -> None:
    page = as_viewer.get("/migrations/")
    assert "game-server · LXC · 3 layers, app not found · save · overlay (n=1)" in page.content.decode()
    assert sum(page.context["bars"][0]["seconds"].values()) == pytest.approx(4.5)


def test_each_migration_of_the_page_can_be_drawn(as_viewer: Client, edge: dict[str, Any]) -> None:
    page = as_viewer.get("/migrations/?plot=each")
    made = edge["migration"]
    labels = [bar["label"] for bar in page.context["bars"]]
    assert labels == [f"#{made.pk} {made.service_name}<br>LXC · 3 layers · save · overlay"]


def test_storages_are_never_averaged_with_each_other(as_viewer: Client, edge: dict[str, Any]) -> None:
    slow = factories.migration(edge["service"], edge["target"], storage="directory", total_s=9.5)
    factories.stages(slow)
    page = as_viewer.get("/migrations/")
    assert means(page) == {
        "game-server<br>LXC · 3 layers, app not found · save · directory (n=1)": 9.5,
        "game-server<br>LXC · 3 layers, app not found · save · overlay (n=1)": 4.5,
    }
    assert [round(sum(bar["seconds"].values()), 3) for bar in page.context["bars"]] == [9.5, 4.5]
    assert "LXC · 3 layers · save · directory" in page.content.decode()


def test_links_are_never_averaged_with_each_other_and_are_named_where_there_are_several(
    as_viewer: Client, edge: dict[str, Any]
) -> None:
    for bandwidth in (9, 9, 1000):
        factories.stages(
            factories.migration(edge["service"], edge["target"], bandwidth_mbit=bandwidth, total_s=bandwidth)
        )
    way = "game-server<br>LXC · 3 layers, app not found · save · overlay"
    assert list(means(as_viewer.get("/migrations/")).items()) == [
        (f"{way} · 9 Mbit/s (n=2)", 9.0), (f"{way} · 100 Mbit/s (n=1)", 4.5), (f"{way} · 1000 Mbit/s (n=1)", 1000.0),
    ]  # fmt: skip
    Migration.objects.exclude(bandwidth_mbit=9).delete()
    assert means(as_viewer.get("/migrations/")) == {f"{way} (n=2)": 9.0}


def test_the_exports_say_storage_and_link(as_viewer: Client, edge: dict[str, Any]) -> None:
    line = rows(as_viewer)[0]
    [told] = json.loads(b"".join(as_viewer.get("/migrations/export.json").streaming_content))
    assert (
        (line["storage"], line["bandwidth_mbit"])
        == (told["storage"], str(told["bandwidth_mbit"]))
        == ("overlay", "100")
    )


def test_a_filter_that_fits_nothing_says_so(as_viewer: Client, edge: dict[str, Any]) -> None:
    assert "Nothing fits the search" in as_viewer.get("/migrations/?kind=kvm").content.decode()


def test_the_api_takes_the_same_filters(as_viewer: Client, several: dict[str, Any]) -> None:
    assert len(as_viewer.get("/api/migrations?layers=2").json()) == 1
    assert as_viewer.get("/api/migrations?layers=x").status_code == 422


def test_pages_answer_with_ten_thousand_migrations(as_viewer: Client, db: None) -> None:
    factories.many_migrations(10_000)
    for path in (
        "/",
        "/migrations/",
        "/migrations/?layers=3&page=150",
        "/migrations/?plot=each",
        "/services/",
        "/hosts/mec-1/",
    ):
        path = path.replace("mec-1", str(Migration.objects.first().source))  # type: ignore[union-attr]
        assert as_viewer.get(path).status_code == 200
