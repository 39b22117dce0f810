"""Silence: a heartbeat that has stood still between two looks of this process's own clock.

Heartbeats are compared with each other, never with the time of day: a clock that is set, on whatever machine, makes nobody
silent. A machine that slept looks again before it judges, since this clock slept with it.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Watch(Generic[K]):
    """Remembers when each heartbeat was first seen as it is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[K, tuple[Hashable, float]] = {}

    def silent(self, heartbeats: Mapping[K, Hashable], for_s: float) -> list[K]:
        """Those whose heartbeat has not changed for so many seconds; all that are to be watched are given each time."""
        now = self._clock()
        self._seen = {
            key: self._seen[key] if key in self._seen and self._seen[key][0] == beat else (beat, now)
            for key, beat in heartbeats.items()
        }
        return [key for key, (_beat, since) in self._seen.items() if now - since >= for_s]
