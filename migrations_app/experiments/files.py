"""An experiment's report as files: CSV, a line a cell, and HTML that stands alone."""

import csv
import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

from .report import MEASURES, figures

COLUMNS = (
    "cell", "application", "kind", "layers", "app_found", "storage", "method", "idle_memory", "bandwidth_mbit", "ram_mb",
    "status", "n", "failed",
)  # fmt: skip
STATISTICS = ("n", "mean", "sd", "median", "p95", "ci95", "paper", "ratio")


def report_csv(told: dict[str, Any]) -> str:
    """A line a cell: its setting, and for each measure the statistics, the paper's figure and the ratio."""
    out = io.StringIO()
    writer = csv.writer(out)
    head = [f"{title} ({unit}), {name}" for _key, title, unit, _read in MEASURES for name in STATISTICS]
    writer.writerow([*COLUMNS, *head, "error"])
    for cell in told["cells"]:
        values = [cell["measures"][key].get(name) for key, *_rest in MEASURES for name in STATISTICS]
        writer.writerow([*(cell[name] for name in COLUMNS), *values, cell["error"]])
    return out.getvalue()


def report_html(told: dict[str, Any]) -> str:
    """A page that stands alone: style, figures and Plotly's script are in it."""
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    script = (Path(spec.origin).parent / "package_data/plotly.min.js").read_text()
    context = {"report": told, "figures": figures(told), "measures": MEASURES, "plotly": script}
    return render_to_string("experiments/standalone.html", context)
