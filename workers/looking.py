"""Looking at all hosts in a rhythm: side by side, a bounded number at once, each host by one worker.

A look is light: one connection and one script. The whole facts are gathered by checks (host_check.py), hourly and where a look
finds that something has changed.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.utils import timezone

from migrations_app import actions, dispatch
from migrations_app.actions.watching import ENDED, RECORDED_RUNNING
from migrations_app.models import Host, HostRole, Service
from workers import host_check, records
from workers.engine import MigrationError
from workers.hosts.base import CommandTimedOut, HostUnreachable, MecHost
from workers.hosts.ssh import connect
from workers.layers import layer_of

log = logging.getLogger(__name__)
AT_ONCE = 100
LOOK_LIMIT_S = 15


def look_at_hosts() -> int:
    """Look at each host whose turn it is, and have checked what is due; how many were looked at."""
    hosts = actions.claim_looks(every=timedelta(seconds=settings.WATCH_SECONDS / 2))
    async_to_sync(_look_at_all)(hosts)
    for pk in actions.claim_checks():
        dispatch.send_now(dispatch.GATHER_FACTS, pk)
    return len(hosts)


def gather_facts(host_id: int) -> None:
    """Check a host because its facts are old, or because it was rebooted."""
    host = Host.objects.filter(pk=host_id).first()
    if host is None:
        return
    try:
        host_check.check(host)
    except MigrationError as error:
        log.info("%s was not checked: %s", host, error)


async def _look_at_all(hosts: list[Host]) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(host: Host) -> None:
        async with turn:
            await look_at(host)

    for outcome in await asyncio.gather(*(look(host) for host in hosts), return_exceptions=True):
        if isinstance(outcome, BaseException):  # one host's must not hide the others'
            log.error("a look failed: %s", outcome, exc_info=outcome)


async def look_at(host: Host) -> None:
    """Look at one host and write down what is seen there."""
    asked_at, answers = timezone.now(), await sync_to_async(actions.answers_of)(host)
    try:
        async with connect(records.endpoint_of(host), fenced=False) as reached:
            said = await reached.call("hosts/look", limit_s=LOOK_LIMIT_S)
            logs = await _logs_of_ended(host, reached, _states(said))
    except (HostUnreachable, CommandTimedOut) as error:
        await sync_to_async(actions.record_missed_look)(
            host=host, answers=answers, problem=str(error.args[0]), fix=records.ssh_command(host)
        )
    except (
        MigrationError
    ) as error:  # it answers, but not this: a daemon of its own may be starting; the next look asks again
        log.info("%s", error)
    else:
        layers = _layers(said) if host.role == HostRole.MEC else None
        seen = actions.HostSeen(asked_at, answers, said.get("boot_id", ""), _states(said), logs, layers)
        await sync_to_async(actions.record_seen_host)(host=host, seen=seen)


def _states(said: Mapping[str, str]) -> dict[str, str]:
    return {key.removeprefix("instance:"): state for key, state in said.items() if key.startswith("instance:")}


def _layers(said: Mapping[str, str]) -> set[tuple[str, str, str]]:
    """(kind, storage, name) of each layer; a base has no storage."""
    return {layer_of(key.removeprefix("layer:")) for key in said if key.startswith("layer:")}


async def _logs_of_ended(host: Host, reached: MecHost, states: Mapping[str, str]) -> dict[str, str]:
    """The last lines of what ended although the portal has it running."""
    ended = [name for name, state in states.items() if state in ENDED]
    if not ended:
        return {}
    thought = Service.objects.filter(host=host, name__in=ended, lock="", status__in=RECORDED_RUNNING)
    return {name: await _log_of(reached, name) async for name in thought.values_list("name", flat=True)}


async def _log_of(reached: MecHost, name: str) -> str:
    said = await reached.call("hosts/crash_log", name, limit_s=LOOK_LIMIT_S)
    return "\n".join(line for key, line in sorted(said.items()) if key.startswith("line:"))
