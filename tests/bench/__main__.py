"""Prints one table: what was measured, the bar, and whether it is met."""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench.pages import compare_times, page_times
from tests.lab.site import RECIPES, Site

# (application, the user's downtime in s, total in s): the bars at 100 Mbit/s, three layers, app found, overlay
APPLICATIONS: list[tuple[str, float, float | None]] = [
    ("no-application", 1.0, 3.0),
    ("game-server", 1.0, 3.0),
    ("video-streaming", 1.2, None),
    ("face-detection", 2.0, None),
]
# the same of virtual machines, saved and sent, and live
MACHINES: list[tuple[str, float | None]] = [
    ("no-application", None),
    ("game-server", 8.0),
    ("video-streaming", None),
    ("ram-as-in-the-paper", 20.0),
    ("face-detection", 15.0),
]
LIVE_DOWNTIME_S = 0.5
CLONE_S, DEPLOY_S = 0.3, 40.0
FOUR_SERVICES_MB = 3072
MACHINE_RUNS = 3
PORTAL_SHARE_S = 0.3
MEMORY_MB = 400
PAGE_MS = 100
COMPARE_MS = 300
PROGRAMS = ("web", "worker", "beat", "valkey")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=["containers", "machines", "pages", "compare"])
    options = parser.parse_args()
    runs, only = options.runs, options.only
    table = Table(title=f"Measured on {os.cpu_count()} cores, medians of {runs}")
    for column in ("what", "measured", "min", "max", "bar", ""):
        table.add_column(column, justify="left" if column in ("what", "") else "right")
    if only in (None, "containers", "machines"):
        on_the_edge(table, runs, only)
    for page, values in compare_times(runs).items() if only in (None, "compare") else ():
        add(table, page, values, COMPARE_MS if ": compare" in page and "first" not in page else None)
    for page, milliseconds in page_times(runs).items() if only in (None, "pages") else ():
        add(table, f"{page}, 10,000 migrations stored (ms)", milliseconds, PAGE_MS)
    Console(width=130).print(table)


def on_the_edge(table: Table, runs: int, only: str | None) -> None:
    """What needs hosts: an edge and a portal for it."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), port=8191, lab="bench", kept_seconds=60)
        free = available_mb()
        try:
            site.bring_up()
            if only != "machines":
                add(table, "portal at rest, PSS of web, worker, beat and Valkey (MB)", [memory_mb(site)], MEMORY_MB)
                for application, downtime_bar, total_bar in APPLICATIONS:
                    migrations(site, table, application, runs, downtime_bar, total_bar)
            if only != "containers":
                four_services(site, table, free)
                for application, downtime in MACHINES:
                    machine_migrations(site, table, application, downtime)
        finally:
            site.end()


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


def machine_migrations(site: Site, table: Table, application: str, downtime_bar: float | None) -> None:
    """A virtual machine: saved and sent, the same from the idle application's memory, and live."""
    service, title = f"vm-{application}"[:40], f"KVM, {application}"
    site.ok("application", "build", application, "--kind", "kvm", "--host", "mec-1", limit_s=1200)
    site.ok("application", "build", application, "--kind", "kvm", "--host", "mec-2", limit_s=600)
    began = time.monotonic()
    site.ok("service", "deploy", service, "--application", application, "--kind", "kvm", "--host", "mec-1", limit_s=300)
    add(table, f"{title}: deployed, layers present (s)", [time.monotonic() - began], DEPLOY_S)
    for how, bar, words in (
        ("saved", downtime_bar, ()),
        ("saved, from idle memory", downtime_bar, ("--idle-memory",)),
        ("live", LIVE_DOWNTIME_S, ("--method", "live")),
    ):
        moved = [site.migrate(service, _other(site, service), *words) for _ in range(MACHINE_RUNS)]
        assert all(m["outcome"] == "succeeded" and m["app_found"] for m in moved), [m["error"] for m in moved]
        add(table, f"{title}, {how}: the user's downtime (s)", [m["probe_downtime_s"] for m in moved], bar)
        add(table, f"    {title}, {how}: total (s)", [m["total_s"] for m in moved], None)
        add(table, f"    {title}, {how}: on the wire (MB)", [m["bytes_on_wire"] / 1e6 for m in moved], None)
        if how == "saved":
            clones = [next(s["seconds"] for s in m["stages"] if s["name"] == "clone_app_as_instance") for m in moved]
            add(table, f"    {title}: a clone (s)", clones, CLONE_S)
    site.ok("service", "remove", service)


def _other(site: Site, service: str) -> str:
    return "mec-2" if site.where(service) == ["mec-1"] else "mec-1"


def four_services(site: Site, table: Table, free: float) -> None:
    """What two virtual machines and two containers take of the `free` MB of memory, all hosts and the portal included."""
    names = {"vm-1": "kvm", "vm-2": "kvm", "ct-1": "lxc", "ct-2": "lxc"}
    for name, kind in names.items():
        host = f"mec-{name[-1]}"
        site.ok("service", "deploy", name, "--application", "game-server", "--kind", kind, "--host", host, limit_s=900)
    add(table, "two KVM and two LXC services (MB of memory)", [free - available_mb()], FOUR_SERVICES_MB)
    for name in names:
        site.ok("service", "remove", name)


def available_mb() -> float:
    """Memory that this machine could still give."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 1000


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
