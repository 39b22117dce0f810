"""Every plan x command x {fails, fails late, hangs, is cancelled, the worker dies}: where the service is in the end."""

import pytest

from tests.engine.fakes import Fault, WorkerDied
from tests.engine.world import World
from workers.engine import Outcome

# every command that a plan runs before its point of no return, in its order, with the host it runs on
BEFORE_COMMIT = [
    ("transfer/open_source", "source"),
    ("transfer/open_target", "target"),
    ("transfer/connect", "source"),
    ("lxc/layers/clone_base_as_app", "target"),
    ("lxc/layers/keep_layer", "target"),
    ("lxc/layers/clone_instance", "target"),
    ("lxc/suspend", "source"),
    ("transfer/send", "source"),
]
AFTER_RESTORE = [
    ("lxc/announce", "target"),
    ("lxc/settle_target", "target"),
    ("lxc/clean_up_source", "source"),
    ("transfer/close_source", "source"),
    ("transfer/close_target", "target"),
]
PLANS = [(2, False), (3, False), (3, True)]
APP_STAGES = {"lxc/layers/clone_base_as_app", "lxc/layers/keep_layer"}


def runs(script: str, layers: int, app_found: bool) -> bool:
    return script not in APP_STAGES or (layers == 3 and not app_found)


# sending happens once for each rsync stage: each of them is a case of its own
CASES = [
    (layers, found, script, host, after)
    for layers, found in PLANS
    for script, host in BEFORE_COMMIT
    if runs(script, layers, found)
    for after in range((2 if found or layers == 2 else 3) if script == "transfer/send" else 1)
]


@pytest.mark.parametrize(("layers", "found"), PLANS)
async def test_without_a_fault_the_service_ends_on_the_target_and_nothing_is_left(layers: int, found: bool) -> None:
    world = World(layers, found)
    assert await world.migrate() is Outcome.SUCCEEDED
    assert (world.runs_on, world.location, world.left_over()) == (["target"], "target", [])
    assert world.source.saved, "the saved state is kept for a while"
    assert world.target.app_layer is (layers == 3), "the application layer stays on the target"


async def test_a_layer_that_the_target_holds_is_on_the_residency_map_whoever_brought_it() -> None:
    found = World(3, app_found=True)
    assert await found.migrate() == Outcome.SUCCEEDED
    assert found.residency == [("d1", 10)]
    # the worker that brought it died before it wrote that down
    brought = World(3, faults=[Fault("lxc/layers/keep_layer", "target", "dies_late")])
    assert await brought.migrate() == Outcome.ROLLED_BACK
    assert brought.residency == []
    assert await brought.migrate() == Outcome.SUCCEEDED
    assert brought.residency == [("d1", 10)]


@pytest.mark.parametrize("mode", ["fails", "fails_late", "hangs", "hangs_late"])
@pytest.mark.parametrize(("layers", "found", "script", "host", "after"), CASES)
async def test_a_failure_before_the_commit_is_undone(
    layers: int, found: bool, script: str, host: str, after: int, mode: str
) -> None:
    world = World(layers, found, [Fault(script, host, mode, after=after)])
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])
    assert world.journal.problems, "a failure is said"
    assert not world.journal.committed


@pytest.mark.parametrize(("layers", "found", "script", "host", "after"), CASES)
async def test_a_cancel_before_the_commit_leaves_the_service_on_the_source(
    layers: int, found: bool, script: str, host: str, after: int
) -> None:
    world = World(layers, found, [Fault(script, host, "is_cancelled", after=after)])
    assert await world.migrate() is Outcome.CANCELLED
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])


@pytest.mark.parametrize("mode", ["dies", "dies_late"])
@pytest.mark.parametrize(("layers", "found", "script", "host", "after"), CASES)
async def test_a_worker_that_dies_before_the_commit_is_followed_by_one_that_undoes(
    layers: int, found: bool, script: str, host: str, after: int, mode: str
) -> None:
    world = World(layers, found, [Fault(script, host, mode, after=after)])
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])


@pytest.mark.parametrize("mode", ["fails", "hangs", "dies"])
@pytest.mark.parametrize(("layers", "found"), PLANS)
async def test_a_restoration_that_never_went_on_is_undone(layers: int, found: bool, mode: str) -> None:
    world = World(layers, found, [Fault("lxc/restore", "target", mode)])
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])


@pytest.mark.parametrize("mode", ["fails_late", "hangs_late", "dies_late"])
async def test_a_restoration_that_went_on_is_carried_on_though_it_was_reported_as_failed(mode: str) -> None:
    world = World(3, True, [Fault("lxc/restore", "target", mode)])
    assert await world.migrate() is Outcome.FINISHED_WITH_PROBLEMS
    assert (world.runs_on, world.location, world.left_over()) == (["target"], "target", [])


