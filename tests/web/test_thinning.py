"""Of a long series of samples those stay that a plot needs: on the page, in its reports, and in the database after a day."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Count
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from mecportal import celery_app
from migrations_app import actions, thinning
from migrations_app.models import Migration, ProbeSample
from migrations_app.thinning import MOST_ANSWERED, MOST_UNANSWERED, Sample, thinned
from tests import factories
from workers import tasks
from workers.probe import felt_downtime

STEP_S = 0.02


def series(*spans: tuple[bool, int]) -> list[Sample]:
    """So many answered (True) and unanswered samples, one after the other."""
    answers = [51.0 if answered else None for answered, count in spans for _ in range(count)]
    return [[round(place * STEP_S, 3), answer, place if answer else None] for place, answer in enumerate(answers)]


def gaps(samples: list[Sample]) -> Iterator[tuple[float, float]]:
    """(first, last) question of each gap."""
    begun: float | None = None
    last = 0.0
    for sent, answer, _counter in samples:
        if answer is None and begun is None:
            begun = float(sent or 0)
        if answer is not None and begun is not None:
            yield begun, last
            begun = None
        last = float(sent or 0)
    if begun is not None:
        yield begun, last


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "MOST_ANSWERED", 40)
    monkeypatch.setattr(thinning, "MOST_UNANSWERED", 20)


def test_nine_minutes_without_an_answer_are_a_few_points_with_both_ends() -> None:
    whole = series((True, 1500), (False, 27_000), (True, 1500))
    left = thinned(whole)
    assert sum(sample[1] is None for sample in left) <= MOST_UNANSWERED
    assert list(gaps(left)) == list(gaps(whole))


def test_the_slowest_answer_stays() -> None:
    whole = series((True, 4 * MOST_ANSWERED))
    whole[777] = [whole[777][0], 900.0, 777]
    left = thinned(whole)
    assert len(left) <= MOST_ANSWERED
    assert whole[777] in left


def test_what_came_late_stands_where_it_was_asked() -> None:
    assert thinned([[0.2, 50.0, 2], [0.1, None, None], [None, None, None]]) == [[0.1, None, None], [0.2, 50.0, 2]]


def test_gaps_without_number_are_thinned_as_well() -> None:
    left = thinned(series(*((answered, 1) for _ in range(20_000) for answered in (True, False))))
    assert len(left) <= MOST_ANSWERED + MOST_UNANSWERED
    assert left[0][0] == 0.0
    assert left[-1][0] == 39_999 * STEP_S


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=8), st.randoms(use_true_random=False)
)
def test_whatever_the_series_its_peak_its_gaps_and_the_felt_downtime_stay(
    spans: list[tuple[bool, int]], random: Any
) -> None:
    whole = [[sent, answer and random.uniform(1, 99), counter] for sent, answer, counter in series(*spans)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(thinning, "MOST_ANSWERED", 40)
        patched.setattr(thinning, "MOST_UNANSWERED", 20)
        left = thinned(whole)
        assert thinned(left) == left
    answers, silent = ([s for s in left if (s[1] is None) == without] for without in (False, True))
    assert len(answers) <= 40
    assert len(silent) <= 20
    assert all(sample in whole for sample in left)
    assert max((s[1] or 0 for s in whole), default=0) == max((s[1] or 0 for s in left), default=0)
    if not any(a == b for (a, _), (b, _) in zip(spans, spans[1:], strict=False)):
        assert list(gaps(left)) == list(gaps(whole))


@pytest.mark.parametrize("dark", [(0.0, 0.0), (3.0, 3599.0), (1200.0, 2400.0)])
def test_the_page_and_its_reports_stay_small_after_an_hour(
    dark: tuple[float, float], as_viewer: Client, edge: dict[str, Any]
) -> None:
    made = factories.migration(edge["service"], edge["target"], total_s=3600.0)
    factories.stages(made)
    factories.samples(made, until_s=3600.0, dark=dark)
    assert len(as_viewer.get(f"/migrations/{made.pk}/").content) < 150_000
    assert len(as_viewer.get(f"/migrations/{made.pk}/live/").content) < 150_000


@pytest.fixture
def long_ago(edge: dict[str, Any]) -> Migration:
    ended = timezone.now() - timedelta(hours=25)
    made = factories.migration(edge["service"], edge["target"], finished_at=ended, probe_downtime_s=27.04)
    factories.samples(made, until_s=300.0, dark=(3.0, 30.0))
    return made


def stored(made: Migration) -> list[Sample]:
    return [sample for batch in ProbeSample.objects.filter(migration=made).order_by("pk") for sample in batch.samples]


def test_a_day_later_the_database_keeps_what_a_plot_needs(small: None, long_ago: Migration) -> None:
    whole = stored(long_ago)
    actions.thin_samples()
    left = stored(long_ago)
    assert len(left) <= 60 < len(whole)
    assert list(gaps(left)) == list(gaps(whole))
    assert max(s[1] or 0 for s in left) == max(s[1] or 0 for s in whole)
    long_ago.refresh_from_db()
    assert (long_ago.samples_thinned, long_ago.probe_downtime_s) == (True, 27.04)


def test_the_page_shows_the_same_before_and_after(small: None, long_ago: Migration, as_viewer: Client) -> None:
    before = as_viewer.get(f"/migrations/{long_ago.pk}/").context["figure"]
    actions.thin_samples()
    assert as_viewer.get(f"/migrations/{long_ago.pk}/").context["figure"] == before


def test_what_runs_or_ended_today_stays_whole(small: None, long_ago: Migration, edge: dict[str, Any]) -> None:
    today = Migration.objects.exclude(pk=long_ago.pk)
    before = {made.pk: len(stored(made)) for made in today}
    Migration.objects.filter(pk=long_ago.pk).update(status="running")
    assert actions.thin_samples() == 0
    assert {made.pk: len(stored(made)) for made in today} == before
    assert len(stored(long_ago)) == 15_000


def test_each_is_thinned_once_and_some_at_a_time(
    small: None, long_ago: Migration, edge: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions.samples, "AT_ONCE", 2)
    for _ in range(2):
        factories.migration(edge["service"], edge["target"], finished_at=long_ago.finished_at)
    assert [actions.thin_samples() for _ in range(3)] == [2, 1, 0]
    assert Migration.objects.filter(samples_thinned=True).aggregate(n=Count("pk"))["n"] == 3


def test_the_felt_downtime_can_still_be_read_from_what_is_left(small: None, long_ago: Migration) -> None:
    def felt(samples: list[Sample]) -> float:
        # each gap alone: between what is left of a run of answers lies more than the rhythm of the questions
        arrived = [float(s[0] or 0) + s[1] / 1000 for s in samples if s[0] is not None and s[1] is not None]
        [(first, last)] = gaps(samples)
        before, after = max(a for a in arrived if a < first + 0.1), min(a for a in arrived if a > last)
        return felt_downtime([before, after], before, after, STEP_S)

    whole = stored(long_ago)
    actions.thin_samples()
    assert felt(stored(long_ago)) == pytest.approx(felt(whole), abs=0.05)


def test_beat_asks_for_it_each_hour() -> None:
    entry = celery_app.conf.beat_schedule["thin_samples"]
    assert (entry["task"], entry["schedule"]) == (tasks.thin_samples.name, 3600.0)
