"""Sockets: authorise, replay from the last event the browser has, then follow.

Hints only say “look”: what is sent is read from the database. While a migration runs it is also looked at without a hint,
since a hint may be lost and progress within a stage has none. Who has signed out or is deactivated is shown nothing more:
the session is looked at again every few seconds, since nobody tells a socket that is open already.
"""

import asyncio
import contextlib
import json
import logging
import time
from typing import Any
from urllib.parse import parse_qs

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.sessions.backends.db import SessionStore

from migrations_app.access import Person
from migrations_app.hints import EDGE_GROUP, migration_group
from migrations_app.live import report
from migrations_app.models import Migration
from migrations_app.numbers import whole_number

NOT_SIGNED_IN, NOT_FOUND, NOT_TAKEN, FAILED = 4401, 4404, 1008, 1011
# At most five reports a second, and at least one look a second
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 1.0
# The browser waits half a second between two looks at the edge: more news than that would only be sent
EDGE_PAUSE_S = 0.5
# So long may a socket outlive its session
SESSION_LOOK_S = 2.0
log = logging.getLogger(__name__)


class NotSignedIn(Exception):
    """The session has ended, or its person was deactivated."""


class _Socket(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Accepts only those who are signed in, and follows hints for as long as they are."""

    group = EDGE_GROUP
    following: asyncio.Task[None] | None = None
    user: Person
    looked = 0.0

    async def connect(self) -> None:
        """Accept and follow; or close with a code that tells the browser why, which only an accepted socket can have."""
        self.hinted = asyncio.Event()
        try:
            await self.look_at_session()
            if not await self.begin():
                await self.refuse(NOT_FOUND)
                return
        except NotSignedIn:
            await self.refuse(NOT_SIGNED_IN)
            return
        await self.join()  # before the browser hears that it is open, so that nothing falls between the two
        await self.accept()
        self.following = asyncio.create_task(self.follow_or_close())

    async def refuse(self, code: int) -> None:
        """Open it for the one word that it is closed."""
        await self.accept()
        await self.close(code=code)

    async def begin(self) -> bool:
        """Read what is to be followed; False when it does not exist."""
        return True

    async def look_at_session(self) -> None:
        """Read the session and its person anew, at most every SESSION_LOOK_S. Raises NotSignedIn."""
        if self.looked and time.monotonic() - self.looked < SESSION_LOOK_S:
            return
        self.looked = time.monotonic()
        key = self.scope["session"].session_key
        self.user = await get_user({**self.scope, "session": SessionStore(key)})
        if not self.user.is_active:  # nor is a stranger
            raise NotSignedIn

    async def join(self) -> None:
        """Follow the hints; without a broker there are none, and looking at intervals must do."""
        try:
            await self.channel_layer.group_add(self.group, self.channel_name)
        except Exception as error:
            log.warning("no hints for a socket: %s", error)

    async def news(self, _event: dict[str, Any]) -> None:
        """A hint."""
        self.hinted.set()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """The portal's pages only listen."""
        await self.close(code=NOT_TAKEN)

    async def hint_within(self, seconds: float) -> bool:
        """Whether a hint came within so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.hinted.wait(), seconds)
        hinted = self.hinted.is_set()
        self.hinted.clear()
        return hinted

    async def follow(self) -> None:
        """Send what is new until there will be nothing more."""
        raise NotImplementedError

    async def follow_or_close(self) -> None:
        """A socket that can no longer follow is closed: the browser then asks by itself, and comes back."""
        try:
            await self.follow()
        except NotSignedIn:
            await self.close(code=NOT_SIGNED_IN)
        except Exception:
            log.exception("a socket of %s cannot follow", self.group)
            await self.close(code=FAILED)

    async def disconnect(self, code: int) -> None:
        if self.following is not None:
            self.following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.following
        with contextlib.suppress(Exception):  # the broker may be away, and forgets the group by itself
            await self.channel_layer.group_discard(self.group, self.channel_name)


class EdgeConsumer(_Socket):
    """Tells the pages that show the edge to look again."""

    async def follow(self) -> None:
        """Say that there is news; many hints at once are one."""
        while True:
            if await self.hint_within(SESSION_LOOK_S):
                await self.send(text_data="news")
                await asyncio.sleep(EDGE_PAUSE_S)
            await self.look_at_session()


class MigrationConsumer(_Socket):
    """Sends one migration's page all that it lacks, and then what comes."""

    async def begin(self) -> bool:
        self.pk = self.scope["url_route"]["kwargs"]["pk"]
        self.group = migration_group(self.pk)
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.event, self.sample = _number(query, "after"), _number(query, "sample")
        return await Migration.objects.filter(pk=self.pk).aexists()

    async def follow(self) -> None:
        """Report what is new until the migration has ended; the browser then closes."""
        shown = ""
        active = True
        while active:
            self.hinted.clear()
            await self.look_at_session()
            latest = await database_sync_to_async(report)(self.pk, self.user, self.event, self.sample)
            active = latest["active"]
            if (
                shown != latest["html"]
                or latest["sample"] != self.sample
                or latest["event"] != self.event
                or not active
            ):
                await self.send(text_data=json.dumps(latest))
            shown, self.event, self.sample = latest["html"], latest["event"], latest["sample"]
            await asyncio.sleep(SHORTEST_PAUSE_S)
            await self.hint_within(LONGEST_PAUSE_S if active else 0.01)


class NothingConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """What no other address is for: closed with a reason, not with an error in the log."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(code=NOT_FOUND)


def _number(query: dict[str, list[str]], name: str) -> int:
    return whole_number(query.get(name, ["0"])[0]) or 0
