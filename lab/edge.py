"""Bringing an edge up and down, and saying what is there."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from lab import daemons, image, network, requirements
from lab.errors import LabError
from lab.image import Images, Say
from lab.kind import Site
from lab.kinds import KINDS, kind_of
from lab.layout import MAX_HOSTS, MIN_HOSTS, Machine, lab_dir, lab_name
from lab.machine import Places, make_key
from lab.state import State, Wanted, load, locked, save
from lab.teardown import left_over, take_down

Item = TypeVar("Item")
# Held while a network number is chosen and its bridge is made, so that two edges do not choose the same.
NUMBER_LOCK = Path("/run/mecportal-lab.lock")
MIN_BANDWIDTH_MBIT, MAX_BANDWIDTH_MBIT = 0.1, 10_000.0


def places_of(lab: str) -> Places:
    """The directories of an edge."""
    return Places(lab_dir(lab))


def up(wanted: Wanted, say: Say) -> State:
    """Bring the edge named by MEC_LAB up, or say that it is; building images first where they are not cached.

    Raises requirements.Unmet, with nothing made, where this machine lacks something, and LabError for all else.
    """
    _check(wanted)
    lab = lab_name()
    places = places_of(lab)
    kind = KINDS[wanted.machines]
    if missing := requirements.missing(places.root, wanted.machines):
        raise requirements.Unmet(missing)
    with locked(places.root / "lock"):
        kept = load(places)
        if kept and is_up(kept):
            return _adapt(places, kept, wanted, say)
        images = image.build(say)
        kind.build(say)
        take_down(lab, places)
        try:
            state = _bring_up(lab, places, wanted, images, kept.number if kept else None)
        except BaseException:
            take_down(lab, places)
            raise
    say(f"The edge {lab!r} is up: {wanted.hosts} MEC hosts and one user.")
    return state


def _check(wanted: Wanted) -> None:
    if not MIN_HOSTS <= wanted.hosts <= MAX_HOSTS:
        raise LabError(f"An edge has {MIN_HOSTS} to {MAX_HOSTS} hosts, not {wanted.hosts}.")
    _check_bandwidth(wanted.bandwidth_mbit)
    KINDS[wanted.machines].refuse(wanted)
    if not 0 <= wanted.user_jitter_ms <= wanted.user_delay_ms:
        raise LabError("The user's delay must be 0 ms or more, and its jitter not more than the delay.")


def _check_bandwidth(bandwidth_mbit: float) -> None:
    if not MIN_BANDWIDTH_MBIT <= bandwidth_mbit <= MAX_BANDWIDTH_MBIT:
        raise LabError(
            f"A bandwidth is from {MIN_BANDWIDTH_MBIT:g} to {MAX_BANDWIDTH_MBIT:g} Mbit/s, not {bandwidth_mbit:g}."
        )


def is_up(state: State) -> bool:
    """Whether every machine of the edge runs, and its helpers do."""
    layout = state.layout
    return daemons.running(layout) and all(
        kind_of(machine).is_running(state.lab, machine.name) for machine in layout.machines
    )


def _adapt(places: Places, kept: State, wanted: Wanted, say: Say) -> State:
    """Give a running edge another bandwidth; all else has to be made anew. Raises LabError."""
    same = Wanted(**{**vars(wanted), "bandwidth_mbit": kept.wanted.bandwidth_mbit})
    if same != kept.wanted:
        raise LabError(f"The edge is already up with other values ({kept.wanted}). Run `lab down` first.")
    if wanted != kept.wanted:
        kept.wanted = wanted
        for machine in _mec(kept):
            network.reshape_backhaul(kept.layout, machine, wanted.bandwidth_mbit)
            kept.bandwidth_mbit[machine.name] = wanted.bandwidth_mbit
        save(places, kept)
        say(f"The edge was already up; its backhaul has {wanted.bandwidth_mbit:g} Mbit/s now.")
    else:
        say("The edge is already up.")
    return kept


def _bring_up(lab: str, places: Places, wanted: Wanted, images: Images, number: int | None) -> State:
    places.run.mkdir(parents=True, mode=0o755, exist_ok=True)
    make_key(places.operator_key, f"operator of {lab}")
    with locked(NUMBER_LOCK):
        state = State(lab, network.free_number(number), wanted)
        network.make_management(state.layout)
    layout = state.layout
    state.bandwidth_mbit = {machine.name: wanted.bandwidth_mbit for machine in _mec(state)}
    save(places, state)
    daemons.start_proxy(places, layout)
    network.make_switch(layout)
    site = Site(places, layout, wanted, images)
    in_parallel(lambda machine: kind_of(machine).boot(site, machine), layout.machines)
    state.delay_by = _plug_user(places, state)
    save(places, state)
    daemons.wait_for_proxy(layout)
    return state


def in_parallel(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Do `work` for all items at once, and raise the first error when all have ended."""
    with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
        for future in [pool.submit(work, item) for item in items]:
            future.result()


def _plug_user(places: Places, state: State) -> str:
    layout, wanted = state.layout, state.wanted
    user = layout.machine("user")
    if network.has_netem(layout):
        network.plug_user_with_netem(layout, user, wanted.user_delay_ms, wanted.user_jitter_ms)
        return "netem"
    daemons.start_relay(places, layout, wanted.user_delay_ms, wanted.user_jitter_ms)
    network.finish_user_behind_relay(layout, user)
    return "relay"


def _mec(state: State) -> Iterable[Machine]:
    return [machine for machine in state.layout.machines if machine.role == "mec"]


def down(*, disks: bool = False) -> list[str]:
    """Take the edge named by MEC_LAB down, and return what had been there. Raises LabError for what does not go."""
    lab = lab_name()
    places = places_of(lab)
    if not places.root.exists() and not left_over(lab, places):
        return []
    with locked(places.root / "lock"):
        found = left_over(lab, places)
        if not disks:
            _write_back(lab, places)
        take_down(lab, places, disks=disks)
        return found


def _write_back(lab: str, places: Places) -> None:
    """As far as it is known what runs: an edge comes down also where its state cannot be read."""
    with suppress(LabError):
        state = load(places)
        machines = state.layout.machines if state else []
        running = [machine for machine in machines if kind_of(machine).is_running(lab, machine.name)]
        in_parallel(lambda machine: kind_of(machine).write_back(places, lab, machine), running)


def running_state() -> State:
    """The state of the edge named by MEC_LAB. Raises LabError where it is not up."""
    lab = lab_name()
    state = load(places_of(lab))
    if state is None or not is_up(state):
        raise LabError(f"The edge {lab!r} is not up. Start it with `lab up`.")
    return state


def link(name: str, *, bandwidth_mbit: float | None = None, up: bool | None = None) -> None:
    """Give a MEC host's backhaul another bandwidth (Mbit/s), or cut it or join it again. Raises LabError."""
    state = running_state()
    machine = state.layout.machine(name)
    if machine.backhaul is None:
        raise LabError(f"{name} has no backhaul link; only MEC hosts have one.")
    places = places_of(state.lab)
    with locked(places.root / "lock"):
        if bandwidth_mbit is not None:
            _check_bandwidth(bandwidth_mbit)
            network.reshape_backhaul(state.layout, machine, bandwidth_mbit)
            state.bandwidth_mbit[name] = bandwidth_mbit
            save(places, state)
        if up is not None:
            network.set_backhaul(state.layout, machine, up=up)
            kind_of(machine).set_carrier(places, machine, up=up)
