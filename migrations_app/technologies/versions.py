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


# Podman keeps no part of the saved state: the portal has runc save it, and the target's Podman starts runc's restoration of it
PODMAN_SERIES = ((4, 9), (5, 4), (5, 5), (5, 6), (5, 7), (5, 8))
# runc writes into a saved state which of its files were pipes of the caller's (descriptors.json, the same in all of these)
RUNC_SERIES = ((1, 1), (1, 2), (1, 3))


def no_part_in_it(name: str, known: tuple[Version, ...]) -> Callable[[Version, Version], Judgement]:
    """A tool that decides nothing of how the state is saved: its known series in any order."""

    def follows(source: Version, target: Version) -> Judgement:
        if source[:2] == target[:2]:
            return OK, ""
        if source[:2] in known and target[:2] in known:
            return (
                WARNING,
                f"it can go there and back, since {name} has no part in what is saved, but nobody tries each pair",
            )
        return FAULT, "install the same series, that is the first two numbers, on both"

    return follows


lxc_follows = no_part_in_it("LXC", LXC_SERIES)
podman_follows = no_part_in_it("Podman", PODMAN_SERIES)
runc_follows = no_part_in_it("runc", RUNC_SERIES)
