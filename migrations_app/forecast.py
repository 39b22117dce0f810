"""What a migration will cost before it is begun, and which model costs least. Pure: numbers in, numbers out.

    seconds of a transfer = bytes x 8 / (bandwidth x 10^6)
    downtime = work in the downtime + transfer(what travels while the service is suspended)
    total    = all other work + transfer(what travels before the suspension) + downtime

From at least ENOUGH_RUNS successful migrations like this one (same application, kind, storage, model and method, and
application layer found or not): each gives the bytes that it sent and the work that its time holds beyond their transfer at
its bandwidth; the forecast is the median of what those runs would have taken at this bandwidth, its spread the middle 80 %.
Otherwise the bytes are those of the layers, and the work is the technology's, measured with nothing to send.

Three layers, application found: the instance travels in the downtime and nothing before it. Three layers, not found:
the application layer travels before it, as well. Two layers: application and instance both travel in the downtime.
Iterative, and live by the technology itself: all travels before the downtime, but for what changes meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from migrations_app.models.choices import Policy
from migrations_app.technologies import DEFAULT, TECHNOLOGIES
from migrations_app.technologies.ways import Way

ENOUGH_RUNS = 3
# Models whose costs are this near to each other cost the same: then three layers, since the layer stays for the next time
ALIKE = 0.05


@dataclass(frozen=True)
class Run:
    """A successful migration of the past that is like the one in question."""

    total_s: float
    downtime_s: float
    bytes_before: int
    bytes_down: int
    bandwidth_mbit: int


@dataclass(frozen=True)
class Sizes:
    """Bytes that may travel: the application layer, what the instance wrote, and its memory."""

    application: int
    instance: int
    memory: int


@dataclass(frozen=True)
class Forecast:
    """What to expect: seconds, bytes, and where the figures are from. Spreads are (low, high), unknown without history."""

    total_s: float
    downtime_s: float
    bytes_on_wire: int
    basis: str
    runs: int
    total_spread_s: tuple[float, float] | None = None
    downtime_spread_s: tuple[float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For Migration.forecast."""
        return asdict(self)


@dataclass(frozen=True)
class Costs:
    """What a service's operator weighs: per second of downtime, per second of total time, per megabyte sent."""

    per_downtime_s: float
    per_total_s: float
    per_mb: float


def forecast(
    *,
    way: Way,
    sizes: Sizes,
    bandwidth_mbit: int,
    app_found: bool,
    kind: str = DEFAULT.key,
    history: Iterable[Run] = (),
) -> Forecast:
    """What a migration this way will cost; `basis` is "history" or "sizes"."""
    runs = list(history)
    if len(runs) >= ENOUGH_RUNS:
        return _from_history(runs, bandwidth_mbit)
    before = sizes.application if way.layers == 3 and not app_found else 0
    during = sizes.instance + sizes.memory + (sizes.application if way.layers == 2 else 0)
    if way.copied_while_running:
        before, during = before + during, 0
    work = way.live_work or TECHNOLOGIES[kind].work
    downtime = work.down_s + transfer_s(during, bandwidth_mbit)
    total = work.before_s + transfer_s(before, bandwidth_mbit) + downtime + work.after_s
    return Forecast(round(total, 2), round(downtime, 2), before + during, "sizes", len(runs))


def _from_history(runs: Sequence[Run], bandwidth_mbit: int) -> Forecast:
    downs, totals = [], []
    for run in runs:
        sent, down = run.bytes_before + run.bytes_down, run.bytes_down
        downs.append(_elsewhere(run.downtime_s, down, run.bandwidth_mbit, bandwidth_mbit))
        totals.append(_elsewhere(run.total_s, sent, run.bandwidth_mbit, bandwidth_mbit))
    return Forecast(
        round(median(totals), 2),
        round(median(downs), 2),
        int(median(run.bytes_before + run.bytes_down for run in runs)),
        "history",
        len(runs),
        _middle(totals),
        _middle(downs),
    )


def _elsewhere(seconds: float, size_bytes: int, there_mbit: int, here_mbit: int) -> float:
    """How long what took so long at one bandwidth takes at another: the work stays, the transfer is stretched."""
    work = max(seconds - transfer_s(size_bytes, there_mbit), 0.0)
    if here_mbit == there_mbit:
        return seconds
    return work + transfer_s(size_bytes, here_mbit)


def _middle(values: Sequence[float]) -> tuple[float, float]:
    tenths = quantiles(values, n=10, method="inclusive")
    return round(tenths[0], 2), round(tenths[-1], 2)


def transfer_s(size_bytes: int, bandwidth_mbit: int) -> float:
    """Seconds for so many bytes over a link of so many Mbit/s."""
    return size_bytes * 8 / (max(bandwidth_mbit, 1) * 1_000_000)


def cost_of(expected: Forecast, policy: str, costs: Costs) -> float:
    """What a policy makes as small as possible: seconds, megabytes, or their weighted sum."""
    megabytes = expected.bytes_on_wire / 1e6
    if policy == Policy.TOTAL:
        return expected.total_s
    if policy == Policy.DATA:
        return megabytes
    if policy == Policy.WEIGHTED:
        return (
            costs.per_downtime_s * expected.downtime_s + costs.per_total_s * expected.total_s + costs.per_mb * megabytes
        )
    return expected.downtime_s


def cheapest(expected: Mapping[int, Forecast], policy: str, costs: Costs) -> list[int]:
    """The numbers of layers that cost least, or about as little; the last is to be chosen, since the layer stays there.

    Source: Machen et al., the section on two and three layers.
    """
    each = {layers: cost_of(one, policy, costs) for layers, one in expected.items()}
    least = min(each.values())
    return sorted(layers for layers, cost in each.items() if cost <= least * (1 + ALIKE))
