"""Silence is judged by what did not change between two looks of one clock."""

from hypothesis import given
from hypothesis import strategies as st

from workers.watching import Watch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_seen_for_the_first_time_is_never_silent() -> None:
    assert Watch[int](Clock()).silent({1: "long ago"}, 0.1) == []


def test_what_stood_still_between_two_looks_is_silent_until_it_beats_again() -> None:
    clock = Clock()
    watch = Watch[int](clock)
    watch.silent({1: "a", 2: "a"}, 15)
    clock.now = 15
    assert watch.silent({1: "a", 2: "b"}, 15) == [1]
    clock.now = 30
    assert watch.silent({1: "b", 2: "b"}, 15) == [2]


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from("ab")), max_size=30))
def test_a_heartbeat_that_changed_within_the_time_is_never_silent(looks: list[tuple[float, str]]) -> None:
    clock, changed, before = Clock(), 0.0, ""
    watch = Watch[int](clock)
    for waited, beat in looks:
        clock.now += waited
        if beat != before:
            changed, before = clock.now, beat
        assert (watch.silent({1: beat}, 50) == [1]) is (clock.now - changed >= 50)
