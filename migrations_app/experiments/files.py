"""An experiment's report as files: CSV and Markdown, a line a cell, and HTML that stands alone."""

import csv
import io
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

from migrations_app.spreadsheets import safe

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
        writer.writerow([*(safe(cell[name]) for name in COLUMNS), *values, safe(cell["error"])])
    return out.getvalue()


def report_markdown(told: dict[str, Any]) -> str:
    """A table as papers print it, what differs from the paper's machines, and the environment: for notes and documents."""
    lines = [f"## {told['title']}", "", told["message"], ""]
    lines += _table(
        ["cell", "n", *(f"{title} ({unit})" for _key, title, unit, _read in MEASURES)], map(_row, told["cells"])
    )
    lines += [f"R² of total time against RAM in use, {name}: {value}" for name, value in told["linear"].items()]
    lines += ["", *(f"- {sentence}" for sentence in told["differences"]), ""]
    about = told["environment"]
    hosts = about.get("hosts", {})
    facts = [[key, *(str(of.get(key, "")) for of in hosts.values())] for key in next(iter(hosts.values()), {})]
    lines += _table(["environment", *hosts], facts)
    lines += ["", f"Link {about.get('link_mbit')} Mbit/s; portal {about.get('portal_commit')}; {told['requested_at']}."]
    return "\n".join(lines) + "\n"


def _row(cell: dict[str, Any]) -> list[str]:
    return [
        cell["title"],
        str(cell["n"]),
        *(cell["error"] or _measure(cell["measures"][key]) for key, *_rest in MEASURES),
    ]


def _measure(measured: dict[str, Any]) -> str:
    """`0.91 ± 0.05 (5.2, 5.7×)`: the mean, half of its 95 % confidence interval, the paper's mean and the ratio."""
    if not measured["n"]:
        return "–"
    ours = f"{measured['mean']:.2f}" + (f" ± {measured['ci95']:.2f}" if measured["ci95"] is not None else "")
    return ours if measured["ratio"] is None else f"{ours} ({measured['paper']}, {measured['ratio']:.1f}×)"


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    cells = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return [f"| {' | '.join(row)} |".replace("\n", " ") for row in cells]


def report_html(told: dict[str, Any]) -> str:
    """A page that stands alone: style, figures and Plotly's script are in it."""
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    script = (Path(spec.origin).parent / "package_data/plotly.min.js").read_text()
    context = {"report": told, "figures": figures(told), "measures": MEASURES, "plotly": script}
    return render_to_string("experiments/standalone.html", context)
