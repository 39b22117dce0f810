"""Rows in, figures out, as plain dicts: Plotly's, without loading its Python half, and the probe's plot of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

from migrations_app.report import DOWNTIME_STAGES, SHOWN_STAGES
from migrations_app.thinning import Sample, thinned

# Cool colours before the suspension, warm ones during the downtime; each is told apart by its order and hatching, too
COLOURS = dict(
    zip(
        SHOWN_STAGES,
        ("#a9c5e2", "#6f9fd0", "#3f74ad", "#4f8f6f", "#f0c35a", "#e58b3a", "#cf5c3c", "#96466b", "#98a2ad"),
        strict=True,
    )
)
Figure = dict[str, Any]


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


def probe_points(samples: Iterable[Sample]) -> tuple[list[list[float]], list[float]]:
    """The probe's answers as ([[sent_s, answer_ms], ...], [sent_s of each that stayed unanswered]), thinned where they are many."""
    answered: list[list[float]] = []
    unanswered: list[float] = []
    for sent, answer, *_counter in thinned(samples):
        if answer is None:
            unanswered.append(round(sent or 0.0, 3))
        else:
            answered.append([round(sent or 0.0, 3), round(answer, 2)])
    return answered, unanswered


def probe_plot(samples: Iterable[Sample], strips: list[dict[str, Any]]) -> dict[str, Any]:
    """What static/js/probe.js draws: answer time in ms against seconds since the start, the stages shaded behind."""
    answered, unanswered = probe_points(samples)
    return {"answered": answered, "unanswered": unanswered, "strips": strips}


def stage_strips(spans: Iterable[tuple[str, float, float]]) -> list[dict[str, Any]]:
    """A shaded strip for each (paper's title, begin in s, end in s); `felt` says that the service is suspended in it."""
    return [
        {
            "from": round(begin, 3),
            "to": round(end, 3),
            "colour": COLOURS.get(title, COLOURS[SHOWN_STAGES[-1]]),
            "felt": title in DOWNTIME_STAGES,
        }
        for title, begin, end in spans
    ]
