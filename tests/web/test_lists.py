"""Lists are searched, filtered, sorted and paged by the server, and the address says how."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from migrations_app.models import Host, LayerCopy, Service
from tests import factories

LISTS = ("/services/", "/hosts/", "/applications/", "/layers/", "/migrations/")


@pytest.fixture
def many(edge: dict[str, Any]) -> dict[str, Any]:
    """More services than a page holds, three of them in trouble."""
    application, host = edge["service"].application, edge["service"].host
    for number in range(40):
        factories.ServiceFactory(application=application, host=host, name=f"video-{number:02}")
    Service.objects.filter(name="video-30").update(status="crashed")
    Service.objects.filter(name="video-20").update(status="unknown")
    Service.objects.filter(name="video-10").update(status="stopped")
    return edge


def shown(client: Client, address: str) -> list[str]:
    """The rows' names, in order."""
    return [str(row.get_cell_value("name")) for row in client.get(address).context["table"].rows]


def as_csv(client: Client, address: str) -> list[dict[str, str]]:
    text = b"".join(client.get(address).streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_services_in_trouble_come_first(as_viewer: Client, many: dict[str, Any]) -> None:
    assert shown(as_viewer, "/services/")[:3] == ["video-30", "video-20", "video-10"]


def test_hosts_that_do_not_answer_come_first(as_viewer: Client, edge: dict[str, Any]) -> None:
    for name, status in (
        ("a-ready", "ready"),
        ("b-unchecked", "unchecked"),
        ("z-silent", "unreachable"),
        ("y", "problem"),
    ):
        factories.HostFactory(name=name, status=status)
    assert shown(as_viewer, "/hosts/")[:4] == ["z-silent", "y", "b-unchecked", "a-ready"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=video-3&sort=-name&status=running", [f"video-{number}" for number in (39, 38, 37, 36, 35, 34, 33, 32, 31)]),
        ("q=VIDEO -05", ["video-05"]),
        ("q=video nowhere", []),
        ("status=crashed", ["video-30"]),
        ("q=video-0&status=crashed", []),
        ("host=nowhere", []),
        ("status=none-such", []),
        ("q=%00", []),
        ("q=" + "x" * 5000, []),
    ],
)
def test_a_list_shows_what_the_address_asks_for(
    query: str, names: list[str], as_viewer: Client, many: dict[str, Any]
) -> None:
    assert shown(as_viewer, f"/services/?{query}") == names


