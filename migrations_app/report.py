"""One migration as plain data: what the command line prints, the API answers and the charts draw."""

from collections.abc import Iterable
from typing import Any

from migrations_app.models import Migration, StageRun

OTHER = "Other remaining tasks"
# Machen et al., "Live Service Migration in Mobile Edge Clouds", Fig. 4, in the order of Fig. 3
PAPER_STAGES = (
    "Clone base as app",
    "rsync app filesystem",
    "Clone app as instance",
    "Suspend instance",
    "rsync instance filesystem",
    "rsync instance in-memory state",
    "Restore instance",
    OTHER,
)
# A live migration has a stage that the paper does not know: most of its time, and none of the user's downtime
LIVE_COPY = "Copy while it runs"
SHOWN_STAGES = (*PAPER_STAGES[:3], LIVE_COPY, *PAPER_STAGES[3:])
DOWNTIME_STAGES = frozenset(PAPER_STAGES[3:7])


def summary(migration: Migration, stages: Iterable[StageRun] | None = None) -> dict[str, Any]:
    """The JSON object of one migration; times in seconds, sizes in bytes, percentages of the total.

    Stages are grouped by the paper's titles, in the order in which they come. Time that lies in none of the seven named
    stages is “Other remaining tasks”, so that the stages' seconds add up to the total. `rounds` are those of an iterative one:
    bytes of memory read, those that the target did not hold, bytes sent, seconds.
    """
    rows = list(migration.stages.all()) if stages is None else list(stages)
    return {
        "migration": migration.pk,
        "service": migration.service_name,
        "kind": migration.kind,
        "source": str(migration.source),
        "target": str(migration.target),
        "layers": migration.layers,
        "method": migration.method,
        "idle_memory": migration.idle_memory,
        "storage": migration.storage,
        "bandwidth_mbit": migration.bandwidth_mbit,
        "app_found": migration.app_found,
        "outcome": migration.status,
        "total_s": migration.total_s,
        "downtime_s": migration.downtime_s,
        "probe_downtime_s": migration.probe_downtime_s,
        "bytes_on_wire": migration.bytes_on_wire,
        "stages": stage_shares(rows, migration.total_s),
        "rounds": [each for row in rows for each in row.rounds],
        "error": migration.error,
    }


def stage_shares(rows: Iterable[StageRun], total_s: float | None) -> list[dict[str, Any]]:
    """Seconds, bytes and share of the total for each of the paper's stages; without a total, of what ran so far."""
    groups: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row.position):
        title = row.paper_title or OTHER
        group = groups.setdefault(
            title,
            {"name": row.name, "title": title, "seconds": 0.0, "bytes": 0, "in_downtime": title in DOWNTIME_STAGES},
        )
        group["seconds"] += row.seconds or 0.0
        group["bytes"] += row.bytes_on_wire
    other = groups.pop(OTHER, {"title": OTHER, "seconds": 0.0, "bytes": 0, "in_downtime": False})
    named = sum(group["seconds"] for group in groups.values())
    total = named + other["seconds"] if total_s is None else total_s
    # clocks are read between commands: a total a hair below its parts is no negative time
    groups[OTHER] = {**other, "name": "other", "seconds": max(total - named, 0.0)}
    return [
        {**group, "seconds": round(group["seconds"], 6), "percent_of_total": percent(group["seconds"], total)}
        for group in groups.values()
    ]


def percent(part: float, whole: float) -> float:
    """The share in percent, to a tenth; of nothing it is nothing."""
    return round(100 * part / whole, 1) if whole else 0.0
