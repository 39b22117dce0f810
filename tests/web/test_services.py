"""Applications, services, work on hosts, the API's actions, health and metrics."""

from typing import Any

import pytest
from django.test import Client

from migrations_app.models import Application, HostFacts, Operation, Service
from tests import factories

RECIPE = """
name = "counter"
debian_packages = ["python3-minimal"]
command = ["/usr/bin/python3", "/srv/counter.py"]
[probe]
protocol = "udp"
port = 9000
"""


def test_a_pasted_recipe_becomes_an_application(as_operator: Client) -> None:
    answer = as_operator.post("/add-application/", {"text": RECIPE})
    assert answer["Location"] == "/applications/counter/"
    assert Application.objects.get().recipe["probe"]["port"] == 9000


def test_every_fault_of_a_recipe_is_said(as_operator: Client) -> None:
    text = RECIPE.replace("debian_packages", "debian_pakages") + '[[files]]\npath = "/../etc/passwd"\ncontent = ""\n'
    page = as_operator.post("/add-application/", {"text": text}).content.decode()
    assert "debian_pakages is not a key" in page
    assert "leaves the layer" in page
    assert not Application.objects.exists()


def test_a_layer_is_brought_to_a_host(as_operator: Client, edge: dict[str, Any]) -> None:
    form = {"host": edge["target"].name, "kind": "kvm", "storage": "overlay"}
    as_operator.post(f"/applications/{edge['service'].application.name}/build/", form)
    queued = Operation.objects.get(kind="build_application")
    assert queued.argument == "kvm/overlay"


@pytest.mark.parametrize("form", ["build", "deploy"])
def test_a_storage_that_a_technology_does_not_have_is_refused_with_what_to_choose(
    as_operator: Client, edge: dict[str, Any], form: str
) -> None:
    application = edge["service"].application.name
    facts = HostFacts.objects.get(host=edge["target"])
    facts.values |= {"podman_version": "5.4.2", "runc_version": "1.1.15"}
    facts.save()
    about = {
        "name": "new",
        "application": application,
        "host": edge["target"].name,
        "kind": "oci",
        "storage": "directory",
    }
    address = "/deploy/" if form == "deploy" else f"/applications/{application}/build/"
    page = as_operator.post(address, about, follow=True).content.decode()
    assert "choose the storage Overlay" in page
    assert not Operation.objects.filter(kind__in=("deploy", "build_application")).exists()


def test_an_application_in_use_stays(as_operator: Client, edge: dict[str, Any]) -> None:
    answer = as_operator.post(f"/applications/{edge['service'].application.name}/remove/", follow=True)
    assert "remove them first" in answer.content.decode()


def test_a_service_is_deployed_with_the_first_free_address(as_operator: Client, edge: dict[str, Any]) -> None:
    form = {
        "name": "new",
        "application": "game-server",
        "host": edge["target"].name,
        "kind": "lxc",
        "storage": "overlay",
    }
    as_operator.post("/deploy/", form)
    made = Service.objects.get(name="new")
    assert (made.status, made.host) == ("deploying", edge["target"])
    assert made.address.startswith("10.0.2.")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": "a b"}, "cannot be a name"),
        ({"address": "192.0.2.1"}, "not in the services"),
        ({"kind": "jail"}, "not one of the available choices"),
        ({"host": "nowhere"}, "valid choice"),
    ],
)
def test_a_wrong_deployment_gets_a_sentence(
    changed: dict[str, str], says: str, as_operator: Client, edge: dict[str, Any]
) -> None:
    form = {
        "name": "new",
        "application": "game-server",
        "host": edge["target"].name,
        "kind": "lxc",
        "storage": "overlay",
    }
    assert says in as_operator.post("/deploy/", form | changed).content.decode()
    assert not Service.objects.filter(name="new").exists()


@pytest.mark.parametrize("button", ["start", "stop", "remove"])
def test_a_button_queues_its_work(button: str, as_operator: Client, edge: dict[str, Any]) -> None:
    as_operator.post(f"/services/{edge['service'].name}/{button}/")
    assert Operation.objects.first().kind == button  # type: ignore[union-attr]


@pytest.mark.parametrize(("status", "shown", "hidden"), [("running", "Stop", "Start"), ("stopped", "Start", "Stop")])
def test_the_buttons_follow_what_the_service_does(
    status: str, shown: str, hidden: str, as_operator: Client, edge: dict[str, Any]
) -> None:
    Service.objects.update(status=status)
    answer = as_operator.get(f"/services/{edge['service'].name}/", headers={"HX-Request": "true"})
    buttons = answer.content.decode().split('id="buttons"')[1]
    assert 'hx-swap-oob="true"' in buttons
    assert f"</svg> {shown}<" in buttons
    assert f"</svg> {hidden}<" not in buttons


def test_a_service_under_migration_is_left_alone(as_operator: Client, edge: dict[str, Any]) -> None:
    factories.migration(edge["service"], edge["target"], status="running", finished_at=None)
    answer = as_operator.post(f"/services/{edge['service'].name}/stop/", follow=True)
    assert "is already being migrated to" in answer.content.decode()


def test_a_piece_of_work_shows_its_log(as_viewer: Client, edge: dict[str, Any]) -> None:
    assert "said this" in as_viewer.get(f"/operations/{edge['operation'].pk}/").content.decode()


def test_the_api_migrates_and_cancels(as_operator: Client, edge: dict[str, Any]) -> None:
    body = {"service": edge["service"].name, "target": edge["target"].name, "layers": 3, "reason": "test"}
    answer = as_operator.post("/api/migrations", body, content_type="application/json")
    assert answer.status_code == 201
    pk = answer.json()["migration"]
    assert as_operator.post("/api/migrations", body, content_type="application/json").status_code == 422
    assert as_operator.post(f"/api/migrations/{pk}/cancel").json()["outcome"] == "cancelled"
    assert as_operator.post(f"/api/migrations/{pk}/cancel").status_code == 422


def test_the_api_wants_the_forms_token(operator: Any, edge: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    body = {"service": edge["service"].name, "target": edge["target"].name}
    assert client.post("/api/migrations", body, content_type="application/json").status_code == 403


@pytest.mark.parametrize("path", ["hosts", "services", "applications", "layers", "migrations"])
def test_the_api_lists(path: str, as_viewer: Client, edge: dict[str, Any]) -> None:
    assert as_viewer.get(f"/api/{path}").json()


def test_health_needs_no_sign_in(stranger: Client) -> None:
    assert stranger.get("/healthz").json() == {"database": "answers"}


def test_metrics_count_by_status(as_viewer: Client, edge: dict[str, Any]) -> None:
    text = as_viewer.get("/metrics").content.decode()
    assert 'mec_migrations{status="succeeded"} 1.0' in text
    assert 'mec_hosts{status="ready"} 2.0' in text


def test_one_signs_in_and_out(stranger: Client, viewer: Any) -> None:
    viewer.set_password("a long password 1")
    viewer.save()
    assert "Please enter a correct" in stranger.post("/login/", {"username": "vera", "password": "x"}).content.decode()
    answer = stranger.post("/login/", {"username": "vera", "password": "a long password 1"})
    assert answer["Location"] == "/"
    assert stranger.get("/").status_code == 200
    stranger.post("/logout/")
    assert stranger.get("/").status_code == 302
