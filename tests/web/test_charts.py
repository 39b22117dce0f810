"""Figures: valid for Plotly, in the paper's order, hatched where the user feels it."""

import warnings
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from migrations_app.charts import probe_plot, probe_points, stage_bars, stage_strips
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


def test_the_probes_plot_marks_what_stayed_unanswered_and_where_the_service_is_suspended() -> None:
    strips = stage_strips([("Suspend instance", 0, 1), ("Clone base as app", 1, 2)])
    figure = probe_plot([[0.0, 51.0, 1], [0.02, None, None], [0.04, 52.5, 2]], strips)
    assert figure["answered"] == [[0.0, 51.0], [0.04, 52.5]]
    assert figure["unanswered"] == [0.02]
    assert [(strip["to"], strip["felt"]) for strip in figure["strips"]] == [(1, True), (2, False)]


@given(st.lists(st.tuples(st.floats(0, 100), st.one_of(st.none(), st.floats(0, 1000)), st.none()), max_size=200))
def test_every_question_is_either_answered_or_marked(samples: list[Any]) -> None:
    answered, unanswered = probe_points(samples)
    assert len(answered) + len(unanswered) == len(samples)
