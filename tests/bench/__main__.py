"""Runs what was chosen of the bench, or all of it, and prints one table: what was measured, the bar, and whether it is met."""

import argparse
import signal
import sys

from rich.console import Console

from tests.bench.containers import measure_containers
from tests.bench.edge import available_mb, fresh_edge, measure_portal
from tests.bench.iterative import measure_iterative
from tests.bench.large import measure_large_edge
from tests.bench.looks import measure_looks
from tests.bench.machines import measure_machines
from tests.bench.oci import measure_oci
from tests.bench.ownership import measure_ownership
from tests.bench.pages import measure_compare, measure_pages
from tests.bench.paper import measure_the_papers_claims
from tests.bench.table import Figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument(
        "--runs", type=int, default=5, help="of each container and page (default 5); a forecast takes ten"
    )
    parser.add_argument(
        "--only",
        choices=[
            "containers", "oci", "iterative", "machines", "paper", "ownership", "looks", "pages", "large", "compare",
        ],
    )  # fmt: skip
    options = parser.parse_args()
    # whoever ends the bench finds its edge taken down, and the table of what was measured
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    figures = Figures()
    try:
        measure(figures, options.runs, options.only)
    except KeyboardInterrupt:
        sys.exit("Stopped before its end.")
    finally:
        Console(width=130).print(figures.table())


def measure(figures: Figures, runs: int, only: str | None) -> None:
    if only in (None, "containers", "oci", "iterative", "machines", "paper"):
        free_mb = available_mb()
        with fresh_edge() as site:
            containers_s: dict[str, list[float]] = {}
            if only in (None, "containers"):
                measure_portal(figures, site)
                containers_s = measure_containers(figures, site, runs)
            if only in (None, "oci"):
                measure_oci(figures, site, runs)
            if only in (None, "iterative"):
                measure_iterative(figures, site, runs)
            if only in (None, "machines"):
                measure_machines(figures, site, free_mb, containers_s)
            if only in (None, "paper"):
                measure_the_papers_claims(figures, site)
    if only in (None, "ownership"):
        measure_ownership(figures)
    if only in (None, "looks"):
        measure_looks(figures)
    if only in (None, "compare"):
        measure_compare(figures, runs)
    if only in (None, "pages"):
        measure_pages(figures, runs)
    if only in (None, "large"):
        measure_large_edge(figures, runs)


if __name__ == "__main__":
    main()
