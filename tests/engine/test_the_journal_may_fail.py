"""Every plan x every write of the journal x {fails once, twice, for ever; the lease is lost}, and every look at the hosts.

The invariant: the service runs on exactly one host, with its newest state, or the outcome is `stuck` and nothing was touched.
"""

import asyncio
from typing import Any

import pytest

from tests.engine.fakes import Fault, Trouble, WorkerDied
from tests.engine.world import World
from workers.engine import LeaseLost, MigrationError, Outcome, run

FOR_EVER = float("inf")
PLANS: list[dict[str, Any]] = [
    {"layers": 2, "kind": "lxc"},
    {"layers": 3, "app_found": False, "kind": "lxc"},
    {"layers": 3, "app_found": True, "kind": "lxc"},
    {"layers": 3, "app_found": True, "kind": "kvm"},
    {"layers": 3, "app_found": True, "kind": "oci"},
    {"layers": 3, "app_found": True, "kind": "kvm", "method": "live"},
]
NAMES = ["two layers", "three layers", "app found", "kvm", "oci", "kvm live"]
AT_TARGET = (Outcome.SUCCEEDED, Outcome.FINISHED_WITH_PROBLEMS)


async def writes_of(plan: dict[str, Any]) -> int:
    """How many writes a migration makes in which nothing goes wrong."""
    world = World(**plan)
    await world.migrate()
    return world.journal.writes


@pytest.mark.parametrize("written", [False, True], ids=["not written", "written, and the answer lost"])
@pytest.mark.parametrize("times", [1, 2, FOR_EVER])
@pytest.mark.parametrize("plan", PLANS, ids=NAMES)
async def test_a_write_that_fails_loses_no_service(plan: dict[str, Any], times: float, written: bool) -> None:
    for first in range(1, await writes_of(plan) + 1):
        world = World(**plan, trouble=Trouble(first, times, written))
        outcome = await world.migrate()
        case = f"write {first}: {outcome}, {world.journal.problems}"
        assert not world.lost(), f"{case}: {world.lost()}"
        assert (outcome in AT_TARGET) is (world.runs_on == ["target"]), case
        # the outcome could not be written, either: another worker takes over when the database is back
        outcome = await world.take_over()
        assert not world.lost(), f"{case}, then {outcome}: {world.lost()}"
        assert world.left_over() == [], case


@pytest.mark.parametrize("plan", PLANS, ids=NAMES)
async def test_a_worker_that_lost_its_lease_at_a_write_touches_nothing_more(plan: dict[str, Any]) -> None:
    for first in range(1, await writes_of(plan) + 1):
        world = World(**plan, trouble=Trouble(first, FOR_EVER, lease_lost=True))
        with pytest.raises(LeaseLost):
            await run(world.plan, world.context(), world.journal)
        assert world.source.asked_without_lease + world.target.asked_without_lease == 0, f"write {first}"
        outcome = await world.take_over()
        assert not world.lost(), f"write {first}, then {outcome}: {world.lost()}"
        assert world.left_over() == [], f"write {first}, then {outcome}"


@pytest.mark.parametrize("plan", PLANS, ids=NAMES)
async def test_a_worker_that_lost_its_lease_before_a_command_is_followed_by_one_that_loses_nothing(
    plan: dict[str, Any],
) -> None:
    clean = World(**plan)
    await clean.migrate()
    for allowed in range(len(clean.source.calls) + len(clean.target.calls)):
        world, left = World(**plan), [allowed]

        def counted(call: Any, left: list[int]) -> Any:
            async def counting(*words: Any, **values: Any) -> Any:
                if not left[0]:
                    raise LeaseLost
                left[0] -= 1
                return await call(*words, **values)

            return counting

        calls = [(host, host.call) for host in (world.source, world.target)]
        for host, call in calls:
            host.call = counted(call, left)  # type: ignore[method-assign]
        with pytest.raises(LeaseLost):
            await run(world.plan, world.context(), world.journal)
        for host, call in calls:
            host.call = call  # type: ignore[method-assign]
        outcome = await world.take_over()
        assert not world.lost(), f"after {allowed} commands, then {outcome}: {world.lost()}"
        assert world.left_over() == [], f"after {allowed} commands, then {outcome}"


def answering(**said: str) -> Any:
    """A host that says this of itself, whatever is true."""
    return lambda *_: said


