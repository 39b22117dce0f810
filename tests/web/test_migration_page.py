"""The migration's page: everything so far, at any moment; cancelling; the outcome in words."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from migrations_app.models import Event, Migration, MigrationStatus
from tests import factories


@pytest.fixture
def running(edge: dict[str, Any]) -> Migration:
    made = factories.migration(
        edge["service"], edge["target"], status="running", app_found=True, total_s=None, downtime_s=None,
        probe_downtime_s=None, bytes_on_wire=None, finished_at=None, started_at=timezone.now(),
    )  # fmt: skip
    factories.stages(made, running="rsync_instance_memory")
    factories.samples(made, until_s=1)
    return made


def text_of(client: Client, made: Migration) -> str:
    return client.get(f"/migrations/{made.pk}/").content.decode()


def test_half_way_the_page_shows_all_so_far(as_viewer: Client, running: Migration) -> None:
    text = text_of(as_viewer, running)
    assert "Not needed: " in text
    assert "of about 3.5 MB" in text
    assert 'data-active="yes"' in text
    assert text.count('<span class="tag felt">downtime</span>') == 5


def test_polling_gives_what_is_new_and_nothing_twice(as_viewer: Client, running: Migration) -> None:
    first = as_viewer.get(f"/migrations/{running.pk}/live/").json()
    assert first["active"] is True
    assert len(first["answered"]) + len(first["unanswered"]) == 50
    Event.objects.create(migration=running, kind="log", message="A new line")
    then = as_viewer.get(f"/migrations/{running.pk}/live/?after={first['event']}&sample={first['sample']}").json()
    assert "A new line" in then["html"]
    assert "Waiting for a worker." not in then["html"]
    assert then["answered"] == []
    assert then["after"] == first["event"]


def test_a_wrong_number_is_no_error_of_the_portal(as_viewer: Client, running: Migration) -> None:
    assert as_viewer.get(f"/migrations/{running.pk}/live/?after=x").status_code == 404


def test_cancelling_is_offered_until_the_point_of_no_return(as_operator: Client, running: Migration) -> None:
    assert 'id="cancel-button"' in text_of(as_operator, running)
    Migration.objects.filter(pk=running.pk).update(committed_at=timezone.now())
    text = text_of(as_operator, running)
    assert 'id="cancel-button"' not in text
    assert "Too late to cancel" in text


def test_who_cancels_too_late_is_told_so(as_operator: Client, running: Migration) -> None:
    Migration.objects.filter(pk=running.pk).update(committed_at=timezone.now())
    answer = as_operator.post(f"/migrations/{running.pk}/cancel/", follow=True)
    assert "too late to cancel" in answer.content.decode()


def test_cancelling_in_time_is_written_down(as_operator: Client, running: Migration) -> None:
    as_operator.post(f"/migrations/{running.pk}/cancel/")
    running.refresh_from_db()
    assert running.cancel_requested_at is not None


def test_the_dialog_says_what_cancelling_does_now(as_operator: Client, running: Migration) -> None:
    assert "The service is suspended: it is resumed on" in text_of(as_operator, running)


@pytest.mark.parametrize("status", [status.value for status in MigrationStatus if status not in ("queued", "running")])
def test_every_outcome_has_words_and_a_next_step(status: str, as_viewer: Client, edge: dict[str, Any]) -> None:
    made = edge["migration"]
    Migration.objects.filter(pk=made.pk).update(status=status, error="The first error.", problems=["Another."])
    text = text_of(as_viewer, made)
    for words in (MigrationStatus(status).label, "The first error.", "Another."):
        assert words in text
    made.refresh_from_db()
    from migrations_app.sentences import next_step, outcome

    assert made.service_name in outcome(made)
    assert next_step(made)


def test_the_engines_advice_comes_first(as_viewer: Client, edge: dict[str, Any]) -> None:
    Migration.objects.filter(pk=edge["migration"].pk).update(status="stuck", advice="Run lxc-info on both.")
    assert "Run lxc-info on both." in text_of(as_viewer, edge["migration"])


def test_the_engines_log_is_downloaded(as_viewer: Client, edge: dict[str, Any]) -> None:
    answer = as_viewer.get(f"/migrations/{edge['migration'].pk}/engine.log")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer.content == b"Error (criu): boom"


def test_the_summary_is_one_json_object(as_viewer: Client, edge: dict[str, Any]) -> None:
    told = as_viewer.get(f"/migrations/{edge['migration'].pk}/summary.json").json()
    assert told["outcome"] == "succeeded"
    assert len(told["stages"]) == 8


def test_a_line_of_the_log_is_never_markup(as_viewer: Client, edge: dict[str, Any]) -> None:
    Event.objects.create(migration=edge["migration"], kind="log", message="<script>alert(1)</script>")
    assert "<script>alert" not in text_of(as_viewer, edge["migration"])


def test_a_removed_service_leaves_its_history_readable(as_viewer: Client, edge: dict[str, Any]) -> None:
    Migration.objects.update(service=None)
    assert edge["service"].name in text_of(as_viewer, edge["migration"])
    assert as_viewer.get("/migrations/").status_code == 200


@pytest.mark.parametrize(("status", "shown"), [("succeeded", True), ("rejected", False), ("rolled_back", False)])
def test_a_forecast_is_compared_with_a_migration_that_moved_only(
    status: str, shown: bool, as_viewer: Client, edge: dict[str, Any]
) -> None:
    forecast = {"total_s": 9.0, "downtime_s": 7.3, "bytes_on_wire": 71_300_000, "basis": "sizes", "runs": 0}
    made = factories.migration(edge["service"], edge["target"], status=status, forecast=forecast)
    assert ("Forecast and measured" in text_of(as_viewer, made)) == shown
