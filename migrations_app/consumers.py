"""Sockets: authorise, replay from the last event the browser has, then follow.

Hints only say “look”: what is sent is read from the database. While a migration runs it is also looked at without a hint,
since a hint may be lost and progress within a stage has none.
"""

import asyncio
import contextlib
import json
import logging
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from migrations_app.hints import EDGE_GROUP, migration_group
from migrations_app.live import report
from migrations_app.models import Migration

NOT_SIGNED_IN, NOT_FOUND, FAILED = 4401, 4404, 1011
# At most five reports a second, and at least one look a second
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 1.0
log = logging.getLogger(__name__)


class _SignedIn(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Accepts only those who are signed in; joins one group."""

    group = EDGE_GROUP

    async def authorised(self) -> bool:
        """Accept, or close with a code that tells the browser why."""
        user = self.scope.get("user")
        await self.accept()
        if user is None or not user.is_authenticated or not user.is_active:
            await self.close(code=NOT_SIGNED_IN)
            return False
        return True

    async def join(self) -> None:
        """Follow the hints; without a broker there are none, and looking at intervals must do."""
        try:
            await self.channel_layer.group_add(self.group, self.channel_name)
        except Exception as error:
            log.warning("no hints for a socket: %s", error)

    async def disconnect(self, code: int) -> None:
        with contextlib.suppress(Exception):  # the broker may be away, and forgets the group by itself
            await self.channel_layer.group_discard(self.group, self.channel_name)


class EdgeConsumer(_SignedIn):
    """Tells the pages that show the edge to look again."""

    async def connect(self) -> None:
        if await self.authorised():
            await self.join()

    async def news(self, _event: dict[str, Any]) -> None:
        """A hint."""
        await self.send(text_data="news")


class MigrationConsumer(_SignedIn):
    """Sends one migration's page all that it lacks, and then what comes."""

    following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self.pk = int(self.scope["url_route"]["kwargs"]["pk"])
        self.group = migration_group(self.pk)
        if not await self.authorised():
            return
        if not await Migration.objects.filter(pk=self.pk).aexists():
            await self.close(code=NOT_FOUND)
            return
        self.hinted = asyncio.Event()
        await self.join()  # before the replay, so that nothing falls between the two
        query = parse_qs(self.scope["query_string"].decode())
        self.event, self.sample = _number(query, "after"), _number(query, "sample")
        self.following = asyncio.create_task(self.follow_or_close())

    async def news(self, _event: dict[str, Any]) -> None:
        """A hint."""
        self.hinted.set()

    async def follow_or_close(self) -> None:
        """A socket that can no longer follow is closed: the browser then asks by itself, and comes back."""
        try:
            await self.follow()
        except Exception:
            log.exception("a socket of migration %s cannot follow", self.pk)
            await self.close(code=FAILED)

    async def follow(self) -> None:
        """Report what is new until the migration has ended; the browser then closes."""
        shown = ""
        active = True
        while active:
            self.hinted.clear()
            latest = await database_sync_to_async(report)(self.pk, self.scope["user"], self.event, self.sample)
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
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.hinted.wait(), LONGEST_PAUSE_S if active else 0.01)

    async def disconnect(self, code: int) -> None:
        if self.following is not None:
            self.following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.following
        await super().disconnect(code)


def _number(query: dict[str, list[str]], name: str) -> int:
    value = query.get(name, ["0"])[0]
    return int(value) if value.isdecimal() else 0
