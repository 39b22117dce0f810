"""Running a plan: forwards stage by stage, backwards on failure, and never both at once.

Rules: the checks change nothing; a failure before the commit undoes every started stage, newest first; a failure of the
committing stage asks both hosts where the service is; after the commit nothing is undone. A live migration has two committing
stages in a row, since only QEMU knows when the first becomes the second.
"""

import asyncio
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
    """Run the plan from its first stage and return how it ended. Raises nothing that a stage raised."""
    started: list[int] = []
    try:
        for position, stage in enumerate(plan):
            if not stage.wanted(context):
                await journal.stage_skipped(position)
                continue
            if stage.commits:
                if not await journal.commit():
                    raise Cancelled
                return await _run_committed(plan, position, context, journal, started)
            if await journal.cancel_requested():
                raise Cancelled
            started.append(position)
            await _do(stage, position, context, journal)
        raise AssertionError("a plan needs a stage that commits")
    except CheckFailed as error:
        for fault in error.faults:
            await journal.problem(fault)
        return Outcome.REJECTED
    except Cancelled:
        return Outcome.CANCELLED if await _undo(plan, started, context, journal) else Outcome.STUCK
    except Exception as error:
        await journal.problem(sentence_of(error), getattr(error, "log", ""))
        return Outcome.ROLLED_BACK if await _undo(plan, started, context, journal) else Outcome.STUCK


async def recover(
    plan: Plan[C], context: C, journal: Journal, started: list[int], *, committed: bool, cancelled: bool
) -> Outcome:
    """Take over a migration whose worker died: look where the service is, then undo or finish.

    `started` are the positions of the stages that had begun, in order.
    """
    await journal.problem("The worker that held this migration died; another one has taken over.")
    back = Outcome.CANCELLED if cancelled else Outcome.ROLLED_BACK
    if not committed:
        return back if await _undo(plan, started, context, journal) else Outcome.STUCK
    return await _decide(plan, context, journal, started, back)


async def _run_committed(plan: Plan[C], position: int, context: C, journal: Journal, started: list[int]) -> Outcome:
    """The committing stages and all after them."""
    try:
        for committing in range(position, _commit_ends(plan)):
            started.append(committing)
            await _do(plan[committing], committing, context, journal)
    except Cancelled:
        return await _decide(plan, context, journal, started, Outcome.CANCELLED)
    except Exception as error:
        await journal.problem(sentence_of(error), getattr(error, "log", ""))
        return await _decide(plan, context, journal, started, Outcome.ROLLED_BACK)
    return await _finish(plan, context, journal, clean=True)


def _commit_ends(plan: Plan[C]) -> int:
    """The position after the last committing stage."""
    return max(position for position, stage in enumerate(plan) if stage.commits) + 1


async def _decide(plan: Plan[C], context: C, journal: Journal, started: list[int], back: Outcome) -> Outcome:
    """Ask both hosts where the service is, and go the way that keeps it; `back` is the outcome when that is the source."""
    async with asyncio.timeout(LOCATE_LIMIT_S):
        where = await context.locate()
    if where is Location.TARGET:
        if back is Outcome.CANCELLED:
            await journal.problem("The cancel came too late: the service had gone on on its target.")
        return await _finish(plan, context, journal, clean=False)
    if where is Location.SOURCE:
        return back if await _undo(plan, started, context, journal) else Outcome.STUCK
    await journal.problem(f"The service is found: {where.value}. Nothing more was touched.")
    return Outcome.STUCK


async def _finish(plan: Plan[C], context: C, journal: Journal, *, clean: bool) -> Outcome:
    """All stages after the commit: what fails is noted, and the rest goes on."""
    for position in range(_commit_ends(plan), len(plan)):
        stage = plan[position]
        if not stage.wanted(context):
            continue
        try:
            await _do(stage, position, context, journal)
        except Exception as error:
            clean = False
            await journal.problem(sentence_of(error), getattr(error, "log", ""))
    return Outcome.SUCCEEDED if clean else Outcome.FINISHED_WITH_PROBLEMS


async def _do(stage: Stage[C], position: int, context: C, journal: Journal) -> None:
    """One stage: written down, done within its time limit, written down again."""
    await journal.stage_started(position)
    work = asyncio.ensure_future(stage.do(context))
    try:
        async with asyncio.timeout(stage.time_limit_s):
            if stage.interruptible:
                await _until_done_or_cancelled(work, journal)
            await work
    except Cancelled:
        await journal.stage_failed(position, "Cancelled.")
        raise
    except TimeoutError as error:
        sentence = f"{stage.title} took longer than {stage.time_limit_s:g} s and was ended."
        await journal.stage_failed(position, sentence)
        raise MigrationError(sentence) from error
    except Exception as error:
        await journal.stage_failed(position, sentence_of(error))
        raise
    finally:
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    await journal.stage_finished(position)


async def _until_done_or_cancelled(work: "asyncio.Future[None]", journal: Journal) -> None:
    while not (await asyncio.wait({work}, timeout=CANCEL_POLL_S))[0]:
        if await journal.cancel_requested():
            raise Cancelled


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
            async with asyncio.timeout(stage.time_limit_s):
                await stage.undo(context)
        except Exception as error:
            service_is_back = service_is_back and not stage.down
            sentence = f"Undoing “{stage.title}” failed: {sentence_of(error)}"
            await journal.undo_failed(position, sentence)
            await journal.problem(sentence, getattr(error, "log", ""))
        else:
            await journal.stage_undone(position)
    return service_is_back


def sentence_of(error: BaseException) -> str:
    """What to tell a person about an error."""
    if isinstance(error, MigrationError):
        return str(error.args[0])
    if isinstance(error, TimeoutError):
        return "It took too long and was ended."
    return f"Unexpected {type(error).__name__}: {error}"
