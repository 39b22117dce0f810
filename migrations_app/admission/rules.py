"""May a running service move? Facts in, findings out: the same rules for what the database knows and for what the hosts say.

Pure: nothing of the house is imported here. Versions, processors, bases and room are judged in this module alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

OK, WARNING, FAULT = "ok", "warning", "fault"
SEVERITY = {FAULT: 0, WARNING: 1, OK: 2}
LABELS = {"lxc": "LXC", "kvm": "KVM"}

# Room beyond what travels: unpacking, logs, and the saved state beside the layers
SPARE_BYTES = 200_000_000
MOST_NAMED = 6


@dataclass(frozen=True)
class Finding:
    """One thing that speaks for or against it: `fault` (it cannot be), `warning` (it may go wrong) or `ok`.

    `mend` is what the page offers for `host`: check, provision, or a look at the host's page.
    """

    state: str
    sentence: str
    mend: str = ""
    host: str = ""


@dataclass(frozen=True)
class Side:
    """One of the two hosts, with what is known of it."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


def faults(findings: list[Finding]) -> list[str]:
    """The sentences of those that forbid it."""
    return [finding.sentence for finding in findings if finding.state == FAULT]


# versions ---------------------------------------------------------------------------------------------------------------
Version = tuple[int, ...]


def version(text: str) -> Version:
    """The numbers of a version, to compare."""
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


Judgement = tuple[str, str]  # ok, warning or fault, and why, without its full stop; {source} and {target} are names


def not_older(source: Version, target: Version) -> Judgement:
    """A newer one reads what an older one wrote."""
    return (OK, "") if target >= source else (FAULT, "the target's must not be older, so upgrade it")


# Series of CRIU of which each reads what its forerunners saved, as their sources say (github.com/checkpoint-restore/criu):
# `git diff v3.17.1 v4.2 -- images` adds only optional fields to what there was, but for one. 4.2 counts memory's pages in a
# field of its own (images/pagemap.proto, commit afb2e6c3f) and reads the old one, too (criu/pagemap.c); 4.1 finds no page
# in what 4.2 saved.
CRIU_SERIES = ((3, 17), (3, 18), (3, 19), (4, 0), (4, 1), (4, 2))


def criu_follows(source: Version, target: Version) -> Judgement:
    """Forwards along the known series; within a series what changes is mended, not formats."""
    older, newer = source[:2], target[:2]
    if older == newer:
        return OK, ""
    if newer < older:
        return FAULT, "an older CRIU does not read what a newer one saved, so upgrade it on {target}"
    if older in CRIU_SERIES and newer in CRIU_SERIES:
        return WARNING, "it can go there, but not back before {source} has the newer one, too"
    return FAULT, "it is not known whether the one reads what the other saved, so install the same on both"


# liblxc has no part in what is saved: its restoration reads CRIU's images, the configuration that the portal writes, and
# tty.info, which a container without a console has not (src/lxc/criu.c, the same in all of these)
LXC_SERIES = ((5, 0), (6, 0), (7, 0))


def lxc_follows(source: Version, target: Version) -> Judgement:
    """The known series in any order."""
    if source[:2] == target[:2]:
        return OK, ""
    if source[:2] in LXC_SERIES and target[:2] in LXC_SERIES:
        return WARNING, "it can go there and back, since LXC has no part in what is saved, but nobody tries each pair"
    return FAULT, "install the same series, that is the first two numbers, on both"


@dataclass(frozen=True)
class Tool:
    """What a kind of guests needs on a host, and which of its versions may follow which."""

    key: str  # of the host's facts
    title: str
    follows: Callable[[Version, Version], Judgement]


TOOLS = {
    "lxc": (Tool("lxc_version", "LXC", lxc_follows), Tool("criu_version", "CRIU", criu_follows)),
    "kvm": (Tool("libvirt_version", "libvirt", not_older), Tool("qemu_version", "QEMU", not_older)),
}


def missing_tools(kind: str, values: Mapping[str, Any]) -> list[str]:
    """What a host with these facts lacks for this kind; what no check has asked for yet is not missing."""
    return [tool.title for tool in TOOLS[kind] if values.get(tool.key, "unknown") == ""]


def lacks_tools(kind: str, host: Side) -> str:
    """One sentence why the host cannot run this kind; empty when it can, or when no check has looked yet."""
    missing = missing_tools(kind, host.values)
    if not missing:
        return ""
    return f"{host.name} has no {' and no '.join(missing)}: install what docs/hosts.md names, then check the host."


