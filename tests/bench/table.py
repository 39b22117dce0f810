"""Holds what the bench measured: each figure is shown as soon as it is known, and all of them as one table at the end."""

import os
import sys
import time
from dataclasses import dataclass
from statistics import median

from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One quantity, measured once or more. The bar is met by a median below it."""

    what: str
    values: list[float]
    bar: float | None

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return ""
        return "met" if median(self.values) < self.bar else "missed"

    @property
    def shown(self) -> tuple[str, str, str]:
        """Median, least and most."""
        middle, least, most = (
            f"{value:.2f}" if value < 100 else f"{value:.0f}"
            for value in (median(self.values), min(self.values), max(self.values))
        )
        return middle, least, most

    def __str__(self) -> str:
        middle, least, most = self.shown
        spread = f" ({least} to {most}, n={len(self.values)})" if len(self.values) > 1 else ""
        bar = "" if self.bar is None else f", bar {self.bar:g}: {self.verdict}"
        return f"{self.what.strip()}: {middle}{spread}{bar}"


class Figures:
    """The figures of one run. A run that is stopped has shown all that it had measured."""

    def __init__(self) -> None:
        self.kept: list[Figure] = []
        self._began = time.monotonic()

    def add(self, what: str, values: list[float], bar: float | None = None) -> None:
        figure = Figure(what, values, bar)
        self.kept.append(figure)
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"{minutes:3}:{seconds:02}  {figure}", file=sys.stderr, flush=True)

    def table(self) -> Table:
        table = Table(title=f"Measured on {os.cpu_count()} cores")
        for column in ("what", "n", "median", "min", "max", "bar", ""):
            table.add_column(column, justify="left" if column in ("what", "") else "right")
        for figure in self.kept:
            bar = "" if figure.bar is None else f"{figure.bar:g}"
            verdict = "[bold red]missed[/]" if figure.verdict == "missed" else figure.verdict
            n = str(len(figure.values)) if len(figure.values) > 1 else ""
            table.add_row(figure.what, n, *figure.shown, bar, verdict)
        return table
