"""Measures containers: downtime, total, the portal's share and three stages; three layers, application found, overlay."""

from typing import Any

from tests.bench.edge import build, deploy, felt_s, move_to_and_fro, of_the_stage
from tests.bench.forecasts import measure_forecasts, runs_of
from tests.bench.table import Figures
from tests.lab.site import Site

# (application, the user's downtime in s, total in s): the bars at 100 Mbit/s
APPLICATIONS: list[tuple[str, float, float | None]] = [
    ("no-application", 1.0, 3.0),
    ("game-server", 1.0, 3.0),
    ("video-streaming", 1.2, None),
    ("face-detection", 2.0, None),
]
PORTAL_SHARE_S = 0.3
STAGES = ("Suspend instance", "rsync instance in-memory state", "Restore instance")


def measure_containers(figures: Figures, site: Site, runs: int) -> dict[str, list[float]]:
    """All applications; the user's downtimes of each, for what is compared with them later."""
    return {row[0]: measure_container(figures, site, runs, *row) for row in APPLICATIONS}


def measure_container(
    figures: Figures, site: Site, runs: int, application: str, downtime_bar: float | None, total_bar: float | None
) -> list[float]:
    title = f"LXC, {application}"
    moves = move_a_container(site, application, runs_of(application, runs))
    figures.add(f"{title}: the user's downtime (s)", felt_s(moves), downtime_bar)
    figures.add(f"{title}: total (s)", [moved["total_s"] for moved in moves], total_bar)
    figures.add(f"{title}: portal's own share (s)", [_portal_s(site, moved) for moved in moves], PORTAL_SHARE_S)
    for stage in STAGES:
        figures.add(f"    {title}: {stage} (s)", of_the_stage(moves, stage))
    measure_forecasts(figures, site, title, application, moves)
    return felt_s(moves)


def move_a_container(site: Site, application: str, runs: int) -> list[dict[str, Any]]:
    """Save and rsync, three layers, the application found at the target; nothing of it runs afterwards."""
    service = f"ct-{application}"
    build(site, application, "lxc")
    deploy(site, service, application, "lxc")
    moves = move_to_and_fro(site, service, runs)
    site.ok("service", "remove", service)
    return moves


def _portal_s(site: Site, moved: dict[str, Any]) -> float:
    """Seconds of a migration that were spent in no command on a host."""
    row = site.rows("select portal_s from migrations_app_migration where id = ?", moved["migration"])[0]
    return float(row["portal_s"])
