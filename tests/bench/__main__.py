"""Prints one table: what was measured, the bar, and whether it is met."""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench.pages import page_times
from tests.lab.site import RECIPES, Site

# (application, the user's downtime in s, total in s): the bars at 100 Mbit/s, three layers, app found, overlay
APPLICATIONS: list[tuple[str, float, float | None]] = [
    ("no-application", 1.0, 3.0),
    ("game-server", 1.0, 3.0),
    ("video-streaming", 1.2, None),
    ("face-detection", 2.0, None),
]
PORTAL_SHARE_S = 0.3
MEMORY_MB = 400
PAGE_MS = 100
PROGRAMS = ("web", "worker", "beat", "valkey")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    table = Table(title=f"Measured on {os.cpu_count()} cores, medians of {runs}")
    for column in ("what", "measured", "min", "max", "bar", ""):
        table.add_column(column, justify="left" if column in ("what", "") else "right")
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), port=8191, lab="bench", kept_seconds=60)
        try:
            site.bring_up()
            add(table, "portal at rest, PSS of web, worker, beat and Valkey (MB)", [memory_mb(site)], MEMORY_MB)
            for application, downtime_bar, total_bar in APPLICATIONS:
                migrations(site, table, application, runs, downtime_bar, total_bar)
        finally:
            site.end()
    for page, milliseconds in page_times(runs).items():
        add(table, f"{page}, 10,000 migrations stored (ms)", milliseconds, PAGE_MS)
    Console(width=130).print(table)


def migrations(
    site: Site, table: Table, application: str, runs: int, downtime_bar: float, total_bar: float | None
) -> None:
    """Deploy, bring the layer to both hosts, and move to and fro."""
    service = f"bench-{application}"[:40]
    site.ok("service", "deploy", service, "--application", application, "--host", "mec-1", limit_s=1200)
    site.ok("application", "build", application, "--host", "mec-2", limit_s=600)
    moved = [site.migrate(service, ("mec-2", "mec-1")[run % 2]) for run in range(runs)]
    assert all(m["outcome"] == "succeeded" and m["app_found"] for m in moved), [m["error"] for m in moved]
    site.ok("service", "remove", service)
    shares = [
        site.rows("select portal_s from migrations_app_migration where id = ?", m["migration"])[0][0] for m in moved
    ]
    add(table, f"{application}: the user's downtime (s)", [m["probe_downtime_s"] for m in moved], downtime_bar)
    add(table, f"{application}: total (s)", [m["total_s"] for m in moved], total_bar)
    add(table, f"{application}: portal's own share (s)", shares, PORTAL_SHARE_S)
    for title in ("Suspend instance", "rsync instance in-memory state", "Restore instance"):
        seconds = [next(s["seconds"] for s in m["stages"] if s["title"] == title) for m in moved]
        add(table, f"    {title} (s)", seconds, None)


def memory_mb(site: Site) -> float:
    """The proportional set size of the portal's programs, with their children."""
    total = 0
    for program in PROGRAMS:
        for pid in [site.supervised(program), *children(site.supervised(program))]:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1000


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def add(table: Table, what: str, values: list[float], bar: float | None) -> None:
    middle = median(values)
    verdict = "" if bar is None else ("met" if middle <= bar else "[bold red]missed[/]")
    shown = [f"{value:.2f}" if value < 100 else f"{value:.0f}" for value in (middle, min(values), max(values))]
    table.add_row(what, *shown, "" if bar is None else f"{bar:g}", verdict)


if __name__ == "__main__":
    assert RECIPES, "no recipes"
    main()