NONSENSE = {"a line is missing": answering(saved="no", went_on="no"), "it says nothing": answering()}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("host", ["source", "target"])
@pytest.mark.parametrize("kind", ["lxc", "kvm"])
async def test_nonsense_from_a_host_is_no_knowledge_of_where_the_service_is(
    kind: str, host: str, nonsense: Any
) -> None:
    world = World(3, True, [Fault(f"{kind}/restore", "target", "fails_late")], kind=kind)
    getattr(world, host).guest_locate = nonsense
    assert await world.migrate() is Outcome.STUCK
    assert (world.runs_on, f"{kind}/resume" in world.source.calls) == (["target"], False)


@pytest.mark.parametrize("mode", ["hangs", "fails"])
@pytest.mark.parametrize("host", ["source", "target"])
async def test_a_look_that_fails_or_takes_too_long_undoes_nothing(host: str, mode: str) -> None:
    faults = [Fault("lxc/restore", "target", "fails_late"), Fault("lxc/locate", host, mode)]
    world = World(3, True, faults)
    assert await world.migrate() is Outcome.STUCK
    assert (world.runs_on, "lxc/resume" in world.source.calls) == (["target"], False)


@pytest.mark.parametrize("error", [KeyError("state"), MigrationError("away"), OSError("gone"), TimeoutError()])
async def test_whatever_a_look_raises_the_service_is_not_resumed_from_its_past(error: Exception) -> None:
    world = World(3, True, [Fault("lxc/restore", "target", "fails_late")])
    context = world.context()

    async def locate() -> Any:
        raise error

    context.locate = locate  # type: ignore[method-assign]
    assert await run(world.plan, context, world.journal) is Outcome.STUCK
    assert (world.runs_on, "lxc/resume" in world.source.calls) == (["target"], False)


async def test_a_stuck_migration_leaves_no_way_into_the_target_and_all_that_a_person_needs() -> None:
    world = World(3, True, [Fault("lxc/restore", "target", "fails_late")])
    look = world.target.guest_locate
    world.target.guest_locate = lambda *_: {**look(), "state": "STOPPED"}  # type: ignore[method-assign]
    assert await world.migrate() is Outcome.STUCK
    assert world.source.saved, "the saved state is still there"
    assert not (world.target.key or world.source.key or world.source.connected), world.left_over()
    assert world.target.incoming, "what came is still there to be looked at"


async def test_a_service_that_went_on_and_then_died_is_not_resumed_from_its_past_by_the_next_worker() -> None:
    world = World(3, True, [Fault("lxc/clean_up_source", "source", "dies")])

    def settle(*_: Any) -> None:  # even where nothing on the host tells of it any more
        world.target.went_on = False

    world.target.guest_settle_target = settle  # type: ignore[method-assign]
    with pytest.raises(WorkerDied):
        await run(world.plan, world.context(), world.journal)
    assert world.location == "target"
    world.target.running = (
        False  # it crashed there, or the host was restarted; its files are newer than the saved state
    )
    outcome = await world.take_over()
    assert "lxc/resume" not in world.source.calls, f"resumed from the past ({outcome}), recorded on {world.location}"
    assert outcome is Outcome.STUCK


@pytest.mark.parametrize(("script", "host"), [("kvm/announce", "target"), ("kvm/clean_up_source", "source")])
async def test_a_cancel_that_came_too_late_breaks_into_no_stage_after_the_commit(script: str, host: str) -> None:
    world = World(3, True, method="live")
    slow, stream = getattr(world, host).call, world.source.stream

    async def call(name: str, *words: Any, **values: Any) -> dict[str, str]:
        if name == script:
            await asyncio.sleep(0.5)  # an ordinary command over ssh takes longer than the poll now and then
        done: dict[str, str] = await slow(name, *words, **values)
        return done

    async def switching(*words: Any, **values: Any) -> Any:
        async for line in stream(*words, **values):
            world.journal.cancel |= line.startswith("switching")  # in the last moment in which it may be asked for
            yield line

    getattr(world, host).call = call
    world.source.stream = switching  # type: ignore[method-assign]
    assert await world.migrate() in AT_TARGET
    assert (world.runs_on, world.left_over()) == (["target"], []), world.journal.problems
    assert not any("Cancelled" in problem for problem in world.journal.problems), world.journal.problems


async def test_each_of_the_last_steps_is_done_though_another_fails() -> None:
    world = World(3, True, [Fault("lxc/settle_target", "target", "fails_late")])
    assert await world.migrate() is Outcome.FINISHED_WITH_PROBLEMS
    assert world.left_over() == []
    assert world.source.kept_instance, "left in its place, it forbids the way back"
