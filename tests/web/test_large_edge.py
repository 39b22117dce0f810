"""An edge of 150 hosts, 1,500 services, 300 applications and 30,000 migrations: each page stays one that can be used."""

import re

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from migrations_app.models import Host, LayerCopy, Migration
from tests.large_edge import MIGRATIONS, large_edge

pytestmark = pytest.mark.django_db
MOST_BYTES, MOST_ELEMENTS, MOST_QUERIES = 200_000, 4000, 25
PAGES = (
    "/", "/services/", "/services/?q=service-0&sort=-host&page=3", "/hosts/", "/hosts/?status=ready&sort=-service_count",
    "/hosts/edge-010/", "/applications/", "/applications/?sort=-host_count", "/applications/application-007/", "/layers/",
    "/layers/?host=edge-010", "/layers/{kind}/debian-13/", "/migrations/", "/migrations/?plot=each",
    "/migrations/?q=edge-01&sort=-total_s&page=7", "/services/service-0003/", "/timeline/",
)  # fmt: skip


def pages() -> list[str]:
    kind = LayerCopy.objects.filter(name="debian-13").order_by("kind").values_list("kind", flat=True)[0]
    return [path.format(kind=kind) for path in PAGES]


def elements(page: bytes) -> int:
    return len(re.findall(rb"<[a-z]", page))


def test_no_page_is_too_much_for_a_phone_or_for_an_eye(as_operator: Client) -> None:
    large_edge()
    assert Migration.objects.count() == MIGRATIONS
    too_much = {}
    for path in pages():
        answer = as_operator.get(path)
        assert answer.status_code == 200, path
        if len(answer.content) > MOST_BYTES or elements(answer.content) > MOST_ELEMENTS:
            too_much[path] = (len(answer.content), elements(answer.content))
    assert too_much == {}


def test_a_page_asks_the_database_as_often_for_many_as_for_few(as_operator: Client) -> None:
    def asked() -> dict[str, int]:
        counts = {}
        for path in pages():
            with CaptureQueriesContext(connection) as queries:
                as_operator.get(path)
            counts[path] = len(queries)
        return counts

    before = transaction.savepoint()
    large_edge(migrations=200, size=0.15)
    few = asked()
    transaction.savepoint_rollback(before)
    large_edge(migrations=2000)
    assert asked() == few
    assert max(few.values()) <= MOST_QUERIES


def test_what_needs_somebody_stands_before_all_else_on_the_edge(as_viewer: Client) -> None:
    large_edge(migrations=400)
    text = as_viewer.get("/").content.decode()
    unreachable = Host.objects.filter(status="unreachable").order_by("name")[0]
    stuck = Migration.objects.filter(status="stuck").order_by("-pk")[0]
    places = [
        text.index(words)
        for words in ("Needs attention", f"/migrations/{stuck.pk}/", "Crashed", unreachable.name, "Moving now")
    ]
    assert places == sorted(places)
    assert text.count("hostcard") == 0
    assert "All 12 that move or wait" in text