@pytest.mark.parametrize("mode", ["fails", "hangs", "dies", "dies_late"])
@pytest.mark.parametrize(("script", "host"), AFTER_RESTORE)
async def test_after_the_restoration_nothing_brings_the_service_back(script: str, host: str, mode: str) -> None:
    world = World(3, True, [Fault(script, host, mode)])
    assert await world.migrate() is Outcome.FINISHED_WITH_PROBLEMS
    assert (world.runs_on, world.location) == (["target"], "target")


@pytest.mark.parametrize(("script", "host"), BEFORE_COMMIT[6:])
async def test_a_service_that_cannot_be_resumed_is_stuck_and_nothing_else_is_touched(script: str, host: str) -> None:
    world = World(3, True, [Fault(script, host, "fails_late"), Fault("lxc/resume", "source", "fails")])
    assert await world.migrate() is Outcome.STUCK
    assert world.runs_on == []
    assert world.source.saved, "the saved state is still there"


async def test_hosts_that_do_not_answer_after_the_commit_leave_it_stuck() -> None:
    faults = [Fault("lxc/restore", "target", "fails"), Fault("lxc/locate", "target", "fails", times=5)]
    world = World(3, True, faults)
    assert await world.migrate() is Outcome.STUCK
    assert "lxc/resume" not in world.source.calls, "nothing is resumed while the target may run it"
    assert world.source.saved


async def test_a_state_that_went_on_and_then_died_is_not_resumed_from_the_past() -> None:
    world = World(3, True, [Fault("lxc/restore", "target", "fails_late")])
    look = world.target.guest_locate
    world.target.guest_locate = lambda *_: {**look(), "state": "STOPPED"}  # type: ignore[method-assign]
    assert await world.migrate() is Outcome.STUCK


@pytest.mark.parametrize(("script", "host"), [("transfer/close_target", "target"), ("transfer/close_source", "source")])
async def test_an_undo_that_fails_stops_none_of_the_others(script: str, host: str) -> None:
    world = World(3, False, [Fault("lxc/suspend", "source", "fails_late"), Fault(script, host, "fails")])
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert world.runs_on == ["source"]
    assert any("Undoing" in problem for problem in world.journal.problems)


async def test_an_undo_can_run_twice() -> None:
    world = World(3, True, [Fault("transfer/send", "source", "dies"), Fault("lxc/resume", "source", "dies_late")])
    with pytest.raises(WorkerDied):
        await world.migrate()
    assert await world.take_over() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.left_over()) == (["source"], [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"running": False}, "start it first"),
        ({"app_layer": False}, "Neither source nor target holds the application layer"),
    ],
)
async def test_the_checks_change_nothing_and_say_what_to_do(change: dict[str, bool], words: str) -> None:
    world = World(3, False)
    for name, value in change.items():
        setattr(world.source, name, value)
    assert await world.migrate() is Outcome.REJECTED
    assert any(words in problem for problem in world.journal.problems)
    assert set(world.source.calls) | set(world.target.calls) == {"lxc/check_source", "lxc/check_target"}


async def test_the_journal_tells_each_stage_in_the_papers_order() -> None:
    world = World(3, True)
    await world.migrate()
    names = [world.plan[position].name for position in world.journal.begun]
    assert names == [
        "check",
        "prepare",
        "clone_app_as_instance",
        "suspend_instance",
        "rsync_instance_filesystem",
        "rsync_instance_memory",
        "restore_instance",
        "announce",
        "verify",
        "clean_up_source",
    ]
    assert [line for line in world.journal.lines if line.startswith("skipped")] == ["skipped 2", "skipped 3"]


# QEMU's own live migration ------------------------------------------------------------------------------------------------
def live(*faults: Fault) -> World:
    return World(3, True, list(faults), method="live")


async def test_a_live_migration_ends_on_the_target_and_nothing_is_left() -> None:
    world = live()
    assert await world.migrate() is Outcome.SUCCEEDED
    assert (world.runs_on, world.location, world.left_over()) == (["target"], "target", [])


@pytest.mark.parametrize("mode", ["fails", "hangs", "dies"])
async def test_a_live_migration_that_does_not_come_to_its_end_leaves_the_guest_running_where_it_was(mode: str) -> None:
    world = live(Fault("kvm/migrate_live", "source", mode))
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])
    assert not world.source.copying, "QEMU's migration was ended, or the guest would go by itself later"


async def test_a_live_migration_can_be_cancelled_while_it_copies() -> None:
    world = live(Fault("kvm/migrate_live", "source", "is_cancelled"))
    assert await world.migrate() is Outcome.CANCELLED
    assert (world.runs_on, world.left_over(), world.source.copying) == (["source"], [], False)


@pytest.mark.parametrize("mode", ["fails_late", "dies_late"])
async def test_a_guest_that_has_switched_over_is_carried_on_whatever_was_reported(mode: str) -> None:
    world = live(Fault("kvm/migrate_live", "source", mode))
    assert await world.migrate() is Outcome.FINISHED_WITH_PROBLEMS
    assert (world.runs_on, world.location, world.left_over()) == (["target"], "target", [])


