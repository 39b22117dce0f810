"""Measures what the paper says of its own system: how much three layers cut the downtime, and that time grows with memory."""

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.table import Figures
from tests.lab.site import Site

# "in the orders of 7x and 13x, respectively" (Machen et al., section IV), of containers with the application found
FACTORS = {"video-streaming": 7, "face-as-in-the-paper": 13}
MEMORY_MB = ("50", "150", "250")
LEAST_R_SQUARED = 0.95


def measure_the_papers_claims(figures: Figures, site: Site) -> None:
    cells = _run(site, "table-1", "--applications", ",".join(FACTORS))["cells"]
    for application, factor in FACTORS.items():
        two, three = (_downtime_s(cells, application, *how) for how in ((2, None), (3, True)))
        figures.add(f"LXC, {application}: downtime, three layers / two (paper: 1/{factor})", [three / two], 1 / factor)
    linear = _run(site, "figure-5-ram", "--ram", ",".join(MEMORY_MB))["linear"]
    missing = [1 - value for value in linear.values()]
    figures.add("LXC, total time by memory: 1 - r² of a straight line", missing, 1 - LEAST_R_SQUARED)


def _downtime_s(cells: list[dict[str, Any]], application: str, layers: int, app_found: bool | None) -> float:
    about = (application, layers, app_found)
    found = [cell for cell in cells if (cell["application"], cell["layers"], cell["app_found"]) == about]
    value: float = found[0]["measures"]["downtime"]["mean"]
    return value


def _run(site: Site, design: str, *how: str) -> dict[str, Any]:
    """One run of each cell, with its report."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        hosts = ("--hosts", "mec-1,mec-2", "--runs", "1", "--json", str(file))
        site.ok("experiment", "run", design, *hosts, *how, limit_s=1800)
        report: dict[str, Any] = json.loads(file.read_text())
    return report
