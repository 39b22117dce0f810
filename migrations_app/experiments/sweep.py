"""Figure 5: one line a kind, against memory in use or bandwidth. Plain dicts for Plotly."""

from collections.abc import Callable
from typing import Any

from migrations_app.charts import Figure

AXES = {"ram_mb": "RAM in use (MB)", "bandwidth_mbit": "Bandwidth (Mbit/s)"}
MEASURES = {"total": "Total time (s)", "felt": "Downtime at the user's side (s)"}
# told apart by colour and by mark
LINES = (("#3f8fd6", "circle"), ("#cf5c3c", "square"), ("#4f8f6f", "diamond"), ("#96466b", "x"), ("#b58900", "cross"))


def sweep_plot(
    cells: list[dict[str, Any]], axis: str, measure: str, line_of: Callable[[dict[str, Any]], str]
) -> Figure:
    """Means with their 95 % confidence intervals."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for cell in sorted(cells, key=lambda cell: cell[axis]):
        lines.setdefault(line_of(cell), []).append(cell)
    data = []
    for (name, points), (colour, symbol) in zip(lines.items(), LINES * len(lines), strict=False):
        measured = [cell["measures"][measure] for cell in points]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": [cell[axis] for cell in points],
                "y": [found.get("mean") for found in measured],
                "error_y": {"type": "data", "array": [found.get("ci95") or 0 for found in measured], "visible": True},
                "customdata": [found["n"] for found in measured],
                "hovertemplate": f"%{{x}}: %{{y:.2f}} s (n=%{{customdata}})<extra>{name}</extra>",
                "line": {"color": colour},
                "marker": {"symbol": symbol, "size": 8},
            }
        )
    logarithmic = axis == "bandwidth_mbit"
    return {
        "data": data,
        "layout": {
            "height": 380,
            "margin": {"l": 60, "r": 15, "t": 20, "b": 50},
            "xaxis": {"title": {"text": AXES[axis]}, **({"type": "log"} if logarithmic else {"rangemode": "tozero"})},
            "yaxis": {
                "title": {"text": MEASURES[measure]},
                **({"type": "log"} if logarithmic else {"rangemode": "tozero"}),
            },
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "showlegend": True,
        },
    }
