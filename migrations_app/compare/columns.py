"""All ended migrations as columns of numbers, kept by the web process: an ended migration does not change any more.

A hundred thousand rows through the ORM take seconds; as arrays they are summed up in milliseconds. What has ended since is
added at each request; what was under way is looked at again.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Q, Sum

from migrations_app.models import FINAL, Migration, MigrationStatus, StageRun, way_in_words
from migrations_app.report import OTHER, SHOWN_STAGES
from migrations_app.technologies.ways import WAYS, way_of

Array = np.ndarray[Any, Any]
CHUNK = 20_000
FEW = 500
NUMBERS = ("total_s", "downtime_s", "probe_downtime_s", "bytes_on_wire", "bandwidth_mbit")
# what is never averaged with another: the parts of a group's key
GROUP = ("application_name", "kind", "layers", "app_found", "method", "idle_memory", "storage")
STATUSES = tuple(MigrationStatus.values)
SUCCEEDED = STATUSES.index(MigrationStatus.SUCCEEDED)
MEMORY_STAGES = tuple({way.memory_stage for way in WAYS.values()})


@dataclass(frozen=True)
class Group:
    """Migrations of one application, the same way."""

    application: str
    kind: str
    layers: int
    app_found: bool | None
    method: str
    idle_memory: bool
    storage: str

    @property
    def label(self) -> str:
        """In words, the application first."""
        return f"{self.application} · {self.way}"

    @property
    def way(self) -> str:
        """In words, without the application."""
        return way_in_words(
            kind=self.kind,
            way=way_of(self.layers, self.method, self.idle_memory),
            storage=self.storage,
            app_found=self.app_found,
        )


class Columns:
    """The arrays, one entry a migration, in no order; `stages` has a column for each of SHOWN_STAGES, in seconds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything; the next refresh reads it anew."""
        self.groups: list[Group] = []
        self._codes: dict[tuple[Any, ...], int] = {}
        self._last, self._pending = 0, set[int]()
        self.pk = np.empty(0, dtype=np.int64)
        self.group = np.empty(0, dtype=np.int32)
        self.status = np.empty(0, dtype=np.int8)  # places in STATUSES: numbers are compared faster than words
        self.day = np.empty(0, dtype="datetime64[D]")
        self.numbers = np.empty((0, len(NUMBERS)))
        self.memory = np.empty(0)
        self.predicted = np.empty((0, 2))  # total and downtime in seconds
        self.stages = np.empty((0, len(SHOWN_STAGES)))

    def number(self, name: str) -> Array:
        """One of NUMBERS for all rows."""
        return self.numbers[:, NUMBERS.index(name)]

    def refresh(self) -> None:
        """Add what has ended since the last time."""
        with self.lock:
            if Migration.objects.filter(pk__lte=self._last).count() != len(self.pk) + len(self._pending):
                self.clear()  # rows were taken out of the database by hand
            new = Migration.objects.filter(pk__gt=self._last)
            pks = [(pk, status in FINAL) for pk, status in new.order_by("pk").values_list("pk", "status")]
            again = (
                set(Migration.objects.final().filter(pk__in=self._pending).values_list("pk", flat=True))
                if self._pending
                else set()
            )
            wanted = [pk for pk, ended in pks if ended] + sorted(again)
            for at in range(0, len(wanted), CHUNK):
                self._add(wanted[at : at + CHUNK])
            self._pending = (self._pending - again) | {pk for pk, ended in pks if not ended}
            self._last = pks[-1][0] if pks else self._last

    def _add(self, pks: list[int]) -> None:
        # a few are named one by one; many are a range, which the database finds faster
        few = len(pks) <= FEW
        fields = ("pk", "status", "finished_at", "requested_at", "forecast", *NUMBERS, *GROUP)
        mine = Q(pk__in=pks) if few else Q(pk__gte=min(pks), pk__lte=max(pks))
        theirs = Q(migration__in=pks) if few else Q(migration__gte=min(pks), migration__lte=max(pks))
        wanted = set(pks)
        rows = [row for row in Migration.objects.filter(mine).values_list(*fields) if row[0] in wanted]
        place = {row[0]: number for number, row in enumerate(rows)}
        numbers = np.array([row[5 : 5 + len(NUMBERS)] for row in rows], dtype=float)
        stages = np.zeros((len(rows), len(SHOWN_STAGES)))
        titles = {title: number for number, title in enumerate(SHOWN_STAGES)}
        within = StageRun.objects.filter(theirs).order_by()
        for pk, title, seconds in within.values_list("migration_id", "paper_title", "seconds"):
            if seconds and pk in place and title in titles:
                stages[place[pk], titles[title]] += seconds
        # time that lies in no named stage is the paper's “Other remaining tasks”
        other = titles[OTHER]
        named = stages.sum(axis=1) - stages[:, other]
        stages[:, other] = np.maximum(np.nan_to_num(numbers[:, 0]) - named, 0.0)
        memory = np.full(len(rows), np.nan)
        sizes = within.filter(name__in=MEMORY_STAGES, bytes_expected__gt=0)
        for pk, size in sizes.values_list("migration_id").annotate(Sum("bytes_expected")):
            if pk in place:
                memory[place[pk]] = size
        self.pk = np.append(self.pk, np.array([row[0] for row in rows], dtype=np.int64))
        self.status = np.append(self.status, np.array([STATUSES.index(row[1]) for row in rows], dtype=np.int8))
        days = [(row[2] or row[3]).date() for row in rows]
        self.day = np.append(self.day, np.array(days, dtype="datetime64[D]"))
        self.numbers = np.vstack([self.numbers, numbers])
        self.predicted = np.vstack([self.predicted, [self._prediction(row[4]) for row in rows]])
        codes = [self._code(row[5 + len(NUMBERS) :]) for row in rows]
        self.group = np.append(self.group, np.array(codes, dtype=np.int32))
        self.stages = np.vstack([self.stages, stages])
        self.memory = np.append(self.memory, memory)

    @staticmethod
    def _prediction(forecast: dict[str, Any]) -> tuple[float, float]:
        return forecast.get("total_s") or np.nan, forecast.get("downtime_s") or np.nan

    def _code(self, key: tuple[Any, ...]) -> int:
        if key not in self._codes:
            self._codes[key] = len(self.groups)
            self.groups.append(Group(*key))
        return self._codes[key]

    def mask(self, pks: Iterable[int] | None) -> Array:
        """Which entries these primary keys are; all for None."""
        if pks is None:
            return np.ones(len(self.pk), dtype=bool)
        return np.isin(self.pk, np.fromiter(pks, dtype=np.int64))


COLUMNS = Columns()
