"""Measures iterative migration beside save and rsync, in one run: three layers, application found, overlay, 100 Mbit/s."""

import tempfile
from pathlib import Path
from statistics import median

from tests.bench.edge import build, deploy, felt_s, move_to_and_fro
from tests.bench.table import Figures
from tests.lab.recipes.memory import add_memory
from tests.lab.site import Site

# (application, kind, the user's downtime in s: the bar)
APPLICATIONS = [
    ("no-application", "lxc", 0.30),
    ("game-server", "lxc", 0.30),
    ("video-streaming", "lxc", 0.35),
    ("face-detection", "lxc", 0.50),
    ("no-application", "oci", 0.60),
]
# 330 MB, of which 5 MB change each second at random places
MEMORY = [("lxc", 0.9), ("oci", 1.2)]
SLOW_RUNS = 2  # of save and rsync, half a minute each
TIMES_LESS = 15
STAGES = ("suspend_instance", "send_rest", "restore_instance", "announce")


def measure_iterative(figures: Figures, site: Site, runs: int) -> None:
    for application, kind, bar in APPLICATIONS:
        compare(figures, site, application, kind, bar, runs, runs)
    with tempfile.TemporaryDirectory() as folder:
        memory = add_memory(site, Path(folder), ram_mb=330, change_mb_per_s=5)
        for kind, bar in MEMORY:
            compare(figures, site, memory, kind, bar, runs, SLOW_RUNS)


def compare(figures: Figures, site: Site, application: str, kind: str, bar: float, runs: int, slow_runs: int) -> None:
    """Both ways of one application; what the user felt, and what it cost."""
    service, title = f"it-{kind}-{application}", f"{kind}, {application}"
    build(site, application, kind)
    deploy(site, service, application, kind)
    saved = move_to_and_fro(site, service, slow_runs)
    moves = move_to_and_fro(site, service, runs, "--method", "iterative")
    site.ok("service", "remove", service)
    figures.add(f"{title}, iterative: the user's downtime (s)", felt_s(moves), bar)
    figures.add(f"{title}, save and rsync: the user's downtime (s)", felt_s(saved))
    if application.startswith("memory"):
        # a bar is met by what lies below it
        ratio = median(felt_s(moves)) * TIMES_LESS / median(felt_s(saved))
        figures.add(f"{title}: iterative, {TIMES_LESS} times, as a share of save and rsync", [ratio], 1.0)
    figures.add(f"{title}, iterative: total (s)", [moved["total_s"] for moved in moves])
    figures.add(f"{title}, iterative: on the wire (MB)", [moved["bytes_on_wire"] / 1e6 for moved in moves])
    figures.add(f"{title}, iterative: rounds", [len(moved["rounds"]) for moved in moves])
    for stage in STAGES:
        rows = [_seconds(site, moved["migration"], stage) for moved in moves]
        figures.add(f"    {title}, iterative: {stage} (s)", rows)


def _seconds(site: Site, migration: int, stage: str) -> float:
    query = "select seconds from migrations_app_stagerun where migration_id = ? and name = ?"
    return float(site.rows(query, migration, stage)[0]["seconds"])
