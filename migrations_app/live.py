"""What is new about one migration since a given event and sample: for the socket, for polling, and for the first page.

Read from the database each time; who was away for a while gets all that was missed, in one report.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from migrations_app import sentences
from migrations_app.access import Person, may_operate
from migrations_app.charts import probe_points, stage_strips
from migrations_app.models import Event, Migration, MigrationStatus, ProbeSample, StageRun, StageStatus
from migrations_app.report import stage_shares

STARTED = (StageStatus.RUNNING, StageStatus.DONE, StageStatus.FAILED, StageStatus.UNDONE, StageStatus.UNDO_FAILED)
# One report carries at most so many lines; the rest follows in the next
LINES = 500


def stages_of(migration: Migration) -> list[StageRun]:
    """The stages in their order, each with what the page shows of it while it runs."""
    now = timezone.now()
    rows = list(StageRun.objects.filter(migration=migration).order_by("position"))
    for row in rows:
        row.left_s = row.running_s = None  # type: ignore[attr-defined]
        if row.status == StageStatus.RUNNING and row.started_at and migration.is_active:
            running = max((now - row.started_at).total_seconds(), 0.0)
            row.running_s = round(running, 2)  # type: ignore[attr-defined]
            row.left_s = time_left(row, running)  # type: ignore[attr-defined]
    return rows


def time_left(stage: StageRun, running_s: float) -> float | None:
    """An estimate from the bytes expected and the rate so far; None where either is not known yet."""
    if not stage.bytes_expected or not stage.bytes_on_wire or running_s < 0.2:
        return None
    remaining = max(stage.bytes_expected - stage.bytes_on_wire, 0)
    return remaining * running_s / stage.bytes_on_wire


def spans(migration: Migration, stages: Iterable[StageRun]) -> list[tuple[str, float, float]]:
    """(paper's title, begin, end) of each stage in seconds since the migration's start."""
    if migration.started_at is None:
        return []
    now = timezone.now()
    out = []
    for stage in stages:
        if stage.started_at is None or stage.status not in STARTED:
            continue
        begin = (stage.started_at - migration.started_at).total_seconds()
        lasted = stage.seconds if stage.seconds is not None else (now - stage.started_at).total_seconds()
        out.append((stage.paper_title, max(begin, 0.0), max(begin, 0.0) + max(lasted, 0.0)))
    return out


def samples_of(migration: Migration, after: int = 0) -> tuple[list[Sequence[float | int | None]], int]:
    """The probe's samples after a batch, and the last batch's number."""
    rows = ProbeSample.objects.filter(migration=migration, pk__gt=after).order_by("pk").values_list("pk", "samples")
    batches = list(rows)
    return [sample for _pk, samples in batches for sample in samples], batches[-1][0] if batches else after


def context_of(migration: Migration, user: Person) -> dict[str, Any]:
    """What the page's live parts need."""
    stages = stages_of(migration)
    return {
        "migration": migration,
        "stages": stages,
        "may_operate": may_operate(user),
        "outcome": sentences.outcome(migration),
        "next_step": sentences.next_step(migration),
        "cancelling": sentences.cancelling(migration, stages),
        "compared": compared(migration),
        "shares": stage_shares(stages, migration.total_s),
        "sent_so_far": sum(stage.bytes_on_wire for stage in stages),
        "elapsed_s": elapsed(migration),
        "needs_care": migration.status in (MigrationStatus.STUCK, MigrationStatus.FINISHED_WITH_PROBLEMS),
    }


def elapsed(migration: Migration) -> float | None:
    """Seconds since it began, while it runs."""
    if migration.started_at is None or not migration.is_active:
        return None
    return max((timezone.now() - migration.started_at).total_seconds(), 0.0)


def compared(migration: Migration) -> list[dict[str, Any]]:
    """The forecast beside what was measured, and by how many percent of the measured it was off; of one that moved."""
    forecast = migration.forecast
    if not forecast or migration.status not in (MigrationStatus.SUCCEEDED, MigrationStatus.FINISHED_WITH_PROBLEMS):
        return []
    lines = (
        ("Total time", "s", "total_s", migration.total_s),
        ("Downtime (engine)", "s", "downtime_s", migration.downtime_s),
        ("Bytes on the wire", "bytes", "bytes_on_wire", migration.bytes_on_wire),
    )
    return [
        {
            "what": what,
            "unit": unit,
            "forecast": forecast.get(key),
            "spread": forecast.get(key.removesuffix("_s") + "_spread_s"),
            "measured": measured,
            "off_percent": 100 * (forecast[key] - measured) / measured if measured and key in forecast else None,
        }
        for what, unit, key, measured in lines
    ]


def report(pk: int, user: Person, after: int, after_sample: int) -> dict[str, Any]:
    """Fragments for the page, new log lines, and new points for the plot."""
    migration = Migration.objects.select_related("service", "source", "target", "requested_by").get(pk=pk)
    events = list(Event.objects.filter(migration=migration, pk__gt=after).order_by("pk")[:LINES])
    samples, last_sample = samples_of(migration, after_sample)
    context = context_of(migration, user) | {"events": events, "out_of_band": True}
    answered, unanswered = probe_points(samples)
    return {
        "after": after,
        "after_sample": after_sample,
        "event": events[-1].pk if events else after,
        "sample": last_sample,
        # what is still to come keeps the page listening
        "active": migration.is_active or len(events) == LINES,
        "html": render_to_string("migration/_live.html", context),
        "answered": answered,
        "unanswered": unanswered,
        "strips": stage_strips(spans(migration, context["stages"])),
    }
