"""Measures OCI containers: downtime, total and three stages; three layers, application found, overlay."""

from pathlib import Path

from tests.bench.containers import STAGES
from tests.bench.edge import build, deploy, felt_s, move_to_and_fro, of_the_stage
from tests.bench.table import Figures
from tests.lab.site import Site

# (application, whether its processes are another user's than root, the user's downtime in s: the bars at 100 Mbit/s)
APPLICATIONS: list[tuple[str, bool, float | None]] = [
    ("no-application", False, None),
    ("ram-simulation", False, None),
    ("game-server", True, 0.8),
    ("face-detection", True, 1.5),
]
CAP_SYS_RESOURCE = 24


def measure_oci(figures: Figures, site: Site, runs: int) -> None:
    """All that this machine lets CRIU save: of other users' processes only what root may look at."""
    for application, others, bar in APPLICATIONS:
        if others and not _has_capability(CAP_SYS_RESOURCE):
            print(f"OCI, {application}: not measured, since root lacks CAP_SYS_RESOURCE on this machine")
            continue
        service = f"oci-{application}"
        build(site, application, "oci")
        deploy(site, service, application, "oci")
        moves = move_to_and_fro(site, service, runs)
        site.ok("service", "remove", service)
        figures.add(f"OCI, {application}: the user's downtime (s)", felt_s(moves), bar)
        figures.add(f"OCI, {application}: total (s)", [moved["total_s"] for moved in moves], None)
        for stage in STAGES:
            figures.add(f"    OCI, {application}: {stage} (s)", of_the_stage(moves, stage))


def _has_capability(number: int) -> bool:
    """Whether this process, which is root's, has a capability (man 7 capabilities)."""
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(held.split()[1], 16) >> number & 1)
