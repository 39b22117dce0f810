"""Figures: valid for Plotly, in the paper's order, hatched where the user feels it."""

import warnings
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from migrations_app.charts import LIMIT, probe_plot, probe_points, stage_bars, stage_shapes, thinned
from migrations_app.report import DOWNTIME_STAGES, SHOWN_STAGES


def valid(figure: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing Plotly's Python half
        from plotly.graph_objects import Figure
    Figure(figure)


def test_stage_bars_are_a_valid_figure_in_the_papers_order() -> None:
    figure = stage_bars([("#1", {"Suspend instance": 0.2, "Restore instance": 0.3})])
    valid(figure)
    assert [trace["name"] for trace in figure["data"]] == list(SHOWN_STAGES)


def test_exactly_the_downtime_stages_are_hatched() -> None:
    hatched = {trace["name"] for trace in stage_bars([])["data"] if trace["marker"]["pattern"]["shape"]}
    assert hatched == DOWNTIME_STAGES


def test_the_probes_plot_is_valid_and_marks_what_stayed_unanswered() -> None:
    figure = probe_plot(
        [[0.0, 51.0, 1], [0.02, None, None], [0.04, 52.5, 2]], stage_shapes([("Suspend instance", 0, 1)])
    )
    valid(figure)
    assert figure["data"][0]["x"] == [0.0, 0.04]
    assert figure["data"][1]["x"] == [0.02]
    assert figure["layout"]["shapes"][0]["x1"] == 1


def test_an_empty_series_is_a_valid_figure() -> None:
    valid(probe_plot([], []))


@given(st.lists(st.tuples(st.floats(0, 100), st.one_of(st.none(), st.floats(0, 1000)), st.none()), max_size=200))
def test_every_question_is_either_answered_or_marked(samples: list[Any]) -> None:
    answered, unanswered = probe_points(samples)
    assert len(answered) + len(unanswered) == len(samples)


def test_thinning_keeps_the_slowest_answer() -> None:
    points = [[float(n), 50.0] for n in range(4 * LIMIT)]
    points[777][1] = 900.0
    left = thinned(points)
    assert len(left) <= LIMIT
    assert [777.0, 900.0] in left
