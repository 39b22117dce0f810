"""Hints that something new is in the database. They carry ids only; losing one loses nothing."""

import logging
from enum import StrEnum

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

EDGE_GROUP = "edge"
log = logging.getLogger(__name__)


class News(StrEnum):
    """Who is told: how far a stage is, and what the probe sampled, concerns those alone who watch that migration."""

    CHANGE = "change"
    PROGRESS = "progress"


def migration_group(migration_id: int) -> str:
    """The group of those who watch one migration."""
    return f"migration-{migration_id}"


async def send_hint(migration_id: int | None, news: News = News.CHANGE) -> None:
    """Tell those who watch this migration to look into the database; and of a change the pages that show the edge, too."""
    groups = [EDGE_GROUP] if news is News.CHANGE else []
    if migration_id is not None:
        groups.insert(0, migration_group(migration_id))
    try:
        layer = get_channel_layer()
        for group in groups:
            await layer.group_send(group, {"type": "news", "migration": migration_id})
    except Exception as error:  # the broker may be away: the browser asks again by itself
        log.warning("no hint for migration %s: %s", migration_id, error)


def hint_on_commit(migration_id: int | None = None) -> None:
    """The same from synchronous code, once the change can be seen by others."""
    transaction.on_commit(lambda: async_to_sync(send_hint)(migration_id))
