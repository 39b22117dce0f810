"""What is open when a session ends goes to the sign-in page as a whole, and comes back from there; nothing is done any more."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from migrations_app.models import Migration, Operation

HERE = "http://testserver"
FOLLOWED = ("/", "/hosts/", "/layers/", "/services/", "/experiments/")


def asked_by_htmx(client: Client, path: str, shown: str) -> Any:
    return client.get(path, headers={"HX-Request": "true", "HX-Current-URL": shown})


@pytest.mark.parametrize("path", FOLLOWED)
def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(path: str, as_viewer: Client, edge: dict[str, Any]) -> None:
    assert asked_by_htmx(as_viewer, path, HERE + path).status_code == 200
    as_viewer.logout()
    answer = asked_by_htmx(as_viewer, path, f"{HERE}{path}?a=b&c=d#place")
    assert answer.status_code == 200  # htmx follows no redirect by itself: XMLHttpRequest would, into the part
    assert answer.content == b""
    to = urlsplit(answer["HX-Redirect"])
    assert (to.path, parse_qs(to.query)["next"]) == ("/login/", [f"{path}?a=b&c=d"])


@pytest.mark.parametrize(
    "shown", ["https://elsewhere.example/", "//elsewhere.example/x", "", "http://testserver.example/"]
)
def test_the_way_back_is_a_page_of_the_portal(shown: str, stranger: Client) -> None:
    to = asked_by_htmx(stranger, "/hosts/", shown)["HX-Redirect"]
    assert parse_qs(urlsplit(to).query)["next"] == ["/hosts/"]


def test_a_script_that_polls_is_told_so_in_its_own_way(stranger: Client, edge: dict[str, Any]) -> None:
    path = f"/migrations/{edge['migration'].pk}/live/"
    assert stranger.get(path, headers={"Accept": "application/json"}).status_code == 401
    assert stranger.get(path, headers={"Accept": "text/html"}).status_code == 302


def test_a_button_leads_back_to_its_page(stranger: Client, edge: dict[str, Any]) -> None:
    name = edge["service"].name
    button = f"/services/{name}/stop/"
    answer = stranger.post(button, headers={"Referer": f"{HERE}/services/{name}/"})
    assert answer["Location"] == f"/login/?next=/services/{name}/"
    assert stranger.post(button)["Location"] == "/login/?next=/"


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:x"]
)
def test_signing_in_leads_nowhere_else(wanted: str, viewer: User) -> None:
    viewer.set_password("only-for-this-1")
    viewer.save()
    who = {"username": viewer.username, "password": "only-for-this-1", "next": wanted}
    assert Client().post("/login/", who)["Location"] == "/"
    assert Client().post(f"/login/?next={wanted}", who)["Location"] == "/"


BUTTONS = (
    "/services/{service}/stop/", "/services/{service}/remove/", "/hosts/{host}/check/", "/hosts/{host}/remove/",
    "/migrations/{migration}/cancel/", "/services/{service}/migrate/", "/applications/game-server/remove/",
    "/api/migrations/{migration}/cancel", "/api/migrations",
)  # fmt: skip


@pytest.mark.parametrize("button", BUTTONS)
def test_who_was_deactivated_does_nothing_any_more(
    button: str, as_operator: Client, operator: User, edge: dict[str, Any]
) -> None:
    Migration.objects.filter(pk=edge["migration"].pk).update(status="running")
    User.objects.filter(pk=operator.pk).update(is_active=False)
    before = Operation.objects.count(), Migration.objects.count()
    names = {"service": edge["service"].name, "host": edge["target"].name, "migration": edge["migration"].pk}
    body = {"target": edge["target"].name, "service": edge["service"].name, "layers": "3"}
    answer = as_operator.post(button.format(**names), body)
    assert answer.status_code == (401 if button.startswith("/api") else 302)
    assert button.startswith("/api") or answer["Location"].startswith("/login/")
    assert (Operation.objects.count(), Migration.objects.count()) == before
    edge["migration"].refresh_from_db()
    edge["target"].refresh_from_db()
    assert edge["migration"].cancel_requested_at is None
