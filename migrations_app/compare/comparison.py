"""From the chosen migrations to tables: each row with its number of runs, each mean with its confidence interval."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from migrations_app.experiments.statistics import medians, summarised
from migrations_app.report import SHOWN_STAGES

from .columns import STATUSES, SUCCEEDED, Array, Columns, Group

MEASURES = {
    "felt": ("probe_downtime_s", "Downtime at the user's side", "s", 1.0),
    "downtime": ("downtime_s", "Downtime (engine)", "s", 1.0),
    "total": ("total_s", "Total time", "s", 1.0),
    "data": ("bytes_on_wire", "Data transferred", "MB", 1e-6),
}
# upper bounds of the classes of memory in use, in MB
RAM_CLASSES = (25, 50, 100, 200, 400, 800, 1600, np.inf)


class Chosen(NamedTuple):
    """The chosen migrations of one group: their places in the columns; all, and the successful ones."""

    group: Group
    every: Array
    good: Array


class Comparison:
    """The chosen migrations, group by group."""

    def __init__(self, columns: Columns, mask: Array) -> None:
        self.columns = columns
        chosen = np.flatnonzero(mask)
        self.n = len(chosen)
        # sorted once, so that nothing below looks at all migrations for each group
        chosen = chosen[np.argsort(columns.group[chosen], kind="stable")]
        codes, begins, counts = np.unique(columns.group[chosen], return_index=True, return_counts=True)
        found = []
        for code, begin, count in zip(codes, begins, counts, strict=True):
            every = chosen[begin : begin + count]
            found.append(Chosen(columns.groups[code], every, every[columns.status[every] == SUCCEEDED]))
        self.groups = sorted(found, key=lambda one: one.group.label)

    def values(self, places: Array, measure: str) -> Array:
        """A measure's values, without what was not measured."""
        found = self._measured(places, measure)
        return found[~np.isnan(found)]

    def _measured(self, places: Array, measure: str) -> Array:
        field, _title, _unit, factor = MEASURES[measure]
        found: Array = self.columns.number(field)[places] * factor
        return found

    def _links(self, places: Array) -> list[int]:
        """The bandwidths in Mbit/s that a mean over these spans."""
        return [int(found) for found in np.unique(self.columns.number("bandwidth_mbit")[places])]

    def table(self) -> list[dict[str, Any]]:
        """A row a group: runs, success rate, and for each measure its statistics."""
        told = []
        for group, every, good in self.groups:
            measures = {}
            for measure in MEASURES:
                summary = summarised(self.values(good, measure))
                measures[measure] = _rounded(asdict(summary)) if summary else {"n": 0}
            told.append(
                {
                    **_named(group),
                    "bandwidths_mbit": self._links(good),
                    "runs": len(every),
                    "succeeded": len(good),
                    "success_percent": round(100 * len(good) / len(every), 1),
                    "measures": measures,
                }
            )
        return told

    def quartiles(self, measure: str) -> list[dict[str, Any]]:
        """A row a group: what a box plot and an empirical distribution are drawn from."""
        told = []
        for group, _every, good in self.groups:
            values = self.values(good, measure)
            if len(values):
                low, q1, median, q3, high = np.quantile(values, (0, 0.25, 0.5, 0.75, 1))
                reach = 1.5 * (q3 - q1)  # Tukey's whiskers
                told.append(
                    {
                        **_named(group),
                        "bandwidths_mbit": self._links(good),
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
        for group, _every, good in self.groups:
            if len(good):
                means = self.columns.stages[good].mean(axis=0)
                seconds = {title: round(float(mean), 4) for title, mean in zip(SHOWN_STAGES, means, strict=True)}
                told.append({**_named(group), "bandwidths_mbit": self._links(good), "n": len(good), "seconds": seconds})
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

    def _against(self, measure: str, axis: str, column: Array) -> Iterator[dict[str, Any]]:
        for group, _every, good in self.groups:
            mine = column[good]
            for value in np.unique(mine[~np.isnan(mine)]):
                summary = summarised(self.values(good[mine == value], measure))
                if summary:
                    bound = "more" if np.isinf(value) else int(value)
                    yield {**_named(group), axis: bound, **_rounded(asdict(summary))}

    def by_day(self, measure: str) -> list[dict[str, Any]]:
        """A row a group and day: its median, and how many did not succeed."""
        told = []
        for group, every, _good in self.groups:
            days, place = np.unique(self.columns.day[every], return_inverse=True)
            succeeded = self.columns.status[every] == SUCCEEDED
            failed = np.bincount(place[~succeeded], minlength=len(days))
            counts, middles = medians(self._measured(every[succeeded], measure), place[succeeded], len(days))
            told += [
                {**_named(group), "day": day, "n": n, "median": None if n == 0 else round(middle, 4), "failed": bad}
                for day, n, middle, bad in zip(
                    days.astype(str).tolist(), counts.tolist(), middles.tolist(), failed.tolist(), strict=True
                )
            ]
        return told

    def outcomes(self) -> list[dict[str, Any]]:
        """A row a group: how many ended how."""
        told = []
        for group, every, _good in self.groups:
            counts = np.bincount(self.columns.status[every], minlength=len(STATUSES)).tolist()
            ends = {status: n for status, n in zip(STATUSES, counts, strict=True) if n}
            told.append({**_named(group), "runs": len(every), "outcomes": ends})
        return told

    def predictions(self) -> list[dict[str, Any]]:
        """A row an application and kind: the median absolute error of the forecasts, in percent of what was measured."""
        named: dict[tuple[str, str], list[Array]] = {}
        for group, _every, good in self.groups:
            named.setdefault((group.application, group.kind), []).append(good)
        told = []
        for (application, kind), goods in named.items():
            places = np.concatenate(goods)
            errors = {}
            for number, field in ((0, "total_s"), (1, "downtime_s")):
                expected, measured = self.columns.predicted[places, number], self.columns.number(field)[places]
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
                links = sorted({*first["bandwidths_mbit"], *second["bandwidths_mbit"]})
                told.append(
                    f"{application}: least downtime by {first['way']} (median {first['median']:.2f} s, n={first['n']}), "
                    f"then {second['way']} ({second['median']:.2f} s, n={second['n']})."
                    + (f" This is over several links: {', '.join(map(str, links))} Mbit/s." if len(links) > 1 else "")
                )
        return told


def _named(group: Group) -> dict[str, Any]:
    return {"label": group.label, "application": group.application, "way": group.way, "kind": group.kind}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(float(value), 4) if isinstance(value, float) else value for key, value in values.items()}
