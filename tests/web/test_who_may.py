"""Every page and button, for the stranger and the viewer: the routes themselves are listed, so none is forgotten."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from migrations_app.urls import urlpatterns

OPEN_TO_ALL = {"login", "health"}
ACTING = {
    "register_host", "confirm_host", "edit_host", "remove_host", "check_host", "provision_base", "build_base",
    "host_key", "pin_host_key", "add_application", "build_application", "remove_application", "deploy_service",
    "start_service", "stop_service", "remove_service", "migrate", "cancel_migration", "set_policy", "start_experiment",
    "stop_experiment", "remove_leftover", "set_autostart",
}  # fmt: skip
NAMED = sorted(route.name for route in urlpatterns if isinstance(route, URLPattern) and route.name)


def address(name: str, edge: dict[str, Any]) -> str:
    route = next(route for route in urlpatterns if getattr(route, "name", None) == name)
    converters = route.pattern.converters
    if "pk" in converters:
        about = edge["operation"] if name == "operation" else edge["migration"]
        if "experiment" in name:
            about = edge["experiment"]
        return reverse(name, args=[about.pk])
    if "name" not in converters:
        return reverse(name)
    if "kind" in converters:
        copy = edge["service"].host.layer_copies.first()
        return reverse(name, args=[copy.kind, copy.name])
    text = str(route.pattern)
    which = {"hosts": edge["target"], "applications": edge["service"].application}.get(
        text.split("/")[0], edge["service"]
    )
    return reverse(name, args=[which.name])


@pytest.mark.parametrize("name", [name for name in NAMED if name not in OPEN_TO_ALL])
def test_a_stranger_is_sent_to_sign_in(name: str, edge: dict[str, Any], stranger: Client) -> None:
    for answer in (stranger.get(address(name, edge)), stranger.post(address(name, edge))):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")


@pytest.mark.parametrize("name", sorted(ACTING))
def test_a_viewer_is_refused_where_something_is_done(name: str, edge: dict[str, Any], as_viewer: Client) -> None:
    answer = as_viewer.post(address(name, edge))
    assert answer.status_code == 403
    assert "viewer" in answer.content.decode()


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ACTING | {"login", "logout"}])
def test_a_viewer_sees_every_page(name: str, edge: dict[str, Any], as_viewer: Client) -> None:
    assert as_viewer.get(address(name, edge)).status_code == 200


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ACTING | {"login", "logout"}])
def test_a_viewer_sees_no_button_that_acts(name: str, edge: dict[str, Any], as_viewer: Client) -> None:
    answer = as_viewer.get(address(name, edge))
    text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
    forms = text.count('method="post"')
    assert forms <= 1  # the one that signs out
    assert forms == text.count('action="/logout/"')


@pytest.mark.parametrize(
    "path", ["hosts", "services", "applications", "layers", "events", "migrations", "migrations/1"]
)
def test_a_stranger_gets_401_from_the_api(path: str, stranger: Client) -> None:
    assert stranger.get(f"/api/{path}").status_code == 401


def test_a_stranger_gets_no_schema_of_the_api(stranger: Client) -> None:
    assert stranger.get("/api/openapi.json").status_code in (302, 401)


@pytest.mark.parametrize("path", ["migrations", "migrations/{}/cancel"])
def test_a_viewer_cannot_act_through_the_api(path: str, edge: dict[str, Any], as_viewer: Client) -> None:
    body = {"service": edge["service"].name, "target": edge["target"].name}
    answer = as_viewer.post(f"/api/{path.format(edge['migration'].pk)}", body, content_type="application/json")
    assert answer.status_code == 403
