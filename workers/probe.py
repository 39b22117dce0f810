"""The service as its user sees it: asked from the user's side every few milliseconds, and what the gaps mean."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from workers.engine import MigrationError
from workers.hosts.base import SCRIPTS, MecHost

PATIENCE_S = 1.0  # how long the probe waits for one answer
FELT_GAP_S = 0.1  # a user feels a pause between two answers from here on; below it is jitter
BATCH_S = 0.25
log = logging.getLogger(__name__)

Row = list[float | int | None]  # a sample as it is stored: [sent_s, answer_ms or None, counter or None]
Sink = Callable[[list[Row]], Awaitable[None]]


@dataclass(frozen=True)
class Sample:
    """One question: when it was asked (since the migration began), how long the answer took, the counter in it."""

    sent_s: float
    answer_ms: float | None
    counter: int | None

    @property
    def arrived_s(self) -> float | None:
        return None if self.answer_ms is None else self.sent_s + self.answer_ms / 1000

    def row(self) -> Row:
        return [self.sent_s, self.answer_ms, self.counter]


@dataclass(frozen=True)
class Question:
    """What the probe asks: an application's probe at a service's address."""

    protocol: str
    address: str
    port: int
    payload: bytes
    counter: str | None
    counter_encoding: str
    interval_s: float

    def as_json(self) -> str:
        return json.dumps(
            {
                "protocol": self.protocol,
                "address": self.address,
                "port": self.port,
                "payload": self.payload.hex(),
                "counter": self.counter,
                "counter_encoding": self.counter_encoding,
                "interval_s": self.interval_s,
                "patience_s": PATIENCE_S,
            }
        )


@dataclass
class Series:
    """The samples so far."""

    samples: list[Sample] = field(default_factory=list)

    def arrivals(self) -> list[float]:
        """When answers arrived, in seconds since the migration began, in order."""
        return sorted(sample.arrived_s for sample in self.samples if sample.arrived_s is not None)

    def counter_before(self, moment: float) -> int | None:
        """The highest counter in an answer that had arrived by then."""
        counters = (
            sample.counter
            for sample in self.samples
            if sample.counter is not None and sample.arrived_s is not None and sample.arrived_s <= moment
        )
        return max(counters, default=None)

    def counter_asked_after(self, moment: float) -> int | None:
        """The lowest counter in an answer to a question asked after that."""
        counters = (s.counter for s in self.samples if s.counter is not None and s.sent_s >= moment)
        return min(counters, default=None)

    def answered_since(self, moment: float) -> bool:
        """Whether a question asked after that was answered."""
        return any(sample.sent_s >= moment and sample.arrived_s is not None for sample in self.samples)


def felt_downtime(arrivals: Iterable[float], begin: float, end: float, interval_s: float) -> float:
    """The seconds between `begin` and `end` in which the user waited for an answer.

    Each gap between two answers that is longer than the rhythm of questions by more than FELT_GAP_S counts, less the
    rhythm itself. A service that answers no more is down until `end`.
    """
    moments = [begin, *(moment for moment in arrivals if begin <= moment <= end), end]
    gaps = (after - before - interval_s for before, after in zip(moments, moments[1:], strict=False))
    return sum(gap for gap in gaps if gap > FELT_GAP_S)


class Probe:
    """A running probe."""

    def __init__(self, question: Question, began: float, sink: Sink) -> None:
        self.question = question
        self.series = Series()
        self._began = began
        self._sink = sink
        self._unsent: list[Sample] = []
        self._answered = asyncio.Event()
        self._failure: MigrationError | None = None

    async def wait_for_answer(self, limit_s: float, asked_after: float = 0.0) -> None:
        """Wait until a question asked after that moment is answered.

        Raises MigrationError when the service does not answer in time, or the user's side cannot ask.
        """
        deadline = time.monotonic() + limit_s
        while True:
            if self.series.answered_since(asked_after):
                return
            if self._failure:
                raise self._failure
            if time.monotonic() > deadline:
                question = self.question
                raise MigrationError(
                    f"The service does not answer at {question.address} port {question.port} ({question.protocol}) "
                    f"from the user's side within {limit_s:g} s."
                )
            self._answered.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), 0.5)

    async def read(self, user: MecHost) -> None:
        """Take what the user's side reports, until cancelled."""
        program = (SCRIPTS / "probe.py").read_text()
        flushed = time.monotonic()
        offset: float | None = None
        try:
            async for line in user.stream("hosts/probe", self.question.as_json(), program=program):
                report = json.loads(line)
                if offset is None:
                    offset = time.monotonic() - report["now"]
                self._take(report["answers"], offset - self._began)
                if time.monotonic() - flushed >= BATCH_S:
                    await self.flush()
                    flushed = time.monotonic()
            self._failure = MigrationError(f"The probe at {user.name} ended: is python3 there?")
        except MigrationError as error:
            self._failure = error

    def _take(self, answers: list[list[float | None]], shift: float) -> None:
        for sent, seconds, counter in answers:
            milliseconds = None if seconds is None else round(seconds * 1000, 2)
            sample = Sample(round((sent or 0.0) + shift, 4), milliseconds, None if counter is None else int(counter))
            self.series.samples.append(sample)
            self._unsent.append(sample)
            if milliseconds is not None:
                self._answered.set()

    async def flush(self) -> None:
        """Hand the samples since the last time to the sink; those that it could not take are handed over the next time."""
        ready, self._unsent = self._unsent, []
        if not ready:
            return
        try:
            await self._sink([sample.row() for sample in ready])
        except Exception as error:
            self._unsent = ready + self._unsent
            log.warning("%d samples are not stored yet: %s", len(self._unsent), error)


class SilentProbe(Probe):
    """Where the user's side cannot be reached: nothing is asked, and nothing is known of an answer."""

    async def wait_for_answer(self, limit_s: float, asked_after: float = 0.0) -> None:
        raise MigrationError("Whether the service answers is not known: the user's side cannot be reached.")


@asynccontextmanager
async def probing(user: MecHost, question: Question, began: float, sink: Sink) -> AsyncIterator[Probe]:
    """Probe while the block runs. `began` is the migration's start on time.monotonic()'s clock."""
    probe = Probe(question, began, sink)
    reading = asyncio.create_task(probe.read(user))
    try:
        yield probe
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await probe.flush()
