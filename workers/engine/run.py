"""Running a plan: forwards stage by stage, backwards on failure, and never both at once.

Rules: the checks change nothing; a failure before the commit undoes every started stage, newest first; a failure of the
committing stage, the journal's included, asks both hosts where the service is; after the commit nothing is undone. A live
migration has two committing stages in a row, since only the technology knows when the first becomes the second.
"""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from .outcome import Cancelled, CheckFailed, Location, MigrationError, Outcome
from .stage import Context, Plan, Stage

C = TypeVar("C", bound=Context)

CANCEL_POLL_S = 0.2
LOCATE_LIMIT_S = 90.0


class Journal(Protocol):
    """Where the runner writes down what it is about to do and what came of it."""

    async def stage_started(self, position: int) -> None: ...
    async def stage_finished(self, position: int) -> None: ...
    async def stage_skipped(self, position: int) -> None: ...
    async def stage_failed(self, position: int, sentence: str) -> None: ...
    async def stage_undone(self, position: int) -> None: ...
    async def undo_failed(self, position: int, sentence: str) -> None: ...
    async def cancel_requested(self) -> bool: ...
    async def commit(self) -> bool:
        """Pass the point of no return; False when a cancel came first."""
        ...

    async def problem(self, sentence: str, log: str = "") -> None:
        """Note an error; the first one noted is the one shown."""
        ...


async def run(plan: Plan[C], context: C, journal: Journal) -> Outcome:
    """Run the plan from its first stage and return how it ended.

    Raises nothing that a stage raised, but LeaseLost: then nothing more was touched, whatever had been reached.
    """
    started: list[int] = []
    try:
        commit = await _run_to_commit(plan, context, journal, started)
    except CheckFailed as error:
        for fault in error.faults:
            await _note_problem(journal, fault)
        return Outcome.REJECTED
    except Cancelled:
        return await _go_back(plan, started, context, journal, Outcome.CANCELLED)
    except Exception as error:
        await _note_problem(journal, error)
        return await _go_back(plan, started, context, journal, Outcome.ROLLED_BACK)
    # outside of what undoes: whatever goes wrong from here on, only a look at both hosts can bring the service back
    return await _run_committed(plan, commit, context, journal, started)


async def recover(
    plan: Plan[C], context: C, journal: Journal, started: list[int], *, committed: bool, cancelled: bool
) -> Outcome:
    """Take over a migration whose worker died: look where the service is, then undo or finish.

    `started` are the positions of the stages that had begun, in order. Raises LeaseLost as `run` does.
    """
    await _note_problem(journal, "The worker that held this migration died; another one has taken over.")
    back = Outcome.CANCELLED if cancelled else Outcome.ROLLED_BACK
    if not committed:
        return await _go_back(plan, started, context, journal, back)
    return await _decide(plan, context, journal, started, back)


async def _run_to_commit(plan: Plan[C], context: C, journal: Journal, started: list[int]) -> int:
    """Run all before the point of no return, and pass it; the position of the stage that commits."""
    for position, stage in enumerate(plan):
        if not stage.wanted(context):
            await journal.stage_skipped(position)
            continue
        if stage.commits:
            if not await journal.commit():
                raise Cancelled
            return position
        if await journal.cancel_requested():
            raise Cancelled
        started.append(position)
        await _do(stage, position, context, journal)
    raise AssertionError("a plan needs a stage that commits")


async def _run_committed(plan: Plan[C], position: int, context: C, journal: Journal, started: list[int]) -> Outcome:
    """The committing stages and all after them."""
    try:
        for committing in range(position, _commit_ends(plan)):
            started.append(committing)
            await _do(plan[committing], committing, context, journal)
    except Cancelled:
        return await _decide(plan, context, journal, started, Outcome.CANCELLED)
    except Exception as error:
        await _note_problem(journal, error)
        return await _decide(plan, context, journal, started, Outcome.ROLLED_BACK)
    return await _finish(plan, context, journal, clean=True)


def _commit_ends(plan: Plan[C]) -> int:
    """The position after the last committing stage."""
    return max(position for position, stage in enumerate(plan) if stage.commits) + 1


async def _decide(plan: Plan[C], context: C, journal: Journal, started: list[int], back: Outcome) -> Outcome:
    """Ask both hosts where the service is, and go the way that keeps it; `back` is the outcome when that is the source."""
    try:
        async with asyncio.timeout(LOCATE_LIMIT_S):
            where = await context.locate()
    except Exception as error:  # too late, or nonsense from a host: it may run anywhere
        await _note_problem(journal, error)
        where = Location.UNKNOWN
    if where is Location.TARGET:
        if back is Outcome.CANCELLED:
            await _note_problem(journal, "The cancel came too late: the service had gone on on its target.")
        return await _finish(plan, context, journal, clean=False)
    # once a stage after the commit has begun, the service has gone on at the target: what the source saved is its past
    went_on = any(position >= _commit_ends(plan) for position in started)
    if where is Location.SOURCE and not went_on:
        return await _go_back(plan, started, context, journal, back)
    found = "at the source, in a state from before it went on" if where is Location.SOURCE else where.value
    await _note_problem(journal, f"The service is found: {found}. Nothing more was touched.")
    return await _stay(context, journal)


