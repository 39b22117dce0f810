"""The edge and portal that the bench measures on, how it moves a service there, and what the portal takes of memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.table import Figures
from tests.lab.site import Site

# neither name nor port is one of the test suite's, so that both can run on one machine
LAB, PORT = "bench", 8291
TO_AND_FRO = {"mec-1": "mec-2", "mec-2": "mec-1"}
PROGRAMS = ("web", "worker", "control", "beat", "valkey")
MEMORY_MB = 400


@contextmanager
def fresh_edge() -> Iterator[Site]:
    """An edge at 100 Mbit/s with a portal that knows it; it is taken down whatever happens."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), port=PORT, lab=LAB, kept_seconds=60)
        try:
            site.bring_up()
            yield site
        finally:
            site.end()


def build(site: Site, application: str, kind: str) -> None:
    """Bring the application's layer to both hosts."""
    for host in TO_AND_FRO:
        site.ok("application", "build", application, "--kind", kind, "--host", host, limit_s=1200)


def deploy(site: Site, service: str, application: str, kind: str, host: str = "mec-1") -> None:
    where = ("--kind", kind, "--host", host)
    site.ok("service", "deploy", service, "--application", application, *where, limit_s=900)


def move_to_and_fro(site: Site, service: str, runs: int, *how: str) -> list[dict[str, Any]]:
    """What live_migrate says of each move. The first that does not succeed, or finds no layer, ends the bench."""
    moves: list[dict[str, Any]] = []
    for _run in range(runs):
        moved = site.migrate(service, TO_AND_FRO[site.where(service)[0]], *how)
        assert moved["outcome"] == "succeeded", f"{service}: {moved['outcome']}: {moved['error']}"
        assert moved["app_found"], f"{service}: {moved['target']} lacks the application's layer"
        moves.append(moved)
    return moves


def felt_s(moves: list[dict[str, Any]]) -> list[float]:
    """The user's downtime of each move, in seconds."""
    return [moved["probe_downtime_s"] for moved in moves]


def of_the_stage(moves: list[dict[str, Any]], name_or_title: str) -> list[float]:
    """Seconds that a stage took in each move."""
    return [
        next(stage["seconds"] for stage in moved["stages"] if name_or_title in (stage["name"], stage["title"]))
        for moved in moves
    ]


def measure_portal(figures: Figures, site: Site) -> None:
    figures.add("portal at rest, PSS of web, worker, control, beat and Valkey (MB)", [portal_mb(site)], MEMORY_MB)


def portal_mb(site: Site) -> float:
    """The proportional set size of the portal's programs, with their children."""
    total = 0
    for program in PROGRAMS:
        for pid in [site.supervised(program), *_children(site.supervised(program))]:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1000


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def available_mb() -> float:
    """Memory that this machine could still give."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 1000
