"""What a migration will cost before it is begun. Pure: numbers in, numbers out.

With at least ENOUGH_RUNS successful migrations like this one (same application, kind, storage, model, bandwidth, and
application layer found or not) the forecast is their medians. Otherwise it is made of sizes and the link:

    seconds of a transfer = bytes x 8 / (bandwidth x 10^6)
    downtime = FIXED_DOWNTIME_S + transfer(what travels while the service is suspended)
    total    = FIXED_BEFORE_S + transfer(what travels before the suspension) + downtime + FIXED_AFTER_S

Three layers, application found: the instance travels in the downtime and nothing before it. Three layers, not found:
the application layer travels before it, as well. Two layers: application and instance both travel in the downtime.
QEMU's live migration: all travels before the downtime.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

ENOUGH_RUNS = 3
# Measured on the emulated edge with nothing to send: checks and clones before, saving and restoring, clean-up after
FIXED_BEFORE_S = 0.8
FIXED_DOWNTIME_S = 0.6
FIXED_AFTER_S = 0.4


@dataclass(frozen=True)
class Run:
    """A successful migration of the past that is like the one in question."""

    total_s: float
    downtime_s: float
    bytes_on_wire: int


@dataclass(frozen=True)
class Sizes:
    """Bytes that may travel: the application layer, what the instance wrote, and its memory."""

    application: int
    instance: int
    memory: int


@dataclass(frozen=True)
class Forecast:
    """What to expect: seconds, bytes, and where the figures are from."""

    total_s: float
    downtime_s: float
    bytes_on_wire: int
    basis: str
    runs: int

    def as_dict(self) -> dict[str, Any]:
        """For Migration.forecast."""
        return asdict(self)


def forecast(
    *,
    layers: int,
    sizes: Sizes,
    bandwidth_mbit: int,
    app_found: bool,
    live: bool = False,
    history: Iterable[Run] = (),
) -> Forecast:
    """What a migration with this many layers will cost; `basis` is "history" or "sizes"."""
    runs = list(history)
    if len(runs) >= ENOUGH_RUNS:
        return _from_history(runs)
    before = sizes.application if layers == 3 and not app_found else 0
    during = sizes.instance + sizes.memory + (sizes.application if layers == 2 else 0)
    if live:
        before, during = before + during, 0
    downtime = FIXED_DOWNTIME_S + transfer_s(during, bandwidth_mbit)
    total = FIXED_BEFORE_S + transfer_s(before, bandwidth_mbit) + downtime + FIXED_AFTER_S
    return Forecast(round(total, 2), round(downtime, 2), before + during, "sizes", len(runs))


def _from_history(runs: Sequence[Run]) -> Forecast:
    return Forecast(
        round(median(run.total_s for run in runs), 2),
        round(median(run.downtime_s for run in runs), 2),
        int(median(run.bytes_on_wire for run in runs)),
        "history",
        len(runs),
    )


def transfer_s(size_bytes: int, bandwidth_mbit: int) -> float:
    """Seconds for so many bytes over a link of so many Mbit/s."""
    return size_bytes * 8 / (max(bandwidth_mbit, 1) * 1_000_000)
