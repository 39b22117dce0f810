"""A figure is shown as soon as it is measured, and judged by its median; so are forecasts, on runs that they had not seen."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from tests.bench.forecasts import APPLICATION, SEEN, UNSEEN, measure_forecasts, runs_of
from tests.bench.table import Figures


def test_a_figure_is_shown_at_once_and_again_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures()
    figures.add("    game-server: total (s)", [1.5, 1.4, 9.0], 3.0)
    assert "game-server: total (s): 1.50 (1.40 to 9.00, n=3), bar 3: met" in capsys.readouterr().err
    figures.add("downtime of LXC / KVM", [1.0], 1.0)
    assert "downtime of LXC / KVM: 1.00, bar 1: missed" in capsys.readouterr().err
    Console(width=130).print(figures.table())
    shown = capsys.readouterr().out
    assert shown.index("game-server: total (s)") < shown.index("downtime of LXC / KVM")


def test_only_the_last_runs_forecasts_are_judged_and_their_errors_are_of_what_was_measured() -> None:
    """Those seen first were off by far more."""
    stored = {number: {"total_s": 50.0, "downtime_s": 50.0, "runs": number} for number in range(SEEN)}
    for number in range(SEEN, SEEN + UNSEEN):
        stored[number] = {"total_s": 9.0, "downtime_s": 6.0, "runs": number}
    moves: list[dict[str, Any]] = [{"migration": n, "total_s": 10.0, "downtime_s": 4.0} for n in stored]
    site: Any = SimpleNamespace(rows=lambda _query, number: [{"forecast": json.dumps(stored[number])}])
    figures = Figures()
    measure_forecasts(figures, site, "LXC", APPLICATION, moves)
    total, downtime = figures.kept
    assert total.values == pytest.approx([10.0] * UNSEEN)
    assert downtime.values == pytest.approx([50.0] * UNSEEN)
    assert (total.verdict, downtime.verdict) == ("met", "missed")


def test_runs_are_only_added_where_forecasts_are_judged() -> None:
    assert runs_of(APPLICATION, 3) == SEEN + UNSEEN
    assert runs_of(APPLICATION, 30) == 30
    assert runs_of("no-application", 3) == 3
