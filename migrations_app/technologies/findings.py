"""What speaks for or against a move, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OK, WARNING, FAULT = "ok", "warning", "fault"
SEVERITY = {FAULT: 0, WARNING: 1, OK: 2}


@dataclass(frozen=True)
class Finding:
    """One thing that speaks for or against it: `fault` (it cannot be), `warning` (it may go wrong) or `ok`.

    `fix` is what the page offers for `host`: check, provision, or a look at the host's page.
    """

    state: str
    sentence: str
    fix: str = ""
    host: str = ""


@dataclass(frozen=True)
class Side:
    """One of the two hosts, with what is known of it."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


def faults(findings: list[Finding]) -> list[str]:
    """The sentences of those that forbid it."""
    return [finding.sentence for finding in findings if finding.state == FAULT]
