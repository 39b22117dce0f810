"""From the chosen migrations to tables: each row with its number of runs, each mean with its confidence interval."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from migrations_app.experiments.statistics import summarised
from migrations_app.models import MigrationStatus
from migrations_app.report import SHOWN_STAGES

from .columns import Array, Columns, Group

MEASURES = {
    "felt": ("probe_downtime_s", "Downtime at the user's side", "s", 1.0),
    "downtime": ("downtime_s", "Downtime (engine)", "s", 1.0),
    "total": ("total_s", "Total time", "s", 1.0),
    "data": ("bytes_on_wire", "Data transferred", "MB", 1e-6),
}
# upper bounds of the classes of memory in use, in MB
RAM_CLASSES = (25, 50, 100, 200, 400, 800, 1600, np.inf)
SUCCEEDED = str(MigrationStatus.SUCCEEDED)


class Comparison:
    """The chosen migrations, group by group."""

    def __init__(self, columns: Columns, mask: Array) -> None:
        self.columns = columns
        self.mask = mask
        self.n = int(mask.sum())
        chosen = columns.group[mask]
        codes, counts = np.unique(chosen, return_counts=True)
        found = [(columns.groups[code], int(code), int(count)) for code, count in zip(codes, counts, strict=True)]
        self.groups = sorted(found, key=lambda entry: entry[0].label)

    def rows(self, code: int, succeeded: bool = True) -> Array:
        """The entries of one group; the successful ones, or all."""
        mine: Array = self.mask & (self.columns.group == code)
        return mine & (self.columns.status == SUCCEEDED) if succeeded else mine

    def values(self, rows: Array, measure: str) -> Array:
        """A measure's values, without what was not measured."""
        field, _title, _unit, factor = MEASURES[measure]
        found = self.columns.number(field)[rows] * factor
        return found[~np.isnan(found)]

    def table(self) -> list[dict[str, Any]]:
        """A row a group: runs, success rate, and for each measure its statistics."""
        told = []
        for group, code, count in self.groups:
            rows = self.rows(code)
            succeeded = int(rows.sum())
            measures = {}
            for measure in MEASURES:
                summary = summarised(self.values(rows, measure))
                measures[measure] = _rounded(asdict(summary)) if summary else {"n": 0}
            told.append(
                {
                    **_named(group),
                    "runs": count,
                    "succeeded": succeeded,
                    "success_percent": round(100 * succeeded / count, 1),
                    "measures": measures,
                }
            )
        return told

    def quartiles(self, measure: str) -> list[dict[str, Any]]:
        """A row a group: what a box plot and an empirical distribution are drawn from."""
        told = []
        for group, code, _count in self.groups:
            values = self.values(self.rows(code), measure)
            if len(values):
                low, q1, median, q3, high = np.quantile(values, (0, 0.25, 0.5, 0.75, 1))
                reach = 1.5 * (q3 - q1)  # Tukey's whiskers
                told.append(
                    {
                        **_named(group),
                        "n": len(values),
                        **_rounded({"min": low, "q1": q1, "median": median, "q3": q3, "max": high}),
                        "lower": round(float(values[values >= q1 - reach].min()), 4),
                        "upper": round(float(values[values <= q3 + reach].max()), 4),
                    }
                )
        return told

    def stages(self) -> list[dict[str, Any]]:
        """A row a group: mean seconds by the paper's stage."""
        told = []
        for group, code, _count in self.groups:
            rows = self.rows(code)
            if rows.any():
                means = self.columns.stages[rows].mean(axis=0)
                seconds = {title: round(float(mean), 4) for title, mean in zip(SHOWN_STAGES, means, strict=True)}
                told.append({**_named(group), "n": int(rows.sum()), "seconds": seconds})
        return told

    def against_bandwidth(self, measure: str) -> list[dict[str, Any]]:
        """A row a group and bandwidth in Mbit/s."""
        return list(self._against(measure, "bandwidth_mbit", self.columns.number("bandwidth_mbit")))

    def against_ram(self, measure: str) -> list[dict[str, Any]]:
        """A row a group and class of memory in use (what was saved or copied of it), named by the class's upper bound in MB."""
        upper = np.array(RAM_CLASSES)[
            np.minimum(np.searchsorted(RAM_CLASSES, self.columns.memory / 1e6), len(RAM_CLASSES) - 1)
        ]
        return list(self._against(measure, "ram_mb", np.where(np.isnan(self.columns.memory), np.nan, upper)))

    def _against(self, measure: str, axis: str, values: Array) -> Iterator[dict[str, Any]]:
        for group, code, _count in self.groups:
            rows = self.rows(code)
            for value in np.unique(values[rows & ~np.isnan(values)]):
                summary = summarised(self.values(rows & (values == value), measure))
                if summary:
                    bound = "more" if np.isinf(value) else int(value)
                    yield {**_named(group), axis: bound, **_rounded(asdict(summary))}

    def by_day(self, measure: str) -> list[dict[str, Any]]:
        """A row a group and day: its median, and how many did not succeed."""
        told = []
        for group, code, _count in self.groups:
            every, good = self.rows(code, succeeded=False), self.rows(code)
            for day in np.unique(self.columns.day[every]):
                today = self.columns.day == day
                values = self.values(good & today, measure)
                told.append(
                    {
                        **_named(group),
                        "day": str(day),
                        "n": len(values),
                        "median": round(float(np.median(values)), 4) if len(values) else None,
                        "failed": int((every & today & (self.columns.status != SUCCEEDED)).sum()),
                    }
                )
        return told

    def outcomes(self) -> list[dict[str, Any]]:
        """A row a group: how many ended how."""
        told = []
        for group, code, count in self.groups:
            statuses, counts = np.unique(self.columns.status[self.rows(code, succeeded=False)], return_counts=True)
            ends = {str(status): int(n) for status, n in zip(statuses, counts, strict=True)}
            told.append({**_named(group), "runs": count, "outcomes": ends})
        return told

    def predictions(self) -> list[dict[str, Any]]:
        """A row an application and kind: the median absolute error of the forecasts, in percent of what was measured."""
        named: dict[tuple[str, str], list[int]] = {}
        for group, code, _count in self.groups:
            named.setdefault((group.application, group.kind), []).append(code)
        told = []
        good = self.mask & (self.columns.status == SUCCEEDED)
        for (application, kind), codes in named.items():
            rows = good & np.isin(self.columns.group, codes)
            errors = {}
            for number, field in ((0, "total_s"), (1, "downtime_s")):
                expected, measured = self.columns.predicted[rows, number], self.columns.number(field)[rows]
                off = np.abs(expected - measured) / measured * 100
                off = off[np.isfinite(off)]
                errors[field] = {
                    "n": len(off),
                    "median_error_percent": round(float(np.median(off)), 1) if len(off) else None,
                }
            if errors["total_s"]["n"]:
                told.append({"application": application, "kind": kind, **errors})
        return told

    def answers(self) -> list[str]:
        """For each application with more than one way of moving it: which had the least downtime, in one sentence."""
        best: dict[str, list[dict[str, Any]]] = {}
        for row in self.quartiles("felt"):
            best.setdefault(row["application"], []).append(row)
        told = []
        for application, rows in best.items():
            rows.sort(key=lambda row: row["median"])
            if len(rows) > 1:
                first, second = rows[0], rows[1]
                told.append(
                    f"{application}: least downtime by {first['way']} (median {first['median']:.2f} s, n={first['n']}), "
                    f"then {second['way']} ({second['median']:.2f} s, n={second['n']})."
                )
        return told


def _named(group: Group) -> dict[str, Any]:
    return {"label": group.label, "application": group.application, "way": group.way, "kind": group.kind}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(float(value), 4) if isinstance(value, float) else value for key, value in values.items()}
