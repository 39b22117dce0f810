"""May a running service move? Facts in, findings out: the same rules for what the database knows and for what the hosts say.

Pure: of the house only `technologies` is imported here, whose own rules these ask.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from migrations_app.technologies import TECHNOLOGIES, Tool
from migrations_app.technologies.findings import FAULT, OK, Finding, Side
from migrations_app.technologies.versions import version

# Room beyond what travels: unpacking, logs, and the saved state beside the layers
SPARE_BYTES = 200_000_000


# versions ---------------------------------------------------------------------------------------------------------------
def lacks_tools(kind: str, host: Side) -> str:
    """One sentence why the host cannot run this kind; empty when it can, or when no check has looked yet."""
    missing = TECHNOLOGIES[kind].missing_tools(host.values)
    if not missing:
        return ""
    return f"{host.name} has no {' and no '.join(missing)}: install what docs/hosts.md names, then check the host."


def versions(kind: str, source: Side, target: Side) -> Iterator[Finding]:
    """Whether the target's tools can go on with what the source's saved."""
    if sentence := lacks_tools(kind, target):
        yield Finding(FAULT, sentence, "host", target.name)
    for tool in TECHNOLOGIES[kind].tools:
        here, there = source.values.get(tool.key), target.values.get(tool.key)
        if there is None:
            yield Finding(
                FAULT, f"Nothing is known of {tool.title} on {target.name}: check the host.", "check", target.name
            )
        elif here and there:
            yield _judged(tool, source, target)


def _judged(tool: Tool, source: Side, target: Side) -> Finding:
    here, there = source.values[tool.key], target.values[tool.key]
    state, why = tool.follows(version(here), version(there))
    if state == OK:
        both = f"{here} on both hosts" if here == there else f"{here} on {source.name}, {there} on {target.name}"
        return Finding(OK, f"{tool.title} {both}.")
    why = why.format(source=source.name, target=target.name)
    sentence = f"{tool.title} is {here} on {source.name} and {there} on {target.name}: {why}."
    return Finding(state, sentence, "host", target.name)


def between(kind: str, source: Side, target: Side) -> Iterator[Finding]:
    """Whether a guest of this kind, once saved on the one, can go on at the other."""
    yield from versions(kind, source, target)
    yield from TECHNOLOGIES[kind].fits(source, target)


# layers -----------------------------------------------------------------------------------------------------------------
def base(name: str, kind: str, source: Side, target: Side, here: str, there: str) -> Iterator[Finding]:
    """Whether both hold the same base layer; `here` and `there` are its digests, empty where it is not held.

    An application without a `name` of one stands on none.
    """
    if not name:
        return
    if not there:
        sentence = f"{target.name} does not hold the base {name} for {TECHNOLOGIES[kind]}: provision it."
        yield Finding(FAULT, sentence, "provision", target.name)
    elif here and here != there:
        sentence = f"The base {name} on {target.name} differs from that on {source.name}: provision it anew."
        yield Finding(FAULT, sentence, "provision", target.name)
    else:
        yield Finding(OK, f"{target.name} holds the base {name} with the same digest.")


def application(storage: str, layers: int, source: Side, target: Side, here: bool, there: bool) -> Iterator[Finding]:
    """Whether the application layer can be had at the target, where it is needed."""
    # a full copy with two layers carries the application inside the instance
    needed = layers == 3 or storage == "overlay"
    if needed and not here and (layers == 2 or not there):
        yield Finding(
            FAULT,
            f"Neither {source.name} nor {target.name} holds the application layer: bring it to {target.name} first, from the "
            "application's page.",
        )


# room -------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Load:
    """The bytes that have to lie at the target."""

    application: int
    instance: int
    memory: int


def room(source: Side, target: Side, load: Load, memory_needed: int, *, rounds: bool) -> Iterator[Finding]:
    """Whether it fits on the target's disk and into its memory, and its saved state on the source's disk.

    `rounds`: an iterative migration, whose source keeps a copy of the memory that it has sent.
    """
    disk = load.application + load.instance + load.memory + SPARE_BYTES
    yield from _free(target, "disk_free_bytes", disk, "of disk free", "")
    yield from _free(source, "disk_free_bytes", load.memory + SPARE_BYTES, "of disk free", " to save the state")
    yield from _free(target, "memory_free_bytes", memory_needed, "of memory free", "")
    if rounds:
        yield from _free(
            source, "memory_free_bytes", load.memory + SPARE_BYTES, "of memory free", " to copy it in rounds"
        )


def _free(host: Side, key: str, needed: int, what: str, why: str) -> Iterator[Finding]:
    free = host.values.get(key)
    if free is None:
        return
    state = f"{host.name} has {int(free) / 1e6:,.0f} MB {what} and needs {needed / 1e6:,.0f} MB{why}"
    if int(free) >= needed:
        yield Finding(OK, f"{state}.")
    else:
        yield Finding(FAULT, f"{state}: make room there, then check the host.", "check", host.name)
