"""Hosts: registered in two steps, checked, edited, removed."""

from typing import Any

import asyncssh
import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from migrations_app import host_keys
from migrations_app.models import Host, Operation
from tests import factories

FORM = {
    "name": "mec-9", "role": "mec", "address": "10.9.9.9", "port": 22, "user": "root", "key_file": "/key",
    "backhaul_address": "10.8.8.8", "bandwidth_mbit": 100, "access_bridge": "br-access",
}  # fmt: skip


@pytest.fixture
def shown_key(monkeypatch: pytest.MonkeyPatch) -> str:
    key = asyncssh.generate_private_key("ssh-ed25519")
    line = " ".join(key.export_public_key("openssh").decode().split()[:2])
    monkeypatch.setattr("migrations_app.views.registering.fetch", lambda *_: (line, key.get_fingerprint("sha256")))
    return line


def test_a_host_is_registered_when_its_fingerprint_is_confirmed(as_operator: Client, shown_key: str, site: Any) -> None:
    answer = as_operator.post("/register-host/", FORM)
    assert answer["Location"] == "/register-host/confirm/"
    assert not Host.objects.exists()
    assert "SHA256:" in as_operator.get("/register-host/confirm/").content.decode()
    as_operator.post("/register-host/confirm/")
    host = Host.objects.get()
    assert (host.name, host.host_key, host.backhaul_address) == ("mec-9", shown_key, "10.8.8.8")
    assert Operation.objects.get().kind == "check_host"


def test_a_host_without_a_backhaul_address_is_refused(as_operator: Client, shown_key: str) -> None:
    answer = as_operator.post("/register-host/", FORM | {"backhaul_address": ""})
    assert "needs a backhaul address" in answer.content.decode()


def test_a_name_with_shell_characters_is_refused_in_one_sentence(as_operator: Client, shown_key: str) -> None:
    answer = as_operator.post("/register-host/", FORM | {"name": "x; rm -rf /"})
    assert "cannot be a name" in answer.content.decode()
    assert not Host.objects.exists()


def test_a_host_that_shows_no_key_is_not_registered(as_operator: Client) -> None:
    answer = as_operator.post("/register-host/", FORM | {"address": "127.0.0.1", "port": 9})
    assert "No host key from 127.0.0.1 port 9" in answer.content.decode()


async def test_the_key_that_a_machine_shows_is_fetched_with_its_fingerprint() -> None:
    from asgiref.sync import sync_to_async

    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[key])
    try:
        line, fingerprint = await sync_to_async(host_keys.fetch)("127.0.0.1", server.get_port())
    finally:
        server.close()
        await server.wait_closed()
    assert fingerprint == key.get_fingerprint("sha256") == host_keys.fingerprint_of(line)


def test_a_changed_key_is_shown_beside_the_pinned_one_and_pinned_on_demand(
    as_operator: Client, edge: dict[str, Any], shown_key: str
) -> None:
    name = edge["target"].name
    assert "The key has changed" in as_operator.get(f"/hosts/{name}/key/").content.decode()
    as_operator.post(f"/hosts/{name}/key/pin/")
    assert Host.objects.get(name=name).host_key == shown_key


def test_check_host_queues_one_check(as_operator: Client, edge: dict[str, Any], site: Any) -> None:
    for _ in range(2):
        answer = as_operator.post(f"/hosts/{edge['target'].name}/check/", follow=True)
    assert "already under way" in answer.content.decode()
    assert Operation.objects.filter(kind="check_host", status="queued").count() == 1


def test_a_problem_is_shown_with_the_command_that_fixes_it(as_viewer: Client, db: None) -> None:
    host = factories.HostFactory(status="problem")
    factories.facts(host, [{"what": "CRIU is missing.", "fix": "apt-get install criu"}])
    page = as_viewer.get(f"/hosts/{host.name}/").content.decode()
    assert "CRIU is missing." in page
    assert "<code>apt-get install criu</code>" in page


def test_a_host_is_edited(as_operator: Client, edge: dict[str, Any]) -> None:
    target = edge["target"]
    as_operator.post(f"/hosts/{target.name}/edit/", FORM | {"name": target.name, "place": "Harbour"})
    target.refresh_from_db()
    assert (target.place, target.address) == ("Harbour", "10.9.9.9")
    assert target.host_key == factories.HOST_KEY


def test_a_host_with_services_stays(as_operator: Client, edge: dict[str, Any]) -> None:
    source = edge["service"].host
    answer = as_operator.post(f"/hosts/{source.name}/remove/", follow=True)
    assert "still has services" in answer.content.decode()
    assert Host.objects.filter(pk=source.pk).exists()


def test_a_host_that_nothing_needs_is_removed(as_operator: Client, db: None) -> None:
    host = factories.HostFactory()
    as_operator.post(f"/hosts/{host.name}/remove/")
    assert not Host.objects.exists()


def test_the_way_back_leads_nowhere_else(as_operator: Client, edge: dict[str, Any]) -> None:
    answer = as_operator.post(f"/hosts/{edge['target'].name}/check/", {"next": "https://elsewhere.example/"})
    assert answer["Location"] == f"/hosts/{edge['target'].name}/"


def test_the_edge_asks_the_database_as_often_for_many_hosts_as_for_two(
    as_viewer: Client, edge: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    from django.db import connection

    with CaptureQueriesContext(connection) as few:
        as_viewer.get("/")
    for _ in range(5):
        factories.ServiceFactory(application=edge["service"].application)
    with django_assert_max_num_queries(len(few)):
        as_viewer.get("/")
