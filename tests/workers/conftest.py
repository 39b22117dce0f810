"""What the tests of the workers share: no broker, and the looks of `reconcile` without its waiting."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from migrations_app import dispatch
from workers import reconciling, tasks
from workers.watching import Watch

TAKE_OVERS: dict[str, Callable[..., None]] = {
    dispatch.TAKE_OVER_MIGRATION: tasks.take_over_migration,
    dispatch.TAKE_OVER_OPERATION: tasks.take_over_operation,
    dispatch.TAKE_OVER_EXPERIMENT: tasks.take_over_experiment,
}
Sent = list[tuple[Any, ...]]


@pytest.fixture
def sent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """No broker: what would be sent is written down, as (task, pk, ...)."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    sent: Sent = []
    monkeypatch.setattr("migrations_app.dispatch.send_now", lambda *words: sent.append(words))
    return sent


class Rounds:
    """Two looks of `reconcile`, far enough apart, and then what it sends."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent
        self.now = 0.0

    def look(self) -> None:
        reconciling.take_over_silent()

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def do_what_was_sent(self) -> None:
        for task, *words in list(self._sent):
            if task in TAKE_OVERS:
                self._sent.remove((task, *words))
                TAKE_OVERS[task](*words)

    def take_over_silent(self, between: Callable[[], object] = lambda: None) -> None:
        """`between` is what a worker does meanwhile."""
        self.look()
        between()
        self.wait(60)
        self.look()
        self.do_what_was_sent()


@pytest.fixture
def rounds(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rounds]:
    made = Rounds(sent)
    watches = {work: Watch[int](clock=lambda: made.now) for work in reconciling.WATCHES}
    monkeypatch.setattr(reconciling, "WATCHES", watches)
    yield made
