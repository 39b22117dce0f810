"""Sockets: refused to strangers; what was missed is replayed; what comes follows."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client

from migrations_app.consumers import SESSION_LOOK_S
from migrations_app.hints import News, send_hint
from migrations_app.models import Event, Migration, ProbeSample
from migrations_app.routing import websocket_urlpatterns
from tests import factories
from workers.assignment import plan_of
from workers.journal import MigrationJournal
from workers.lease import Lease

pytestmark = pytest.mark.django_db(transaction=True)
router = URLRouter(websocket_urlpatterns)


def prepare() -> tuple[User, Migration]:
    service, target = factories.ready_edge()
    made = factories.migration(service, target, status="running", finished_at=None, total_s=None)
    factories.stages(made, running="suspend_instance")
    return factories.viewer(), made


class Watcher(ApplicationCommunicator):  # type: ignore[misc]
    """A browser's end of a socket."""

    def __init__(self, session: SessionStore, path: str) -> None:
        path, _, query = path.partition("?")
        scope = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": [], "session": session}
        super().__init__(router, scope)

    async def receive_from(self, timeout: float = 1) -> str:
        message = await self.receive_output(timeout)
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=2)


def signed_in(user: Any) -> SessionStore:
    """The session of one who has signed in; a stranger's has nothing in it."""
    if not user.is_authenticated:
        return SessionStore()
    client = Client()
    client.force_login(user)
    return SessionStore(client.session.session_key)


async def socket(user: Any, path: str) -> Watcher:
    watcher = Watcher(await database_sync_to_async(signed_in)(user), path)
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


@pytest.mark.parametrize("news", list(News))
async def test_the_edge_is_told_of_changes_and_a_migrations_watchers_of_everything(news: News) -> None:
    user, made = await database_sync_to_async(prepare)()
    edge, watcher = await socket(user, "/ws/edge/"), await socket(user, f"/ws/migrations/{made.pk}/")
    await watcher.receive_from(timeout=5)
    await Event.objects.acreate(migration=made, kind="log", message="Look")
    await send_hint(made.pk, news)
    assert "Look" in json.loads(await watcher.receive_from(timeout=0.9))["html"]  # before it looks by itself
    if news is News.CHANGE:
        assert await edge.receive_from() == "news"
    assert await edge.receive_nothing(timeout=0.2)
    for one in (edge, watcher):
        await one.disconnect()


async def test_what_the_probe_samples_and_how_far_a_stage_is_is_no_news_of_the_edge() -> None:
    user, made = await database_sync_to_async(prepare)()
    watcher = await socket(user, "/ws/edge/")
    journal: MigrationJournal[Any] = MigrationJournal(made, Lease(made), plan_of(made), 0.0, lambda: 9)
    await journal.stage_started(3)
    await journal.flush_hints()
    assert await watcher.receive_from() == "news"
    await journal.note(bytes_expected=10)
    for _ in range(4):
        await journal.samples([[0.1, 51.0, 1]])
        await journal.progress()
    await journal.flush_hints()
    assert await watcher.receive_nothing(timeout=1.2)
    await watcher.disconnect()


async def test_many_changes_at_once_are_one_message_to_the_edge() -> None:
    user = await database_sync_to_async(factories.viewer)()
    watcher = await socket(user, "/ws/edge/")
    for _ in range(20):
        await send_hint(None)
    told = 0
    while not await watcher.receive_nothing(timeout=0.8):
        await watcher.receive_from()
        told += 1
    assert told in (1, 2)
    await watcher.disconnect()


def sign_out(user: User) -> None:
    Session.objects.all().delete()


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    user.set_password("another-one-1")
    user.save()


@pytest.mark.parametrize("end", [sign_out, deactivate, change_password])
@pytest.mark.parametrize("path", ["/ws/edge/", "/ws/migrations/{}/"])
async def test_a_socket_ends_within_seconds_when_its_session_does(path: str, end: Callable[[User], None]) -> None:
    user, made = await database_sync_to_async(prepare)()
    watcher = await socket(user, path.format(made.pk))
    await database_sync_to_async(end)(user)
    deadline = time.monotonic() + 2 * SESSION_LOOK_S
    said = await watcher.receive_output(timeout=2 * SESSION_LOOK_S)
    while said["type"] == "websocket.send":  # what was on its way
        said = await watcher.receive_output(timeout=max(deadline - time.monotonic(), 0.1))
    assert said == {"type": "websocket.close", "code": 4401}
    await watcher.disconnect()


async def test_who_is_no_operator_any_more_loses_the_button_that_cancels() -> None:
    _user, made = await database_sync_to_async(prepare)()
    user = await database_sync_to_async(factories.operator)()
    watcher = await socket(user, f"/ws/migrations/{made.pk}/")
    assert 'id="cancel-button"' in json.loads(await watcher.receive_from(timeout=5))["html"]
    await database_sync_to_async(user.groups.clear)()
    latest = ""
    for _ in range(8):
        latest = json.loads(await watcher.receive_from(timeout=5))["html"]
        if 'id="cancel-button"' not in latest:
            break
    assert 'id="cancel-button"' not in latest
    await watcher.disconnect()


@pytest.mark.parametrize(
    "path", ["/ws/migrations/99999999999999999999/", f"/ws/migrations/{'9' * 5000}/", "/ws/nothing/"]
)
async def test_an_address_that_leads_nowhere_is_closed_with_a_reason(path: str) -> None:
    user = await database_sync_to_async(factories.viewer)()
    assert (await (await socket(user, path)).receive_output())["code"] == 4404


@pytest.mark.parametrize("number", ["99999999999999999999", "9" * 5000, "-1", "%ff", "x"])
async def test_a_query_that_says_no_number_is_answered_from_the_start(number: str) -> None:
    user, made = await database_sync_to_async(prepare)()
    watcher = await socket(user, f"/ws/migrations/{made.pk}/?after={number}&sample={number}")
    assert "Waiting for a worker." in json.loads(await watcher.receive_from(timeout=5))["html"]
    await watcher.disconnect()


async def test_a_socket_takes_nothing() -> None:
    user = await database_sync_to_async(factories.viewer)()
    watcher = await socket(user, "/ws/edge/")
    await watcher.send_input({"type": "websocket.receive", "text": "x" * 100_000})
    assert (await watcher.receive_output())["code"] == 1008
    await watcher.disconnect()