async def test_a_guest_that_libvirt_resumes_at_the_source_does_not_run_at_the_target_as_well() -> None:
    world = live(Fault("kvm/migrate_live", "source", "finish_lost"))
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])


@pytest.mark.parametrize("mode", ["fails", "fails_late", "breaks_off", "hangs", "hangs_late", "dies", "dies_late"])
async def test_a_guest_that_is_still_paused_on_the_target_is_resumed_there(mode: str) -> None:
    world = live(Fault("kvm/resume_on_target", "target", mode))
    assert await world.migrate() is Outcome.FINISHED_WITH_PROBLEMS
    assert (world.runs_on, world.location, world.left_over()) == (["target"], "target", [])


@pytest.mark.parametrize("mode", ["fails", "fails_late", "hangs", "dies", "dies_late"])
@pytest.mark.parametrize(("script", "host"), [("kvm/receive_live", "target"), ("kvm/forward_live", "source")])
async def test_what_goes_wrong_before_qemu_begins_is_undone(script: str, host: str, mode: str) -> None:
    world = live(Fault(script, host, mode))
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.left_over()) == (["source"], [])


# Rounds while the service runs --------------------------------------------------------------------------------------------
ITERATIVE = [
    ("transfer/open_target", "target", 0),
    ("lxc/layers/clone_instance", "target", 0),
    ("lxc/rounds/send", "source", 0),
    ("transfer/send", "source", 0),  # the files, while they change
    ("ask/round", "source", 0),
    ("lxc/suspend", "source", 0),
    ("transfer/send", "source", 1),  # and for the last time
    ("ask/rest", "source", 0),
]


def iterative(*faults: Fault) -> World:
    return World(3, True, list(faults), method="iterative")


async def test_an_iterative_migration_ends_on_the_target_and_nothing_is_left() -> None:
    world = iterative()
    assert await world.migrate() is Outcome.SUCCEEDED
    assert (world.runs_on, world.location, world.left_over()) == (["target"], "target", [])
    calls = world.source.calls
    assert calls.index("ask/round") < calls.index("lxc/suspend") < calls.index("ask/rest")


@pytest.mark.parametrize("mode", ["fails", "fails_late", "hangs", "hangs_late", "dies", "dies_late"])
@pytest.mark.parametrize(("script", "host", "after"), ITERATIVE)
async def test_what_goes_wrong_in_the_rounds_or_after_them_is_undone(
    script: str, host: str, after: int, mode: str
) -> None:
    world = iterative(Fault(script, host, mode, after=after))
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])
    assert not world.journal.committed


@pytest.mark.parametrize(("script", "host", "after"), ITERATIVE)
async def test_a_cancel_in_the_rounds_or_after_them_leaves_the_service_on_the_source(
    script: str, host: str, after: int
) -> None:
    world = iterative(Fault(script, host, "is_cancelled", after=after))
    assert await world.migrate() is Outcome.CANCELLED
    assert (world.runs_on, world.location, world.left_over()) == (["source"], "source", [])


@pytest.mark.parametrize("mode", ["fails", "fails_late", "hangs", "dies", "dies_late"])
async def test_a_restoration_from_rounds_that_fails_is_undone_or_carried_on(mode: str) -> None:
    world = iterative(Fault("lxc/restore", "target", mode))
    outcome = await world.migrate()
    late = mode.endswith("_late")
    assert outcome is (Outcome.FINISHED_WITH_PROBLEMS if late else Outcome.ROLLED_BACK)
    assert (world.lost(), world.left_over()) == ("", [])


async def test_a_service_that_changes_as_fast_as_it_is_sent_is_slowed_down_and_then_suspended() -> None:
    world = iterative()
    world.source.round_bytes = 100_000_000
    assert await world.migrate() is Outcome.SUCCEEDED
    calls = world.source.calls
    assert calls.count("lxc/rounds/slow") == 2
    assert calls.index("lxc/rounds/slow") < calls.index("lxc/suspend")


async def test_one_that_cannot_be_slowed_down_moves_all_the_same() -> None:
    world = iterative(Fault("lxc/rounds/slow", "source", "fails"))
    world.source.round_bytes = 100_000_000
    assert await world.migrate() is Outcome.SUCCEEDED
    assert "could not be slowed down" in world.journal.problems[0]
    assert (world.runs_on, world.left_over()) == (["target"], [])


async def test_one_that_is_not_to_be_slowed_down_is_not_suspended_at_all() -> None:
    world = World(3, True, method="iterative", throttle=False)
    world.source.round_bytes = 100_000_000
    assert await world.migrate() is Outcome.ROLLED_BACK
    assert (
        "echo was not suspended: it changes as fast as it is sent, and the rest takes 8.0 s"
        in world.journal.problems[0]
    )
    assert "lxc/suspend" not in world.source.calls
    assert (world.runs_on, world.left_over()) == (["source"], [])
