"""Whether what ran on one host's processor goes on at another's. Pure."""

from collections.abc import Iterator
from typing import Any

from .findings import FAULT, OK, Finding, Side

MOST_NAMED = 6


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
