"""The forecast: from history where there is enough of it, else from sizes and the link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations_app.forecast import Costs, Forecast, Run, Sizes, cheapest, forecast, transfer_s
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.ways import THREE_LAYERS, ways_of

WORK = TECHNOLOGIES["lxc"].work
COSTS = Costs(per_downtime_s=10, per_total_s=1, per_mb=0.1)
SIZES = Sizes(application=100_000_000, instance=1_000_000, memory=9_000_000)


def cost(layers: int, found: bool, runs: int = 0) -> tuple[float, float, int, str]:
    history = [Run(10.0 + n, 2.0 + n, 3_000_000, 2_000_000 + n, 80) for n in range(runs)]
    told = forecast(way=ways_of("save")[layers], sizes=SIZES, bandwidth_mbit=80, app_found=found, history=history)
    return told.total_s, told.downtime_s, told.bytes_on_wire, told.basis


def test_eighty_mbit_carry_ten_million_bytes_a_second() -> None:
    assert transfer_s(10_000_000, 80) == pytest.approx(1.0)


def test_with_three_layers_found_only_the_instance_travels() -> None:
    total, downtime, sent, basis = cost(3, True)
    assert (sent, basis) == (10_000_000, "sizes")
    assert downtime == pytest.approx(WORK.down_s + 1.0)
    assert total == pytest.approx(WORK.before_s + WORK.down_s + 1.0 + WORK.after_s)


def test_with_three_layers_not_found_the_application_travels_before_the_suspension() -> None:
    total, downtime, sent, _basis = cost(3, False)
    assert sent == 110_000_000
    assert downtime == cost(3, True)[1]
    assert total == pytest.approx(cost(3, True)[0] + 10.0)


def test_with_two_layers_the_application_travels_in_the_downtime() -> None:
    _total, downtime, sent, _basis = cost(2, True)
    assert sent == 110_000_000
    assert downtime == pytest.approx(WORK.down_s + 11.0)


def test_two_runs_are_not_enough() -> None:
    assert cost(3, True, runs=2)[3] == "sizes"


def test_three_runs_give_their_medians() -> None:
    assert cost(3, True, runs=3) == (11.0, 3.0, 5_000_001, "history")


@given(st.integers(0, 10**11), st.integers(1, 10_000), st.booleans(), st.sampled_from([2, 3]))
def test_the_downtime_is_never_longer_than_the_whole(size: int, bandwidth: int, found: bool, layers: int) -> None:
    told = forecast(
        way=ways_of("save")[layers], sizes=Sizes(size, size, size), bandwidth_mbit=bandwidth, app_found=found
    )
    assert 0 < told.downtime_s < told.total_s


def test_runs_at_another_bandwidth_keep_their_work_and_stretch_their_transfer() -> None:
    """One second of work and one of transfer at 80 Mbit/s: at 8 Mbit/s it is one and ten."""
    runs = [Run(total_s=2.0, downtime_s=2.0, bytes_before=0, bytes_down=10_000_000, bandwidth_mbit=80)] * 3
    told = forecast(way=THREE_LAYERS, sizes=SIZES, bandwidth_mbit=8, app_found=True, history=runs)
    assert (told.total_s, told.downtime_s) == (11.0, 11.0)


def test_a_forecast_from_history_says_how_far_the_runs_spread() -> None:
    runs = [Run(10.0 + n, 2.0, 0, 0, 80) for n in range(11)]
    told = forecast(way=THREE_LAYERS, sizes=SIZES, bandwidth_mbit=80, app_found=True, history=runs)
    assert told.total_spread_s == (11.0, 19.0)
    assert forecast(way=THREE_LAYERS, sizes=SIZES, bandwidth_mbit=80, app_found=True).total_spread_s is None


def expected(total_s: float, downtime_s: float, megabytes: float) -> Forecast:
    return Forecast(total_s, downtime_s, int(megabytes * 1e6), "sizes", 0)


@pytest.mark.parametrize(
    ("policy", "layers"),
    [("downtime", 3), ("total", 2), ("data", 2), ("weighted", 3)],
)
def test_the_policy_chooses_the_model(policy: str, layers: int) -> None:
    """The paper: three layers with the application not found take longer in all, and less downtime."""
    both = {2: expected(27.5, 23.2, 180.2), 3: expected(37.3, 3.3, 194.6)}
    assert cheapest(both, policy, COSTS) == [layers]


def test_where_both_cost_about_the_same_the_layer_is_left_for_the_next_time() -> None:
    both = {2: expected(6.5, 2.00, 1.4), 3: expected(6.6, 2.04, 1.4)}
    assert cheapest(both, "downtime", COSTS) == [2, 3]
