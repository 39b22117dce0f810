"""The source stands frozen until the service runs on its target: what that is worth, and where it ends."""

from typing import Any

import pytest

from tests.engine.fakes import Fault, WorkerDied
from tests.engine.world import World
from workers.context import place
from workers.engine import Location, Outcome, run
from workers.specs import InstanceState

KINDS = ["lxc", "oci", "kvm"]
RUNS, STOPPED = InstanceState(running=True), InstanceState(running=False)
FROZEN, SAVED = InstanceState(running=False, frozen=True, saved=True), InstanceState(running=False, saved=True)
RECEIVED = InstanceState(running=False, received=True)
WENT_ON, STANDS_AGAIN = (
    InstanceState(running=False, went_on=True),
    InstanceState(running=False, frozen=True, went_on=True),
)


@pytest.mark.parametrize(
    ("source", "target", "where"),
    [
        (RUNS, STOPPED, Location.SOURCE),
        (RUNS, RUNS, Location.BOTH),
        (RUNS, RECEIVED, Location.SOURCE),
        (FROZEN, STOPPED, Location.SOURCE),
        (FROZEN, RECEIVED, Location.SOURCE),
        (FROZEN, RUNS, Location.TARGET),
        (FROZEN, WENT_ON, Location.NOWHERE),
        (FROZEN, STANDS_AGAIN, Location.NOWHERE),
        (SAVED, STOPPED, Location.SOURCE),
        (SAVED, RUNS, Location.TARGET),
        (SAVED, WENT_ON, Location.NOWHERE),
        (STOPPED, RUNS, Location.TARGET),
        (STOPPED, RECEIVED, Location.NOWHERE),
        (STOPPED, STOPPED, Location.NOWHERE),
    ],
)
def test_where_a_service_is_by_what_both_hosts_say(
    source: InstanceState, target: InstanceState, where: Location
) -> None:
    assert place(source, target) is where


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_of_it_is_ended_before_the_service_runs_on_its_target(kind: str) -> None:
    world = World(3, True, [Fault(f"{kind}/clean_up_source", "source", "fails")], kind=kind)
    assert await world.migrate() is Outcome.FINISHED_WITH_PROBLEMS
    assert (world.runs_on, world.source.frozen) == (["target"], True)
    assert world.source.calls.count(f"{kind}/clean_up_source") == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_source_that_goes_down_while_its_service_stands_frozen_is_resumed_from_what_was_saved(
    kind: str,
) -> None:
    world = World(3, True, kind=kind)
    send = world.source.transfer_send

    def and_goes_down(*words: Any) -> dict[str, str]:
        world.source.restart()
        return send(*words)

    world.source.transfer_send = and_goes_down  # type: ignore[method-assign]
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.left_over()) == (["source"], [])


@pytest.mark.parametrize("script", ["announce", "clean_up_source"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_service_that_went_on_and_died_is_not_thawed_on_its_source(kind: str, script: str) -> None:
    host = "source" if script == "clean_up_source" else "target"
    world = World(3, True, [Fault(f"{kind}/{script}", host, "dies")], kind=kind)
    with pytest.raises(WorkerDied):
        await run(world.plan, world.context(), world.journal)
    world.target.running = False
    world.target.went_on = False  # even where nothing on the host tells of it any more
    assert await world.take_over() is Outcome.STUCK
    assert (world.runs_on, world.source.frozen) == ([], True), "nothing is touched: a person has to look"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_service_that_died_right_after_it_went_on_is_not_thawed_on_its_source(kind: str) -> None:
    world = World(3, True, [Fault(f"{kind}/restore", "target", "dies_late")], kind=kind)
    with pytest.raises(WorkerDied):
        await run(world.plan, world.context(), world.journal)
    world.target.running = False
    assert await world.take_over() is Outcome.STUCK
    assert (world.runs_on, world.source.frozen) == ([], True)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_next_worker_ends_what_stands_frozen_when_the_service_runs_on_its_target(kind: str) -> None:
    world = World(3, True, [Fault(f"{kind}/restore", "target", "dies_late")], kind=kind)
    assert await world.migrate() is Outcome.FINISHED_WITH_PROBLEMS
    assert (world.runs_on, world.left_over()) == (["target"], [])