async def _stay(context: C, journal: Journal) -> Outcome:
    """End without knowing where the service is: only the way between the hosts is closed."""
    try:
        await context.close_way()
    except Exception as error:
        await _note_problem(journal, error)
    return Outcome.STUCK


async def _finish(plan: Plan[C], context: C, journal: Journal, *, clean: bool) -> Outcome:
    """All stages after the commit: what fails is noted, and the rest goes on. No cancel breaks into them."""
    for position in range(_commit_ends(plan), len(plan)):
        stage = plan[position]
        if not stage.wanted(context):
            continue
        try:
            await _do(stage, position, context, journal, committed=True)
        except Exception as error:
            clean = False
            await _note_problem(journal, error)
    return Outcome.SUCCEEDED if clean else Outcome.FINISHED_WITH_PROBLEMS


async def _do(stage: Stage[C], position: int, context: C, journal: Journal, *, committed: bool = False) -> None:
    """One stage: written down, done within its time limit, written down again.

    A stage after the commit is done although it cannot be written down: its service waits for it.
    """
    limit_s, note = stage.limit_s(context), _attempt_note if committed else _write_note
    await note(journal.stage_started(position))
    work = asyncio.ensure_future(stage.do(context))
    try:
        async with asyncio.timeout(limit_s):
            if stage.interruptible and not committed:
                await _until_done_or_cancelled(work, journal)
            await work
    except Cancelled:
        await _attempt_note(journal.stage_failed(position, "Cancelled."))
        raise
    except TimeoutError as error:
        sentence = f"{stage.title} took longer than {limit_s:g} s and was ended."
        await _attempt_note(journal.stage_failed(position, sentence))
        raise MigrationError(sentence) from error
    except Exception as error:
        await _attempt_note(journal.stage_failed(position, sentence_of(error)))
        raise
    finally:
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    await note(journal.stage_finished(position))


async def _until_done_or_cancelled(work: "asyncio.Future[None]", journal: Journal) -> None:
    while not (await asyncio.wait({work}, timeout=CANCEL_POLL_S))[0]:
        if await journal.cancel_requested():
            raise Cancelled


async def _go_back(plan: Plan[C], started: list[int], context: C, journal: Journal, outcome: Outcome) -> Outcome:
    """Undo the started stages; `outcome`, or STUCK when the service itself may not be running again."""
    if await _undo(plan, started, context, journal):
        return outcome
    return await _stay(context, journal)


async def _undo(plan: Plan[C], started: list[int], context: C, journal: Journal) -> bool:
    """Undo the started stages, newest first; one that fails stops none of the others.

    False when the service itself may not be running again: the undo of a stage that the user feels failed. What else is
    left over is noted as a problem.
    """
    service_is_back = True
    for position in reversed(started):
        stage = plan[position]
        if stage.undo is None:
            continue
        try:
            async with asyncio.timeout(stage.limit_s(context)):
                await stage.undo(context)
        except Exception as error:
            service_is_back = service_is_back and not stage.down
            sentence = f"Undoing “{stage.title}” failed: {sentence_of(error)}"
            await _attempt_note(journal.undo_failed(position, sentence))
            await _note_problem(journal, sentence, getattr(error, "log", ""))
        else:
            await _attempt_note(journal.stage_undone(position))
    return service_is_back


async def _note_problem(journal: Journal, problem: BaseException | str, log: str = "") -> None:
    """Note an error, or a sentence."""
    if isinstance(problem, BaseException):
        problem, log = sentence_of(problem), getattr(problem, "log", "")
    await _attempt_note(journal.problem(problem, log))


async def _write_note(note: Awaitable[None]) -> None:
    """Write a note that must be written before anything goes on."""
    await note


async def _attempt_note(note: Awaitable[None]) -> None:
    """Write a note where an error of the journal must change nothing: on the way back, and after the commit."""
    with contextlib.suppress(Exception):
        await note


def sentence_of(error: BaseException) -> str:
    """What to tell a person about an error."""
    if isinstance(error, MigrationError):
        return str(error.args[0])
    if isinstance(error, TimeoutError):
        return "It took too long and was ended."
    return f"Unexpected {type(error).__name__}: {error}"
