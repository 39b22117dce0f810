"""The forecast: from history where there is enough of it, else from sizes and the link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations_app.forecast import FIXED_AFTER_S, FIXED_BEFORE_S, FIXED_DOWNTIME_S, Run, Sizes, forecast, transfer_s

SIZES = Sizes(application=100_000_000, instance=1_000_000, memory=9_000_000)


def cost(layers: int, found: bool, runs: int = 0) -> tuple[float, float, int, str]:
    history = [Run(10.0 + n, 2.0 + n, 5_000_000 + n) for n in range(runs)]
    told = forecast(layers=layers, sizes=SIZES, bandwidth_mbit=80, app_found=found, history=history)
    return told.total_s, told.downtime_s, told.bytes_on_wire, told.basis


def test_eighty_mbit_carry_ten_million_bytes_a_second() -> None:
    assert transfer_s(10_000_000, 80) == pytest.approx(1.0)


def test_with_three_layers_found_only_the_instance_travels() -> None:
    total, downtime, sent, basis = cost(3, True)
    assert (sent, basis) == (10_000_000, "sizes")
    assert downtime == pytest.approx(FIXED_DOWNTIME_S + 1.0)
    assert total == pytest.approx(FIXED_BEFORE_S + FIXED_DOWNTIME_S + 1.0 + FIXED_AFTER_S)


def test_with_three_layers_not_found_the_application_travels_before_the_suspension() -> None:
    total, downtime, sent, _basis = cost(3, False)
    assert sent == 110_000_000
    assert downtime == cost(3, True)[1]
    assert total == pytest.approx(cost(3, True)[0] + 10.0)


def test_with_two_layers_the_application_travels_in_the_downtime() -> None:
    _total, downtime, sent, _basis = cost(2, True)
    assert sent == 110_000_000
    assert downtime == pytest.approx(FIXED_DOWNTIME_S + 11.0)


def test_two_runs_are_not_enough() -> None:
    assert cost(3, True, runs=2)[3] == "sizes"


def test_three_runs_give_their_medians() -> None:
    assert cost(3, True, runs=3) == (11.0, 3.0, 5_000_001, "history")


@given(st.integers(0, 10**11), st.integers(1, 10_000), st.booleans(), st.sampled_from([2, 3]))
def test_the_downtime_is_never_longer_than_the_whole(size: int, bandwidth: int, found: bool, layers: int) -> None:
    told = forecast(layers=layers, sizes=Sizes(size, size, size), bandwidth_mbit=bandwidth, app_found=found)
    assert 0 < told.downtime_s < told.total_s
