"""A toy technology goes through the engine like the others."""

import pytest

from migrations_app.technologies import Technology
from tests.toy import toy
from workers.engine import Outcome

from .fakes import Fault
from .world import World

__all__ = ["toy"]


async def test_it_is_moved(toy: Technology) -> None:
    world = World(kind=toy.key)
    assert await world.migrate() == Outcome.SUCCEEDED
    assert (world.source.running, world.target.running) == (False, True)
    assert "toy/suspend" in world.source.calls
    assert "toy/restore" in world.target.calls


@pytest.mark.parametrize("script", ["toy/suspend", "toy/layers/clone_instance", "toy/restore"])
async def test_it_goes_on_where_it_was_when_a_stage_fails(toy: Technology, script: str) -> None:
    host = "source" if script == "toy/suspend" else "target"
    world = World(kind=toy.key, faults=[Fault(script, host, "fails")])
    assert await world.migrate() == Outcome.ROLLED_BACK
    assert (world.source.running, world.target.running) == (True, False)
