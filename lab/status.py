"""What there is of an edge right now."""

from pathlib import Path
from typing import Any

from lab import network
from lab.edge import is_up, places_of
from lab.kinds import kind_of
from lab.layout import SSH_PORT, USER_BANDWIDTH_MBIT, Layout, Machine, lab_name
from lab.machine import Places
from lab.state import State, load


def status() -> dict[str, Any]:
    """The edge named by MEC_LAB, as `lab status --json` prints it. Raises LabError."""
    lab = lab_name()
    places = places_of(lab)
    state = load(places)
    if state is None:
        return {"lab": lab, "up": False, "machines": []}
    layout, wanted = state.layout, state.wanted
    ports = network.ports_up(layout)
    return {
        "lab": lab,
        "up": is_up(state),
        "delay": {"by": state.delay_by, "delay_ms": wanted.user_delay_ms, "jitter_ms": wanted.user_jitter_ms},
        "bandwidth_mbit": wanted.bandwidth_mbit,
        "operator_key": str(places.operator_key),
        "networks": {name: layout.network(i) for i, name in enumerate(("management", "backhaul", "access"))},
        "portal": layout.portal,
        "proxy": layout.proxy,
        "machines": [_machine(places, state, layout, machine, ports) for machine in layout.machines],
    }


def _machine(places: Places, state: State, layout: Layout, machine: Machine, ports: dict[str, bool]) -> dict[str, Any]:
    port = f"bh-{machine.name}" if machine.role == "mec" else network.USER_PORT
    return {
        "name": machine.name,
        "role": machine.role,
        "kind": machine.kind,
        "management": machine.management,
        "port": SSH_PORT,
        "backhaul": machine.backhaul,
        "access": machine.access,
        "bandwidth_mbit": state.bandwidth_mbit.get(machine.name, USER_BANDWIDTH_MBIT),
        "link_up": ports.get(port, False),
        "running": kind_of(machine).is_running(layout.lab, machine.name),
        "host_key": _public_key(places.host_key(machine.name).with_suffix(".pub")),
    }


def _public_key(path: Path) -> str | None:
    return " ".join(path.read_text().split()[:2]) if path.exists() else None
