"""Sockets: refused to strangers; what was missed is replayed; what comes follows."""

import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser, User

from migrations_app.hints import send_hint
from migrations_app.models import Event, Migration, ProbeSample
from migrations_app.routing import websocket_urlpatterns
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
router = URLRouter(websocket_urlpatterns)


def prepare() -> tuple[User, Migration]:
    service, target = factories.ready_edge()
    made = factories.migration(service, target, status="running", finished_at=None, total_s=None)
    factories.stages(made, running="suspend_instance")
    return factories.viewer(), made


class Watcher(ApplicationCommunicator):  # type: ignore[misc]
    """A browser's end of a socket."""

    def __init__(self, user: Any, path: str) -> None:
        path, _, query = path.partition("?")
        scope = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": [], "user": user}
        super().__init__(router, scope)

    async def receive_from(self, timeout: float = 1) -> str:
        message = await self.receive_output(timeout)
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=2)


async def socket(user: Any, path: str) -> Watcher:
    watcher = Watcher(user, path)
    await watcher.send_input({"type": "websocket.connect"})
    assert (await watcher.receive_output(2))["type"] == "websocket.accept"
    return watcher


@pytest.mark.parametrize("path", ["/ws/edge/", "/ws/migrations/1/"])
async def test_a_stranger_is_closed_out_with_a_reason(path: str) -> None:
    stranger = await socket(AnonymousUser(), path)
    assert await stranger.receive_output() == {"type": "websocket.close", "code": 4401}


async def test_a_migration_that_does_not_exist_closes_the_socket() -> None:
    user = await database_sync_to_async(factories.viewer)()
    watcher = await socket(user, "/ws/migrations/999/")
    assert (await watcher.receive_output())["code"] == 4404


async def test_the_edge_is_told_that_there_is_news() -> None:
    user = await database_sync_to_async(factories.viewer)()
    watcher = await socket(user, "/ws/edge/")
    await send_hint(None)
    assert await watcher.receive_from() == "news"
    await watcher.disconnect()


async def test_a_watcher_gets_all_so_far_and_then_what_comes() -> None:
    user, made = await database_sync_to_async(prepare)()
    watcher = await socket(user, f"/ws/migrations/{made.pk}/")
    first = json.loads(await watcher.receive_from(timeout=5))
    assert "Waiting for a worker." in first["html"]
    await Event.objects.acreate(migration=made, kind="log", message="Now this")
    await ProbeSample.objects.acreate(migration=made, samples=[[0.1, 51.0, 1], [0.12, None, None]])
    await send_hint(made.pk)
    then = json.loads(await watcher.receive_from(timeout=5))
    assert "Now this" in then["html"]
    assert "Waiting for a worker." not in then["html"]
    assert (then["answered"], then["unanswered"]) == ([[0.1, 51.0]], [0.12])
    await watcher.disconnect()


async def test_who_comes_back_gets_only_what_was_missed() -> None:
    user, made = await database_sync_to_async(prepare)()
    last = await Event.objects.filter(migration=made).alatest("pk")
    await Event.objects.acreate(migration=made, kind="log", message="While you were away")
    watcher = await socket(user, f"/ws/migrations/{made.pk}/?after={last.pk}")
    report = json.loads(await watcher.receive_from(timeout=5))
    assert report["after"] == last.pk
    assert "While you were away" in report["html"]
    assert "Waiting for a worker." not in report["html"]
    await watcher.disconnect()


async def test_a_lost_hint_loses_nothing() -> None:
    user, made = await database_sync_to_async(prepare)()
    watcher = await socket(user, f"/ws/migrations/{made.pk}/")
    await watcher.receive_from(timeout=5)
    await Event.objects.acreate(migration=made, kind="log", message="Nobody hinted at this")
    seen = ""
    for _ in range(3):
        seen += json.loads(await watcher.receive_from(timeout=5))["html"]
        if "Nobody hinted" in seen:
            break
    assert "Nobody hinted at this" in seen
    await watcher.disconnect()


async def test_the_end_is_reported_once_and_for_all() -> None:
    user, made = await database_sync_to_async(prepare)()
    await Migration.objects.filter(pk=made.pk).aupdate(status="succeeded", total_s=4.0)
    watcher = await socket(user, f"/ws/migrations/{made.pk}/")
    report = json.loads(await watcher.receive_from(timeout=5))
    assert report["active"] is False
    assert "Succeeded" in report["html"]
    assert await watcher.receive_nothing(timeout=1.5)
    await watcher.disconnect()


async def test_a_socket_that_cannot_follow_is_closed_so_that_the_browser_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    user, made = await database_sync_to_async(prepare)()

    def broken(*_: Any) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr("migrations_app.consumers.report", broken)
    watcher = await socket(user, f"/ws/migrations/{made.pk}/")
    assert (await watcher.receive_output(2))["code"] == 1011
