"""The cast: one operates, one only views, one is a stranger."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests import factories


@pytest.fixture(autouse=True)
def site(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """No broker and no collected files: hints stay in memory, and the tasks that would be sent are written down."""
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr("migrations_app.dispatch.send_now", lambda task, pk: sent.append((task, pk)))
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]
    yield sent


@pytest.fixture
def operator(db: None) -> User:
    return factories.operator()


@pytest.fixture
def viewer(db: None) -> User:
    return factories.viewer()


@pytest.fixture
def as_operator(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def as_viewer(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


@pytest.fixture
def stranger(db: None) -> Client:
    return Client()


@pytest.fixture
def edge(db: None) -> dict[str, Any]:
    """Two ready hosts, a running service, a finished migration and a piece of work."""
    service, target = factories.ready_edge()
    made = factories.migration(service, target, engine_log="Error (criu): boom")
    factories.stages(made)
    factories.samples(made)
    work = factories.operation(host=target, subject=target.name, log="said this")
    factories.network()
    experiment = factories.experiment(service.host, target)
    return {"service": service, "target": target, "migration": made, "operation": work, "experiment": experiment}
