"""Rows in, Plotly figures out, as plain dicts: the web process need not load Plotly's Python half."""

from collections.abc import Iterable, Sequence
from typing import Any

from migrations_app.report import DOWNTIME_STAGES, SHOWN_STAGES

# Cool colours before the suspension, warm ones during the downtime; each is told apart by its order and hatching, too
COLOURS = dict(
    zip(
        SHOWN_STAGES,
        ("#a9c5e2", "#6f9fd0", "#3f74ad", "#4f8f6f", "#f0c35a", "#e58b3a", "#cf5c3c", "#96466b", "#98a2ad"),
        strict=True,
    )
)
Figure = dict[str, Any]
LIMIT = 6000


def stage_bars(bars: Sequence[tuple[str, dict[str, float]]], unit: str = "s") -> Figure:
    """Horizontal stacked bars, one a label, the paper's stages in its order and the downtime hatched (its Fig. 4)."""
    labels = [label for label, _seconds in bars]
    data = []
    for title in SHOWN_STAGES:
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": title,
                "y": labels,
                "x": [round(seconds.get(title, 0.0), 3) for _label, seconds in bars],
                "hovertemplate": "%{y}<br>" + title + ": %{x:.2f} " + unit + "<extra></extra>",
                "marker": {
                    "color": COLOURS[title],
                    "line": {"width": 0.5, "color": "#5d6875"},
                    "pattern": {
                        "shape": "/" if title in DOWNTIME_STAGES else "",
                        "fillmode": "overlay",
                        "fgcolor": "#2b2118",
                        "size": 6,
                        "solidity": 0.2,
                    },
                },
            }
        )
    return {
        "data": data,
        "layout": {
            "barmode": "stack",
            "height": 190 + 42 * max(len(labels), 3),
            "margin": {"l": 10, "r": 15, "t": 10, "b": 45},
            "bargap": 0.35,
            "xaxis": {"title": {"text": f"Time in {unit}"}, "rangemode": "tozero", "automargin": True},
            "yaxis": {"autorange": "reversed", "automargin": True, "type": "category"},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        },
    }


def probe_points(samples: Iterable[Sequence[float | int | None]]) -> tuple[list[list[float]], list[float]]:
    """The probe's answers as ([[sent_s, answer_ms], ...], [sent_s of each that stayed unanswered])."""
    answered: list[list[float]] = []
    unanswered: list[float] = []
    for sample in samples:
        sent, answer = sample[0], sample[1]
        if sent is None:
            continue
        if answer is None:
            unanswered.append(round(sent, 3))
        else:
            answered.append([round(sent, 3), round(answer, 2)])
    return answered, unanswered


def thinned(points: list[list[float]], limit: int = LIMIT) -> list[list[float]]:
    """At most about `limit` answers: of each run of them the slowest, so that no peak is lost."""
    if len(points) <= limit:
        return points
    step = -(-len(points) // limit)
    return [max(points[at : at + step], key=lambda point: point[1]) for at in range(0, len(points), step)]


def probe_plot(samples: Iterable[Sequence[float | int | None]], shapes: list[dict[str, Any]]) -> Figure:
    """Answer time in ms against seconds since the start, unanswered questions marked, the stages shaded behind."""
    answered, unanswered = probe_points(samples)
    answered = thinned(answered)
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "name": "Answered",
                "x": [point[0] for point in answered],
                "y": [point[1] for point in answered],
                "marker": {"size": 4, "color": "#3f8fd6"},
                "hovertemplate": "asked at %{x:.2f} s<br>answered after %{y:.1f} ms<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "markers",
                "name": "No answer",
                "x": unanswered,
                "y": [0] * len(unanswered),
                "marker": {"size": 7, "color": "#d6453d", "symbol": "x"},
                "hovertemplate": "asked at %{x:.2f} s<br>no answer<extra></extra>",
            },
        ],
        "layout": {
            "height": 330,
            "margin": {"l": 55, "r": 10, "t": 30, "b": 45},
            "xaxis": {"title": {"text": "Seconds since the start"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "Answer time in ms"}, "rangemode": "tozero"},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "shapes": shapes,
            "showlegend": True,
        },
    }


def stage_shapes(spans: Iterable[tuple[str, float, float]]) -> list[dict[str, Any]]:
    """A shaded strip for each (paper's title, begin in s, end in s); the downtime's are stronger."""
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": round(begin, 3),
            "x1": round(end, 3),
            "y0": 0,
            "y1": 1,
            "line": {"width": 0},
            "layer": "below",
            "fillcolor": COLOURS.get(title, COLOURS[SHOWN_STAGES[-1]]),
            "opacity": 0.38 if title in DOWNTIME_STAGES else 0.18,
        }
        for title, begin, end in spans
    ]