def versions(kind: str, source: Side, target: Side) -> Iterator[Finding]:
    """Whether the target's tools can go on with what the source's saved."""
    if sentence := lacks_tools(kind, target):
        yield Finding(FAULT, sentence, "host", target.name)
    for tool in TOOLS[kind]:
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


# processors -------------------------------------------------------------------------------------------------------------
def processor(source: Side, target: Side) -> Iterator[Finding]:
    """Whether a process that uses the source's processor can go on at the target's."""
    ours, theirs = _words(source.values.get("cpu_flags")), _words(target.values.get("cpu_flags"))
    if not ours or not theirs:
        return
    if missing := sorted(ours - theirs):
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        yield Finding(
            FAULT,
            f"The processor of {target.name} lacks {', '.join(missing[:MOST_NAMED])}{more}: a process that uses it cannot go "
            "on there. Choose another target.",
        )
    else:
        yield Finding(OK, f"The processor of {target.name} has all features of that of {source.name}.")


def _words(value: Any) -> set[str]:
    return set(value.split() if isinstance(value, str) else value or [])


ACCELERATIONS = {"kvm": "KVM", "qemu": "QEMU's TCG", "tcg": "QEMU's TCG", "": "nothing"}


def acceleration(source: Side, target: Side, ours: str, theirs: str) -> Iterator[Finding]:
    """Whether virtual machines run with the same on both: a running one cannot change over."""
    here, there = ACCELERATIONS.get(ours, ours), ACCELERATIONS.get(theirs, theirs)
    if here != there:
        yield Finding(
            FAULT,
            f"Guests run with {here} on {source.name} and with {there} on {target.name}, and a running one cannot change over: "
            "choose another target.",
        )
    else:
        yield Finding(OK, f"Guests run with {here} on both hosts; libvirt compares the processors when it begins.")


# layers -----------------------------------------------------------------------------------------------------------------
def base(name: str, kind: str, source: Side, target: Side, here: str, there: str) -> Iterator[Finding]:
    """Whether both hold the same base layer; `here` and `there` are its digests, empty where it is not held."""
    if not there:
        sentence = f"{target.name} does not hold the base {name} for {LABELS[kind]}: provision it."
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


def room(source: Side, target: Side, load: Load, memory_needed: int) -> Iterator[Finding]:
    """Whether it fits on the target's disk and into its memory, and its saved state on the source's disk."""
    disk = load.application + load.instance + load.memory + SPARE_BYTES
    yield from _free(target, "disk_free_bytes", disk, "of disk free", "")
    yield from _free(source, "disk_free_bytes", load.memory + SPARE_BYTES, "of disk free", " to save the state")
    yield from _free(target, "memory_free_bytes", memory_needed, "of memory free", "")


def _free(host: Side, key: str, needed: int, what: str, why: str) -> Iterator[Finding]:
    free = host.values.get(key)
    if free is None:
        return
    state = f"{host.name} has {int(free) / 1e6:,.0f} MB {what} and needs {needed / 1e6:,.0f} MB{why}"
    if int(free) >= needed:
        yield Finding(OK, f"{state}.")
    else:
        yield Finding(FAULT, f"{state}: make room there, then check the host.", "check", host.name)


# the way ----------------------------------------------------------------------------------------------------------------
def way(service: str, kind: str, storage: str, layers: int, method: str, idle_memory: bool) -> Iterator[Finding]:
    """Whether a service of this kind and storage can go this way at all."""
    if layers not in (2, 3):
        yield Finding(FAULT, f"There is no migration with {layers} layers: choose 2 or 3.")
    if method not in ("save", "live"):
        yield Finding(FAULT, f"There is no method {method}: choose save or live.")
    if method == "live":
        yield from _live(service, kind, storage, layers)
    if idle_memory and (kind != "kvm" or layers != 3 or method != "save"):
        yield Finding(
            FAULT,
            "Only a virtual machine's memory, saved and sent with three layers, can be sent as a difference to the idle "
            "application's: leave that choice out.",
        )


def _live(service: str, kind: str, storage: str, layers: int) -> Iterator[Finding]:
    if kind != "kvm":
        yield Finding(
            FAULT,
            f"{service} is a container, and LXC has no live migration of its own: choose “Save and rsync”.",
        )
    elif layers != 3:
        yield Finding(FAULT, "QEMU's live migration needs the application layer on the target: choose three layers.")
    elif storage != "overlay":
        yield Finding(
            FAULT,
            f"QEMU's live migration copies an overlay's changes, and {service} is a full copy: choose “Save and rsync”.",
        )
