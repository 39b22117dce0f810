"""What is said of several runs: never a mean without its number of runs and its confidence interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """Of n values; all in the values' own unit. `ci95` is half the width of the mean's confidence interval (Student's t)."""

    n: int
    mean: float
    sd: float | None
    median: float
    p95: float
    ci95: float | None


def summarised(values: "Sequence[float] | np.ndarray") -> Summary | None:
    """None of no values; one value has no spread."""
    found = np.asarray(values, dtype=float)
    found = found[~np.isnan(found)]
    n = len(found)
    if n == 0:
        return None
    sd = float(found.std(ddof=1)) if n > 1 else None
    ci95 = None if sd is None else float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * sd / n**0.5
    return Summary(n, float(found.mean()), sd, float(np.median(found)), float(np.quantile(found, 0.95)), ci95)


def medians(values: np.ndarray, place: np.ndarray, places: int) -> tuple[np.ndarray, np.ndarray]:
    """How many values lie in each of so many places, and their median (NaN of none); sorted once, whatever the number of places."""
    known = ~np.isnan(values)
    values, place = values[known], place[known]
    values = values[np.lexsort((values, place))]
    counts = np.bincount(place, minlength=places)
    ends = np.cumsum(counts)
    found = np.full(places, np.nan)
    some = counts > 0
    low, high = ends - counts + (counts - 1) // 2, ends - counts + counts // 2
    found[some] = (values[low[some]] + values[high[some]]) / 2
    return counts, found


def r_squared(x: Sequence[float], y: Sequence[float]) -> float | None:
    """How far y is a linear function of x (square of Pearson's correlation); None of fewer than three points."""
    if len(x) < 3 or len(set(x)) < 2 or len(set(y)) < 2:
        return None
    return float(np.corrcoef(x, y)[0, 1] ** 2)
