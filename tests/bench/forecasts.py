"""Measures by how much forecasts are off: those stored before the runs that they are about, once there is enough history."""

import json
from typing import Any

from tests.bench.table import Figures
from tests.lab.site import Site

APPLICATION = "game-server"
# so many runs are seen first; then the forecasts of so many more are judged
SEEN, UNSEEN = 5, 5
# (what, the migration's field, the forecast's median absolute error in percent of what was measured)
BARS = (("total", "total_s", 20.0), ("downtime", "downtime_s", 30.0))


def runs_of(application: str, runs: int) -> int:
    """How many times to move it, so that runs that are made anyway also tell how good the forecasts are."""
    return max(runs, SEEN + UNSEEN) if application == APPLICATION else runs


def measure_forecasts(figures: Figures, site: Site, title: str, application: str, moves: list[dict[str, Any]]) -> None:
    """Of the last runs, made alike and in order. The downtime is the engine's: that is what is forecast."""
    if application != APPLICATION:
        return
    unseen = [(stored_forecast(site, moved), moved) for moved in moves[-UNSEEN:]]
    assert all(expected["runs"] >= SEEN for expected, _moved in unseen), f"{title}: a forecast had seen too few runs"
    for what, field, bar in BARS:
        errors = [error_percent(expected[field], moved[field]) for expected, moved in unseen]
        figures.add(f"{title}: forecast of the {what} off by (%)", errors, bar)


def stored_forecast(site: Site, moved: dict[str, Any]) -> dict[str, Any]:
    """What was written down when the migration was asked for."""
    row = site.rows("select forecast from migrations_app_migration where id = ?", moved["migration"])[0]
    stored: dict[str, Any] = json.loads(row["forecast"])
    return stored


def error_percent(expected: float, measured: float) -> float:
    """The absolute error, in percent of what was measured."""
    return abs(expected - measured) / measured * 100
