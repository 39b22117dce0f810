"""Which versions of a tool may follow which, each judged with its source. Pure."""

from collections.abc import Callable

from .findings import FAULT, OK, WARNING

Version = tuple[int, ...]
Judgement = tuple[str, str]  # ok, warning or fault, and why, without its full stop; {source} and {target} are names


def version(text: str) -> Version:
    """The numbers of a version, to compare."""
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def not_older(source: Version, target: Version) -> Judgement:
    """A newer one reads what an older one wrote."""
    return (OK, "") if target >= source else (FAULT, "the target's must not be older, so upgrade it")


# Series of CRIU of which each reads what its forerunners saved, as their sources say (github.com/checkpoint-restore/criu):
# `git diff v3.17.1 v4.2 -- images` adds only optional fields to what there was, but for one. 4.2 counts memory's pages in a
# field of its own (images/pagemap.proto, commit afb2e6c3f) and reads the old one, too (criu/pagemap.c); 4.1 finds no page
# in what 4.2 saved.
CRIU_SERIES = ((3, 17), (3, 18), (3, 19), (4, 0), (4, 1), (4, 2))


def criu_follows(source: Version, target: Version) -> Judgement:
    """Forwards along the known series; within a series what changes is fixed faults, not formats."""
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


# Podman has no part in it either: the portal has runc save the container, and Podman only calls runc to restore it
PODMAN_SERIES = ((4, 9), (5, 4), (5, 5), (5, 6), (5, 7), (5, 8))
# runc adds which of the container's files were pipes of its caller (descriptors.json; the same name and form in 1.1.5 to 1.3.6,
# libcontainer/criu_linux.go)
RUNC_SERIES = ((1, 1), (1, 2), (1, 3))


def in_any_order(known: tuple[Version, ...], why: str) -> Callable[[Version, Version], Judgement]:
    """A tool whose known series may follow each other there and back, and why."""

    def follows(source: Version, target: Version) -> Judgement:
        if source[:2] == target[:2]:
            return OK, ""
        if source[:2] in known and target[:2] in known:
            return WARNING, f"it can go there and back, since {why}, but nobody tries each pair"
        return FAULT, "install the same series, that is the first two numbers, on both"

    return follows


lxc_follows = in_any_order(LXC_SERIES, "LXC has no part in what is saved")
podman_follows = in_any_order(PODMAN_SERIES, "Podman has no part in what is saved")
runc_follows = in_any_order(RUNC_SERIES, "both write and read the same beside what CRIU saves")