def test_a_page_follows_the_other_and_none_is_past_the_last(as_viewer: Client, many: dict[str, Any]) -> None:
    pages = [shown(as_viewer, f"/services/?sort=host&page={number}") for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [25, 16, 16]
    assert set(pages[0]) | set(pages[1]) == set(Service.objects.values_list("name", flat=True))
    assert pages[2] == pages[1]


def test_a_link_to_another_page_or_order_keeps_the_search(as_viewer: Client, many: dict[str, Any]) -> None:
    text = as_viewer.get("/services/?q=video&sort=name&page=1").content.decode()
    assert 'href="?q=video&amp;sort=name&amp;page=2"' in text
    assert 'href="?q=video&amp;sort=-name"' in text
    assert 'aria-sort="ascending"' in text
    assert 'href="?q=video&amp;sort=name&amp;status=crashed"' in text


@pytest.mark.parametrize("sort", ["nothing", "-", "%00", "rank", "migrate"])
def test_an_order_that_does_not_exist_is_the_usual_one(sort: str, as_operator: Client, many: dict[str, Any]) -> None:
    assert shown(as_operator, f"/services/?sort={sort}")[0] == "video-30"


def test_what_has_no_value_comes_last_whichever_way(as_viewer: Client, edge: dict[str, Any]) -> None:
    made = edge["migration"]
    unmeasured = factories.migration(edge["service"], edge["target"], status="rejected", total_s=None)
    for sort in ("total_s", "-total_s"):
        table = as_viewer.get(f"/migrations/?sort={sort}").context["table"]
        assert [row.record.pk for row in table.rows] == [made.pk, unmeasured.pk]


@pytest.mark.parametrize("path", LISTS)
def test_every_column_sorts_both_ways(path: str, as_operator: Client, edge: dict[str, Any]) -> None:
    sorts = as_operator.get(path).context["table"].sorts
    assert sorts
    for sort in sorts:
        assert as_operator.get(f"{path}?sort={sort['value']}").status_code == 200, sort


def test_the_states_are_counted_among_what_the_search_finds(as_viewer: Client, many: dict[str, Any]) -> None:
    for query in ("q=video", "q=video&status=crashed"):
        states = as_viewer.get(f"/services/?{query}").context["states"]
        assert [(state["status"].value, state["count"]) for state in states] == [
            ("crashed", 1), ("unknown", 1), ("stopped", 1), ("running", 37),
        ]  # fmt: skip


def test_the_csv_is_what_is_shown_on_all_pages(as_operator: Client, many: dict[str, Any]) -> None:
    address = "/services/?q=video&status=running&sort=-name"
    rows = as_csv(as_operator, f"{address}&page=2&format=csv")
    assert [row["Service"] for row in rows] == [
        name for page in (1, 2) for name in shown(as_operator, f"{address}&page={page}")
    ]
    assert list(rows[0]) == ["Service", "Status", "Host", "Application", "Address", "Kind", "Storage"]
    assert rows[0]["Status"] == "Running"


def test_the_csv_has_numbers_with_their_units_in_the_header(as_viewer: Client, edge: dict[str, Any]) -> None:
    [row] = as_csv(as_viewer, f"/hosts/?q={edge['target'].name}&format=csv")
    assert (row["Bandwidth (Mbit/s)"], row["Services"]) == ("100", "0")
    layer = as_csv(as_viewer, "/layers/?of=base&format=csv")[0]
    assert (layer["Layer"], layer["Hosts that hold it"], layer["Size (bytes)"]) == ("debian-13", "2", "310000000")


def test_a_text_that_a_spreadsheet_would_run_is_harmless(as_viewer: Client, edge: dict[str, Any]) -> None:
    Host.objects.update(place="=HYPERLINK(1)")
    assert {row["Place"] for row in as_csv(as_viewer, "/hosts/?format=csv")} == {"'=HYPERLINK(1)"}


def test_the_part_that_is_fetched_anew_shows_the_same_search(as_viewer: Client, many: dict[str, Any]) -> None:
    address = "/services/?q=video-0&sort=-name"
    assert f'hx-get="{address.replace("&", "&amp;")}"' in as_viewer.get(address).content.decode()
    part = as_viewer.get(address, headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert [row.record.name for row in part.context["table"].rows][0] == "video-09"


@pytest.mark.parametrize("path", LISTS)
def test_on_a_phone_each_cell_says_which_column_it_is_of(path: str, as_viewer: Client, edge: dict[str, Any]) -> None:
    answer = as_viewer.get(path)
    table, text = answer.context["table"], answer.content.decode()
    first, *others = [str(column.header) for column in table.columns]
    assert [header for header in others if f'data-label="{header}"' not in text] == []
    assert f'data-label="{first}"' not in text  # the card's own heading


def test_a_viewer_is_offered_no_migration(as_viewer: Client, as_operator: Client, edge: dict[str, Any]) -> None:
    link = f"/services/{edge['service'].name}/migrate/"
    assert link in as_operator.get("/services/").content.decode()
    assert link not in as_viewer.get("/services/").content.decode()


def test_a_migration_is_found_by_its_number_and_by_its_hosts(as_viewer: Client, edge: dict[str, Any]) -> None:
    made = edge["migration"]
    for words in (f"%23{made.pk}", made.source.name, f"{made.service_name} {made.target.name}", made.application_name):
        assert f"/migrations/{made.pk}/" in as_viewer.get(f"/migrations/?q={words}").content.decode()
    assert f"/migrations/{made.pk}/" not in as_viewer.get("/migrations/?q=elsewhere").content.decode()


def test_folded_filters_unfold_when_one_is_used(as_viewer: Client, edge: dict[str, Any]) -> None:
    folded = as_viewer.get("/migrations/?outcome=succeeded")
    unfolded = as_viewer.get(f"/migrations/?host={edge['target'].name}")
    assert not folded.context["filter"].is_unfolded
    assert unfolded.context["filter"].is_unfolded


def test_a_layer_says_how_many_hosts_hold_it_and_its_page_which(as_viewer: Client, edge: dict[str, Any]) -> None:
    third = factories.HostFactory()
    factories.application_on(edge["service"].application, third)
    copy = LayerCopy.objects.filter(host=third)[0]
    [row] = [row for row in as_csv(as_viewer, "/layers/?of=application&format=csv") if row["Layer"] == copy.name]
    assert row["Hosts that hold it"] == "2"
    page = as_viewer.get(f"/layers/{copy.kind}/{copy.name}/").content.decode()
    assert "held by 2 of 3 MEC hosts" in page
    assert f"/hosts/{third.name}/" in page
    assert f"/hosts/{edge['target'].name}/" not in page
    assert as_viewer.get(f"/layers/{copy.kind}/none-such/").status_code == 404


def test_a_base_whose_copies_differ_comes_first_and_says_where(as_viewer: Client, edge: dict[str, Any]) -> None:
    odd = factories.HostFactory(name="a-odd")
    factories.base_on(odd, digest="99" * 16)
    assert "Copies differ" in as_viewer.get("/layers/").content.decode()
    copy = LayerCopy.objects.get(host=odd)
    answer = as_viewer.get(f"/layers/{copy.kind}/{copy.name}/")
    assert [row.record.host.name for row in answer.context["table"].rows][0] == "a-odd"
    assert answer.content.decode().count("differs</span>") == 1


def test_layers_of_a_host_keep_the_count_of_all_hosts(as_viewer: Client, edge: dict[str, Any]) -> None:
    rows = as_csv(as_viewer, f"/layers/?host={edge['target'].name}&format=csv")
    assert [(row["Layer"], row["Hosts that hold it"]) for row in rows] == [("debian-13", "2")]


def test_a_hosts_page_lists_some_and_links_to_all(as_viewer: Client, many: dict[str, Any]) -> None:
    host = many["service"].host
    text = as_viewer.get(f"/hosts/{host.name}/").content.decode()
    assert f'<a href="/services/?host={host.name}">All 41 services on this host</a>' in text
    assert text.count('href="/services/video-') < 12
    assert "video-30" in text  # which has crashed
    factories.HostFactory.create_batch(20)
    text = as_viewer.get(f"/hosts/{host.name}/").content.decode()
    assert "21 other MEC hosts</a>, 100 Mbit/s at their ends" in text


def test_a_small_edge_is_shown_whole_and_says_that_all_is_well(as_viewer: Client, edge: dict[str, Any]) -> None:
    text = as_viewer.get("/").content.decode()
    assert text.count("hostcard") == 2
    assert "All hosts answer without problems" in text
    Service.objects.update(status="crashed")
    assert "All hosts answer without problems" not in as_viewer.get("/").content.decode()
