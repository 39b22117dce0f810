"""Fake hosts for the workers' tests: the engine's, which an operator's work reaches, too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from migrations_app.models import Migration
from tests import factories
from tests.engine.fakes import FakeHost
from workers import assignment, leftovers, looking, migrating, operating, reconciling, whereabouts
from workers.engine import MigrationError
from workers.hosts.base import CommandFailed, Endpoint, HostUnreachable


class Machine(FakeHost):
    """A fake host that also starts, stops and removes, as an operator asks for it."""

    owner = ""  # the hardware address that the instance's directory names

    async def stream(self, script: str, *arguments: str | int, program: str = "") -> AsyncIterator[str]:
        raise MigrationError("nobody asks here")
        yield ""

    def guest_find(self, *_: Any) -> dict[str, str]:
        stopped = "STOPPED" if self.instance else "ABSENT"
        state = "RUNNING" if self.running else "FROZEN" if self.frozen else stopped
        return {"state": state, "instance": "yes" if self.instance else "no", "owner": self.owner}

    def guest_start(self, *_: Any) -> None:
        if self.frozen:
            raise CommandFailed(self.name, "lxc/start", 1, "it stands frozen here, as a migration left it")
        self.running = True

    def guest_stop(self, *_: Any) -> None:
        self.running = self.frozen = False

    def guest_remove(self, *_: Any) -> None:
        assert not self.running
        self.instance = False

    def guest_memory(self, *_: Any) -> dict[str, str]:
        return {"bytes": "1000"}

    def hosts_settle(self, *_: Any) -> None:
        return None

    def hosts_remove_leftover(self, *_: Any) -> None:
        self.key = self.connected = False
        self.incoming = set()


def reach(monkeypatch: pytest.MonkeyPatch, hosts: dict[str, FakeHost]) -> None:
    """Connections lead to these; one that is not among them is down."""

    @asynccontextmanager
    async def connect(endpoint: Endpoint, *_: Any, **__: Any) -> AsyncIterator[FakeHost]:
        if endpoint.name not in hosts:
            raise HostUnreachable(f"{endpoint.name} does not answer.")
        yield hosts[endpoint.name]

    for module in (assignment, migrating, operating, reconciling, leftovers, looking, whereabouts):
        monkeypatch.setattr(module, "connect", connect)
    monkeypatch.setattr(assignment, "SshHost", FakeHost)


def minutes_ago(minutes: float) -> Any:
    return timezone.now() - timedelta(minutes=minutes)


def running_one(**changed: Any) -> Migration:
    """A migration that a worker claimed and has not been heard of for a minute."""
    service, target = factories.ready_edge()
    factories.HostFactory(name="user", role="user", backhaul_address=None)
    about = {
        "status": "running",
        "started_at": minutes_ago(1),
        "heartbeat_at": minutes_ago(1),
        "finished_at": None,
        "lease": 1,
    }
    return factories.migration(service, target, **about | changed)
