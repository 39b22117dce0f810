"""What both hosts said before a migration, and what is wrong with it. Pure; nothing is changed."""

from collections.abc import Iterator

from migrations_app.admission import rules
from migrations_app.technologies.findings import FAULT, Finding, Side, faults
from workers.specs import MigrationSpec


def faults_of(spec: MigrationSpec, source: Side, target: Side) -> list[str]:
    """Every fault that does not depend on the technology, one sentence each with what to do."""
    found = [*_layers(spec, source, target), *_place(spec, source, target), *_room(spec, source, target)]
    return faults(found)


def _layers(spec: MigrationSpec, source: Side, target: Side) -> Iterator[Finding]:
    instance = spec.instance
    here, there = source.values, target.values
    yield from rules.base(instance.base, instance.kind, source, target, here["base_digest"], there["base_digest"])
    held = bool(here.get("app_digest")), bool(there["app_digest"])
    yield from rules.application(instance.storage, spec.layers, source, target, *held)
    if spec.idle_memory and not here.get("app_idle") and not there.get("app_idle"):
        yield Finding(
            FAULT,
            f"Neither {source.name} nor {target.name} holds the memory of the idle application: migrate without it, or remove "
            f"the layer from {target.name} and bring it there anew from a host where it was built.",
        )


def _place(spec: MigrationSpec, source: Side, target: Side) -> Iterator[Finding]:
    if source.values["state"] == "FROZEN":
        sentence = f"{spec.service} stands frozen on {source.name}, as a migration left it: docs/migrating.md, Stuck, says more."
        yield Finding(FAULT, sentence)
    elif source.values["state"] != "RUNNING":
        state = source.values["state"].lower()
        yield Finding(FAULT, f"{spec.service} does not run on {source.name} (it is {state}): start it first.")
    if target.values["instance"] != "free" or target.values["state"] not in ("ABSENT", "STOPPED"):
        yield Finding(
            FAULT,
            f"{target.name} already has something at /var/lib/mec/instances/{spec.service}: look what it is and move it away.",
        )


def _room(spec: MigrationSpec, source: Side, target: Side) -> Iterator[Finding]:
    said = source.values
    travels = spec.layers == 2 or not target.values["app_digest"]
    memory = int(said.get("memory_bytes") or 0)
    load = rules.Load(
        application=int(said.get("app_bytes") or 0) if travels else 0,
        instance=int(said.get("instance_bytes") or 0),
        memory=memory,
    )
    yield from rules.room(source, target, load, memory, rounds=spec.iterative is not None)
