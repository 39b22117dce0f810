"""What both hosts said before a migration, and what is wrong with it. Pure; nothing is changed."""

from collections.abc import Iterator

from migrations_app.admission import rules
from migrations_app.technologies.findings import FAULT, Finding, Side, faults
from workers.engine import MigrationError
from workers.guests.vetting import decoded, vetted
from workers.move import Move


def faults_of(move: Move, source: Side, target: Side) -> list[str]:
    """Every fault that does not depend on the technology, one sentence each with what to do."""
    found = [*_layers(move, source, target), *_place(move, source, target), *_room(move, source, target)]
    return faults(found)


def definition_faults(move: Move, source: Side) -> list[str]:
    """What is in a virtual machine's definition that its target would not take; looked at again when it has been saved."""
    definition = source.values.get("definition")
    try:
        if definition:
            vetted(decoded(definition), move.station, "any")
    except MigrationError as error:
        return [str(error)]
    return []


def _layers(move: Move, source: Side, target: Side) -> Iterator[Finding]:
    station = move.station
    here, there = source.values, target.values
    yield from rules.base(station.base, station.kind, source, target, here["base_digest"], there["base_digest"])
    held = bool(here.get("app_digest")), bool(there["app_digest"])
    yield from rules.application(station.storage, move.layers, source, target, *held)
    if move.idle_memory and not here.get("app_idle") and not there.get("app_idle"):
        yield Finding(
            FAULT,
            f"Neither {source.name} nor {target.name} holds the memory of the idle application: migrate without it, or remove "
            f"the layer from {target.name} and bring it there anew from a host where it was built.",
        )


def _place(move: Move, source: Side, target: Side) -> Iterator[Finding]:
    if source.values["state"] == "FROZEN":
        sentence = f"{move.service} stands frozen on {source.name}, as a migration left it: docs/migrating.md, Stuck, says more."
        yield Finding(FAULT, sentence)
    elif source.values["state"] != "RUNNING":
        state = source.values["state"].lower()
        yield Finding(FAULT, f"{move.service} does not run on {source.name} (it is {state}): start it first.")
    if target.values["instance"] != "free" or target.values["state"] not in ("ABSENT", "STOPPED"):
        yield Finding(
            FAULT,
            f"{target.name} already has something at /var/lib/mec/instances/{move.service}: look what it is and move it away.",
        )


def _room(move: Move, source: Side, target: Side) -> Iterator[Finding]:
    said = source.values
    travels = move.layers == 2 or not target.values["app_digest"]
    memory = int(said.get("memory_bytes") or 0)
    load = rules.Load(
        application=int(said.get("app_bytes") or 0) if travels else 0,
        instance=int(said.get("instance_bytes") or 0),
        memory=memory,
    )
    yield from rules.room(source, target, load, memory)
