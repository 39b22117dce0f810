"""An experiment's report as plain data: what the page shows, the files hold and the command prints."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from migrations_app.charts import Figure, stage_bars
from migrations_app.models import Cell, Design, Experiment, Migration, MigrationStatus
from migrations_app.stage_means import stage_sums, with_other
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.ways import TRANSFERS, transfer_of

from . import paper
from .differences import differences
from .statistics import Summary, r_squared, summarised
from .sweep import sweep_plot

# What is measured of each run: the report's key, title, unit, and how it is read from a migration
MEASURES: tuple[tuple[str, str, str, Callable[[Migration], float | None]], ...] = (
    ("total", "Total time", "s", lambda run: run.total_s),
    ("data", "Data transferred", "MB", lambda run: None if run.bytes_on_wire is None else run.bytes_on_wire / 1e6),
    ("downtime", "Service downtime", "s", lambda run: run.downtime_s),
    ("felt", "Downtime at the user's side", "s", lambda run: run.probe_downtime_s),
)


def report(experiment: Experiment) -> dict[str, Any]:
    """Everything that was measured; seconds and megabytes (10^6 bytes)."""
    cells = [_cell(cell) for cell in experiment.cells.prefetch_related("migrations")]
    return {
        "experiment": experiment.pk,
        "design": experiment.design,
        "title": str(experiment),
        "preset": experiment.preset,
        "status": experiment.status,
        "message": experiment.message,
        "runs": experiment.runs,
        "source": experiment.source.name,
        "target": experiment.target.name,
        "requested_at": experiment.requested_at.isoformat(timespec="seconds"),
        "finished_at": experiment.finished_at.isoformat(timespec="seconds") if experiment.finished_at else None,
        "environment": experiment.environment,
        "differences": differences(experiment, cells),
        "cells": cells,
        "linear": _linear(experiment, cells),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    runs = [run for run in cell.migrations.all() if run.status == MigrationStatus.SUCCEEDED]
    theirs = _papers(cell)
    measures = {}
    for key, _title, _unit, read in MEASURES:
        values = [value for run in runs if (value := read(run)) is not None]
        measures[key] = _measured(summarised(values), (theirs or {}).get(key))
    return {
        "cell": cell.position,
        "title": str(cell),
        "application": cell.application_name,
        "paper_title": paper.TITLES.get(cell.application_name, cell.application_name),
        "kind": cell.kind,
        "layers": cell.layers,
        "app_found": cell.app_found if cell.layers == 3 else None,
        "storage": cell.storage,
        "method": cell.method,
        "idle_memory": cell.idle_memory,
        "bandwidth_mbit": cell.bandwidth_mbit,
        "ram_mb": cell.ram_mb,
        "status": cell.status,
        "error": cell.error,
        "notes": cell.notes,
        "n": len(runs),
        "failed": cell.migrations.exclude(status=MigrationStatus.SUCCEEDED).count(),
        "migrations": [run.pk for run in runs],
        "measures": measures,
        "stages": _stages(runs),
    }


def _papers(cell: Cell) -> dict[str, float] | None:
    """The paper's Table I has no cell over another link, and none with another memory in use."""
    if cell.ram_mb or cell.bandwidth_mbit != paper.link_mbit():
        return None
    return paper.table_1(cell.application_name, cell.kind, cell.layers, cell.app_found)


def _measured(summary: Summary | None, theirs: float | None) -> dict[str, Any]:
    """The statistics, the paper's mean beside them, and how many times the paper's is of ours."""
    told: dict[str, Any] = asdict(summary) if summary else {"n": 0}
    told = {key: round(value, 4) if isinstance(value, float) else value for key, value in told.items()}
    ratio = theirs / summary.mean if theirs is not None and summary and summary.mean else None
    return {**told, "paper": theirs, "ratio": None if ratio is None else round(ratio, 2)}


def _stages(runs: list[Migration]) -> dict[str, float]:
    """Mean seconds by the paper's stage."""
    measured = [run for run in runs if run.total_s is not None]
    if not measured:
        return {}
    sums = stage_sums([run.pk for run in measured], "migration__cell_id")
    means = with_other(next(iter(sums.values()), {}), sum(run.total_s or 0.0 for run in measured), len(measured))
    return {title: round(seconds, 4) for title, seconds in means.items()}


def _linear(experiment: Experiment, cells: list[dict[str, Any]]) -> dict[str, float | None]:
    """How far the total time is linear in the memory in use (the square of the correlation), by kind and storage."""
    if experiment.design != Design.FIGURE_5_RAM:
        return {}
    lines: dict[str, list[tuple[float, float]]] = {}
    for cell in cells:
        if cell["n"]:
            line = lines.setdefault(line_of(cell), [])
            line.append((cell["ram_mb"], cell["measures"]["total"]["mean"]))
    return {
        name: None if (found := r_squared(*zip(*points, strict=True))) is None else round(found, 4)
        for name, points in lines.items()
    }


def line_of(cell: dict[str, Any]) -> str:
    """The name of the line that a cell of a sweep lies on."""
    transfer = TRANSFERS[transfer_of(cell["method"], cell["idle_memory"])].short
    return f"{TECHNOLOGIES[cell['kind']]} · {cell['storage']} · {transfer} · {cell['application']}"


def figures(told: dict[str, Any]) -> dict[str, Figure]:
    """The report's charts: time by stage (its Fig. 4), and for a sweep the total time and downtime (its Fig. 5)."""
    measured = [cell for cell in told["cells"] if cell["n"]]
    drawn = {}
    if measured:
        several_links = len({cell["bandwidth_mbit"] for cell in measured}) > 1
        drawn["stages"] = stage_bars([(_short(cell, several_links), cell["stages"]) for cell in measured])
    axis = {Design.FIGURE_5_RAM: "ram_mb", Design.FIGURE_5_BANDWIDTH: "bandwidth_mbit"}.get(told["design"])
    if axis and measured:
        drawn["total"] = sweep_plot(measured, axis, "total", line_of)
        drawn["felt"] = sweep_plot(measured, axis, "felt", line_of)
    return drawn


def _short(cell: dict[str, Any], with_link: bool) -> str:
    """A bar's label, broken where Plotly breaks lines; its link, where the bars have several."""
    name, *words, link = cell["title"].split(" · ")
    return f"{name}<br>{' · '.join([*words, link] if with_link else words)} (n={cell['n']})"
