"""What gaps between answers mean to the user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.probe import FELT_GAP_S, Sample, Series, felt_downtime

RHYTHM = 0.02


def every_20_ms(begin: float, end: float) -> list[float]:
    return [begin + RHYTHM * n for n in range(int((end - begin) / RHYTHM) + 1)]


def test_steady_answers_are_no_downtime() -> None:
    assert felt_downtime(every_20_ms(0, 5), 0, 5, RHYTHM) == 0


def test_a_gap_counts_less_the_rhythm_itself() -> None:
    arrivals = every_20_ms(0, 1) + every_20_ms(1.9, 3)
    assert felt_downtime(arrivals, 0, 3, RHYTHM) == pytest.approx(0.9 - RHYTHM, abs=1e-6)


def test_jitter_is_no_downtime() -> None:
    assert felt_downtime([0.0, 0.05, 0.06, 0.13, 0.15], 0, 0.15, RHYTHM) == 0


def test_a_service_that_answers_no_more_is_down_until_the_end() -> None:
    assert felt_downtime(every_20_ms(0, 1), 0, 4, RHYTHM) == pytest.approx(3 - RHYTHM, abs=0.03)


def test_two_gaps_add_up() -> None:
    arrivals = every_20_ms(0, 1) + every_20_ms(1.5, 2) + every_20_ms(3, 4)
    assert felt_downtime(arrivals, 0, 4, RHYTHM) == pytest.approx(0.5 + 1.0 - 2 * RHYTHM, abs=0.03)


@given(st.lists(st.floats(0, 10), max_size=50))
def test_it_is_never_negative_nor_longer_than_the_time(arrivals: list[float]) -> None:
    assert 0 <= felt_downtime(sorted(arrivals), 0, 10, RHYTHM) <= 10


@given(st.lists(st.floats(0, 10), max_size=50), st.floats(0, 10))
def test_one_more_answer_never_makes_it_longer(arrivals: list[float], another: float) -> None:
    before = felt_downtime(sorted(arrivals), 0, 10, RHYTHM)
    assert felt_downtime(sorted([*arrivals, another]), 0, 10, RHYTHM) <= before + FELT_GAP_S


def test_counters_are_compared_by_when_they_were_asked_and_answered() -> None:
    series = Series([Sample(0.0, 50.0, 7), Sample(0.1, 50.0, 8), Sample(0.2, None, None), Sample(1.0, 50.0, 9)])
    assert series.counter_before(0.12) == 7, "the second answer had not arrived yet"
    assert series.counter_asked_after(0.15) == 9
    assert series.counter_asked_after(2.0) is None
    assert series.answered_since(0.9)
    assert not series.answered_since(1.1)
