"""Hints that something new is in the database. They carry ids only; losing one loses nothing."""

import logging

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

EDGE_GROUP = "edge"
log = logging.getLogger(__name__)


def migration_group(migration_id: int) -> str:
    """The group of those who watch one migration."""
    return f"migration-{migration_id}"


async def send_hint(migration_id: int | None) -> None:
    """Tell those who watch this migration, and the edge, to look into the database."""
    try:
        layer = get_channel_layer()
        if migration_id is not None:
            await layer.group_send(migration_group(migration_id), {"type": "news", "migration": migration_id})
        await layer.group_send(EDGE_GROUP, {"type": "news", "migration": migration_id})
    except Exception as error:  # the broker may be away: the browser asks again by itself
        log.warning("no hint for migration %s: %s", migration_id, error)


def hint_on_commit(migration_id: int | None = None) -> None:
    """The same from synchronous code, once the change can be seen by others."""
    transaction.on_commit(lambda: async_to_sync(send_hint)(migration_id))
