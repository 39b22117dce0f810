"""Engine events -> actions -> (after the commit) hints. The database is the truth; a hint that is lost loses nothing.

Each write has the worker's lease in its condition, and is tried again for a while when the database does not answer.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from django.utils import timezone

from migrations_app import actions
from migrations_app.hints import News, send_hint
from migrations_app.models import Migration, MigrationStatus, StageRun, StageStatus
from migrations_app.technologies import TECHNOLOGIES
from workers.engine import Outcome, Plan
from workers.engine.stage import Context
from workers.lease import Lease

C = TypeVar("C", bound=Context)
T = TypeVar("T")

ADVICE = {
    Outcome.SUCCEEDED: "Nothing is left to do.",
    Outcome.FINISHED_WITH_PROBLEMS: "The service is on its target. Look at the problems below and fix them.",
    Outcome.REJECTED: "Nothing was changed. Fix what the checks found and migrate again.",
    Outcome.ROLLED_BACK: "The service goes on where it was. Fix the cause and migrate again.",
    Outcome.CANCELLED: "The service goes on where it was. Migrate again whenever you like.",
    Outcome.STUCK: (
        "Look at both hosts before anything else: run “{list_command}” on each. If the service runs on "
        "exactly one, check that host from its page and the portal takes over what it finds. If it runs on none, its saved "
        "state is kept on the source in /var/lib/mec/migrations/{migration}/state, until it is removed from that host's page."
    ),
}
HELD = (
    " Nobody has seen it answer there, so its saved state stays on {source} in /var/lib/mec/migrations/{migration}: look at the "
    "service, then remove the state from that host's page."
)


@dataclass
class Running:
    """The stage that runs now."""

    position: int
    began: float
    bytes_at_begin: int
    bytes_expected: int | None = None


class MigrationJournal(Generic[C]):
    """Writes a migration's stages, events and outcome. Times are taken on this worker's clock alone.

    Each write raises LeaseLost when another worker has the migration, and the database's error when it stays away.
    """

    def __init__(
        self, migration: Migration, lease: Lease, plan: Plan[C], began: float, sent_bytes: Callable[[], int]
    ) -> None:
        self._id = migration.pk
        self._migration = migration
        self._lease = lease
        self._plan = plan
        self._began = began
        self._sent_bytes = sent_bytes
        self._running: Running | None = None
        self._hints: set[asyncio.Task[None]] = set()
        self.problems: list[str] = []
        self.log = ""
        self.wire_by_stage = 0

    def hint(self, news: News = News.CHANGE) -> None:
        """Tell the watchers, without waiting for the broker."""
        task = asyncio.ensure_future(send_hint(self._id, news))
        self._hints.add(task)
        task.add_done_callback(self._hints.discard)

    async def flush_hints(self) -> None:
        """Let the hints that are on their way arrive, for at most two seconds."""
        if self._hints:
            await asyncio.wait(self._hints, timeout=2)

    async def _write(self, action: Callable[..., T], news: News = News.CHANGE, **values: Any) -> T:
        done = await self._lease.write(action, migration_id=self._id, lease=self._lease.number, **values)
        self.hint(news)
        return done

    async def announce_plan(self) -> None:
        """Write all stages down as waiting, so that the page shows the whole way from the start."""
        await self._write(actions.record_plan, stages=[self._words(position) for position in range(len(self._plan))])

    def _words(self, position: int) -> dict[str, Any]:
        stage = self._plan[position]
        return {"name": stage.name, "title": stage.title, "paper_title": stage.paper_title, "in_downtime": stage.down}

    async def _stage(self, position: int, event: str = "", **values: Any) -> None:
        news = News.CHANGE if event else News.PROGRESS
        await self._write(actions.record_stage, news=news, position=position, event=event, **values)

    async def stage_started(self, position: int) -> None:
        self._running = Running(position, time.monotonic(), self._sent_bytes())
        await self._stage(
            position,
            event=f"{self._plan[position].title} …",
            status=StageStatus.RUNNING,
            started_at=timezone.now(),
            **self._words(position),
        )

    def _seconds(self) -> float:
        return round(time.monotonic() - self._running.began, 4) if self._running else 0.0

    async def stage_finished(self, position: int) -> None:
        seconds = self._seconds()
        self._running = None
        await self._stage(
            position, event=f"{self._plan[position].title}: {seconds:.2f} s", status=StageStatus.DONE, seconds=seconds
        )

    async def stage_skipped(self, position: int) -> None:
        await self._stage(position, event=f"{self._plan[position].title}: not needed", status=StageStatus.SKIPPED)

    async def stage_failed(self, position: int, sentence: str) -> None:
        seconds = self._seconds()
        self._running = None
        await self._stage(
            position,
            event=f"{self._plan[position].title} failed: {sentence}",
            status=StageStatus.FAILED,
            seconds=seconds,
            error=sentence,
        )

    async def stage_undone(self, position: int) -> None:
        await self._stage(position, event=f"Undone: {self._plan[position].title}", status=StageStatus.UNDONE)

    async def undo_failed(self, position: int, sentence: str) -> None:
        await self._stage(position, event=sentence, status=StageStatus.UNDO_FAILED, error=sentence)

    async def cancel_requested(self) -> bool:
        asked = Migration.objects.filter(pk=self._id, cancel_requested_at__isnull=False)
        return await self._lease.read(asked.exists)

    async def commit(self) -> bool:
        return await self._write(actions.commit)

    async def problem(self, sentence: str, log: str = "") -> None:
        self.problems.append(sentence)
        self.log = self.log or log
        await self._write(actions.note_event, kind="problem", message=sentence)

    async def remember(self, made: dict[str, Any]) -> None:
        await self._write(actions.record_made, made=dict(made))

    async def note(self, **values: Any) -> None:
        """What a stage measured: `app_found` belongs to the migration, bytes to the running stage; an `event` goes into the log."""
        if "app_found" in values:
            await self._write(actions.record_app_found, app_found=values.pop("app_found"))
        self.wire_by_stage += values.get("bytes_on_wire", 0)
        if values and self._running:
            self._running.bytes_expected = values.get("bytes_expected", self._running.bytes_expected)
            await self._stage(self._running.position, **values)

    async def progress(self) -> None:
        """How far the running stage is, by what the meter counts."""
        now = self._running
        if now and now.bytes_expected is not None:
            sent = max(0, self._sent_bytes() - now.bytes_at_begin)
            far = {"bytes_on_wire": sent, "bytes_expected": now.bytes_expected}
            await self._write(actions.record_progress, news=News.PROGRESS, position=now.position, **far)

    async def samples(self, batch: list[list[float | int | None]]) -> None:
        await self._write(actions.record_samples, news=News.PROGRESS, samples=batch)

    async def moved(self) -> None:
        await self._write(actions.record_moved)

    async def broken_off(self) -> None:
        """The stage that ran when an earlier worker died has failed."""
        await self._write(actions.record_broken_off)

    async def finish(self, outcome: Outcome, **figures: Any) -> None:
        """Write down how it ended: the first problem is the one shown, later ones are attached to it."""
        status = MigrationStatus(outcome.value)
        await self._write(
            actions.finish,
            status=status,
            message=f"{status.label}.",
            error=self.problems[0] if self.problems else "",
            problems=self.problems[1:],
            advice=await self._lease.read(partial(self._advice, outcome)),
            engine_log=self.log,
            **figures,
        )
        await self.flush_hints()

    def _advice(self, outcome: Outcome) -> str:
        answered = StageRun.objects.filter(migration=self._id, name="verify", status=StageStatus.DONE)
        moved = outcome in (Outcome.SUCCEEDED, Outcome.FINISHED_WITH_PROBLEMS)
        advice = ADVICE[outcome] + (HELD if moved and not answered.exists() else "")
        look = TECHNOLOGIES[self._migration.kind].list_command
        return advice.format(migration=self._id, source=self._migration.source, list_command=look)
