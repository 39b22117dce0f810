"""The Compare page's charts, as plain dicts for Plotly; each drawn from a table that the page shows, too."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from migrations_app.charts import Figure, stage_bars

from .comparison import MEASURES, Comparison

# more lines than this nobody tells apart; the tables have all groups
MOST_GROUPS = 10
POINTS = 60
# up to here each day has its tick, and no hours stand between them
FEW_DAYS, DAY_MS = 10, 86_400_000
LINES = (
    ("#3f8fd6", "circle"), ("#cf5c3c", "square"), ("#4f8f6f", "diamond"), ("#96466b", "x"), ("#b58900", "cross"),
    ("#5d6875", "triangle-up"), ("#7f6fd0", "star"), ("#2a9d8f", "pentagon"), ("#d6453d", "hexagon"), ("#8a6d3b", "bowtie"),
)  # fmt: skip


def axis_title(measure: str) -> str:
    _field, title, unit, _factor = MEASURES[measure]
    return f"{title} ({unit})"


def _layout(height: int, x: dict[str, Any], y: dict[str, Any], legend: bool = True) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 60, "r": 15, "t": 20, "b": 50},
        "xaxis": {"automargin": True, **x},
        "yaxis": {"automargin": True, **y},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "showlegend": legend,
    }


def boxes(quartiles: list[dict[str, Any]], measure: str) -> Figure:
    """Box plots from the table's quartiles, with Tukey's whiskers."""
    data = [
        {
            "type": "box",
            "orientation": "h",
            "y": [_broken(row)],
            "q1": [row["q1"]],
            "median": [row["median"]],
            "q3": [row["q3"]],
            "lowerfence": [row["lower"]],
            "upperfence": [row["upper"]],
            "name": _broken(row),
            "marker": {"color": LINES[number % len(LINES)][0]},
        }
        for number, row in enumerate(quartiles)
    ]
    layout = _layout(
        120 + 46 * max(len(quartiles), 2),
        {"title": {"text": axis_title(measure)}, "rangemode": "tozero"},
        {"autorange": "reversed", "type": "category"},
        legend=False,
    )
    return {"data": data, "layout": layout}


def _broken(row: dict[str, Any]) -> str:
    links = " · several links" if len(row["bandwidths_mbit"]) > 1 else ""
    return f"{row['application']}<br>{row['way']}{links} (n={row.get('n', row.get('succeeded'))})"


def distribution(found: Comparison, measure: str) -> Figure:
    """Empirical distribution functions, thinned to so many quantiles."""
    data: list[dict[str, Any]] = []
    shares = np.linspace(0, 1, POINTS)
    for group, _every, good in found.groups:
        values = found.values(good, measure)
        if len(values):
            data.append(
                _line(
                    len(data), group.label, np.round(np.quantile(values, shares), 4).tolist(), shares.round(4).tolist()
                )
                | {"mode": "lines"}
            )
    return {
        "data": data[:MOST_GROUPS],
        "layout": _layout(
            380,
            {"title": {"text": axis_title(measure)}, "rangemode": "tozero"},
            {"title": {"text": "Share of the runs"}},
        ),
    }


def _line(number: int, name: str, x: list[Any], y: list[Any]) -> dict[str, Any]:
    colour, symbol = LINES[number % len(LINES)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": colour},
        "marker": {"symbol": symbol, "size": 8},
    }


def against(rows: list[dict[str, Any]], axis: str, title: str, measure: str) -> Figure:
    """Means with their 95 % confidence intervals against memory or bandwidth."""
    data: list[dict[str, Any]] = []
    for name, points in _by_label(rows):
        if len(data) < MOST_GROUPS:
            line = _line(len(data), name, [str(row[axis]) for row in points], [row["mean"] for row in points])
            line["error_y"] = {"type": "data", "array": [row["ci95"] or 0 for row in points], "visible": True}
            data.append(line)
    order = sorted({row[axis] for row in rows}, key=lambda value: float("inf") if value == "more" else value)
    x = {
        "title": {"text": title},
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [str(v) for v in order],
    }
    return {"data": data, "layout": _layout(380, x, {"title": {"text": axis_title(measure)}, "rangemode": "tozero"})}


def over_time(rows: list[dict[str, Any]], measure: str) -> Figure:
    """Daily medians; days with failures are marked at the bottom."""
    data: list[dict[str, Any]] = []
    for name, points in _by_label(rows):
        if len(data) < MOST_GROUPS:
            data.append(_line(len(data), name, [row["day"] for row in points], [row["median"] for row in points]))
    failed: dict[str, int] = {}
    for row in rows:
        failed[row["day"]] = failed.get(row["day"], 0) + row["failed"]
    days = sorted(day for day, n in failed.items() if n)
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "Did not succeed",
            "x": days,
            "y": [0] * len(days),
            "marker": {"symbol": "x", "size": 10, "color": "#d6453d"},
            "text": [f"{failed[day]} did not succeed" for day in days],
            "hovertemplate": "%{x}: %{text}<extra></extra>",
        }
    )
    few = len(failed) <= FEW_DAYS
    y = {"title": {"text": f"{axis_title(measure)}, median"}, "rangemode": "tozero"}
    return {
        "data": data,
        "layout": _layout(
            380,
            {"title": {"text": "Day"}, "type": "date", "tickformat": "%-d %b %Y", **({"dtick": DAY_MS} if few else {})},
            y,
        ),
    }


def _by_label(rows: list[dict[str, Any]]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        lines.setdefault(row["label"], []).append(row)
    return lines.items()


def stages(rows: list[dict[str, Any]]) -> Figure:
    """Stacked means by the paper's stage, side by side."""
    return stage_bars([(_broken(row), row["seconds"]) for row in rows])


def sent(rows: list[dict[str, Any]]) -> Figure:
    """Mean megabytes with their confidence intervals."""
    shown = [row for row in rows if row["measures"]["data"]["n"]]
    data = {
        "type": "bar",
        "orientation": "h",
        "y": [_broken(row) for row in shown],
        "x": [row["measures"]["data"]["mean"] for row in shown],
        "error_x": {"type": "data", "array": [row["measures"]["data"]["ci95"] or 0 for row in shown], "visible": True},
        "marker": {"color": "#3f8fd6"},
    }
    layout = _layout(
        120 + 42 * max(len(shown), 2),
        {"title": {"text": axis_title("data")}, "rangemode": "tozero"},
        {"autorange": "reversed", "type": "category"},
        legend=False,
    )
    return {"data": [data], "layout": layout}
