"""All migrations: filtered, drawn as the paper's Fig. 4, listed beside it, and exported exactly as filtered."""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse

from migrations_app.charts import stage_bars
from migrations_app.filters import MigrationFilter
from migrations_app.lists.listing import Listed
from migrations_app.lists.migrations import MigrationTable, listed_migrations
from migrations_app.models import Migration, MigrationStatus, way_in_words
from migrations_app.report import SHOWN_STAGES, summary
from migrations_app.spreadsheets import Line, safe
from migrations_app.stage_means import stage_sums, with_other
from migrations_app.technologies.ways import way_of

from .common import page
from .exporting import CSV, JSON, LINES_A_CHUNK, streamed

# Means are taken over so many of the latest: enough to be steady, few enough for a page that answers at once
MEANS_OVER = 300
# So many bars can be read, those with the most migrations
MOST_BARS = 12
WAY = ("kind", "layers", "app_found", "method", "idle_memory", "storage")
Bar = dict[str, Any]


def listed(request: HttpRequest) -> Listed:
    """The migrations that the filter lets through, newest first unless the address sorts them."""
    return Listed(request, MigrationFilter(request.GET, queryset=listed_migrations()), MigrationTable)


def history(request: HttpRequest) -> HttpResponse:
    """The page: the list, and by default the means of each application and model, or each migration of this page."""
    found = listed(request)
    context = found.context
    each = request.GET.get("plot") == "each"
    bars = bars_of_each(list(found.table.data)) if each else bars_of_means(found.rows)
    context |= {
        "each": each,
        "bars": bars,
        "means_over": MEANS_OVER,
        "most_bars": MOST_BARS,
        "kept": {"plot": "each"} if each else {},
        "exports": {"csv": reverse("export_csv"), "json": reverse("export_json")},
        "titles": SHOWN_STAGES,
        "figure": stage_bars([(bar["label"], bar["seconds"]) for bar in bars]),
    }
    return page(request, "history/page.html", context)


def bars_of_each(rows: list[Migration]) -> list[Bar]:
    """One bar a migration that has ended and ran."""
    measured = [row for row in rows if row.total_s is not None]
    sums = stage_sums([row.pk for row in measured], "migration_id")
    return [
        {
            "label": f"#{row.pk} {row.service_name}<br>{row.model_label}",
            "migration": row,
            "n": 1,
            "seconds": with_other(sums.get((row.pk,), {}), row.total_s or 0.0, 1),
            "total_s": row.total_s,
        }
        for row in measured
    ]


def bars_of_means(rows: QuerySet[Migration]) -> list[Bar]:
    """One bar for what may be averaged: an application that went the same way over the same link. Means of successful ones."""
    # said so, no index by status is used: it would find nearly all, to be sorted for the latest
    other = set(MigrationStatus) - {MigrationStatus.SUCCEEDED}
    ended = rows.exclude(status__in=other).filter(total_s__isnull=False).order_by("-pk")
    latest = list(ended.values_list("pk", flat=True)[:MEANS_OVER])
    group = ("application_name", *WAY, "bandwidth_mbit")
    totals = list(
        Migration.objects.filter(pk__in=latest).order_by().values(*group).annotate(n=Count("pk"), total=Sum("total_s"))
    )
    totals = sorted(totals, key=lambda row: -row["n"])[:MOST_BARS]
    sums = stage_sums(latest, *(f"migration__{name}" for name in group))
    several_links = len({row["bandwidth_mbit"] for row in totals}) > 1
    bars = []
    for row in sorted(totals, key=lambda row: (*(str(row[name]) for name in group[:-1]), row["bandwidth_mbit"])):
        seconds = with_other(sums.get(tuple(row[name] for name in group), {}), row["total"], row["n"])
        label = _label(row, several_links)
        bars.append({"label": label, "n": row["n"], "seconds": seconds, "total_s": row["total"] / row["n"]})
    return bars


def _label(row: dict[str, Any], with_link: bool) -> str:
    link = f" · {row['bandwidth_mbit']} Mbit/s" if with_link else ""
    way = way_in_words(
        kind=row["kind"],
        way=way_of(row["layers"], row["method"], row["idle_memory"]),
        storage=row["storage"],
        app_found=row["app_found"],
    )
    return f"{row['application_name']}<br>{way}{link} (n={row['n']})"


# A column's name in the CSV, and the field that it is read from
COLUMNS = {
    "migration": "pk", "service": "service_name", "application": "application_name", "kind": "kind", "storage": "storage",
    "source": "source__name", "target": "target__name", "layers": "layers", "method": "method", "idle_memory": "idle_memory",
    "app_found": "app_found", "outcome": "status", "requested_at": "requested_at", "bandwidth_mbit": "bandwidth_mbit",
    "total_s": "total_s", "downtime_s": "downtime_s", "probe_downtime_s": "probe_downtime_s", "bytes_on_wire": "bytes_on_wire",
}  # fmt: skip


def csv_lines(rows: QuerySet[Migration]) -> Iterator[str]:
    """A line a migration; a column for each of the paper's stages, in seconds."""
    writer = csv.writer(Line())
    yield writer.writerow([*COLUMNS, *(f"{title} (s)" for title in SHOWN_STAGES), "error"])
    # as plain values, their stages added up in the database: a hundred thousand rows with all their stages are many objects
    values = rows.values(*COLUMNS.values(), "error").iterator(chunk_size=LINES_A_CHUNK)
    while some := list(islice(values, LINES_A_CHUNK)):
        sums = stage_sums([row["pk"] for row in some], "migration_id")
        for row in some:
            row["requested_at"] = row["requested_at"].isoformat(timespec="seconds")
            stages = sums.get((row["pk"],), {})
            seconds = with_other(stages, sum(stages.values()) if row["total_s"] is None else row["total_s"], 1)
            yield writer.writerow(
                [
                    *(safe(row[field]) for field in COLUMNS.values()),
                    *(round(seconds[title], 6) for title in SHOWN_STAGES),
                    safe(row["error"]),
                ]
            )


def json_lines(rows: QuerySet[Migration]) -> Iterator[str]:
    """A JSON array, one summary a line."""
    before = "[\n"
    for row in rows.prefetch_related("stages").iterator(chunk_size=200):
        told = summary(row) | {"application": row.application_name, "requested_at": row.requested_at.isoformat()}
        yield before + json.dumps(told)
        before = ",\n"
    yield "\n]\n" if before.startswith(",") else "[]\n"


def export_csv(request: HttpRequest) -> StreamingHttpResponse:
    """What the filter shows, as CSV, in the order of the list."""
    return streamed(request, csv_lines(listed(request).rows), CSV, "migrations")


def export_json(request: HttpRequest) -> StreamingHttpResponse:
    """What the filter shows, as JSON."""
    return streamed(request, json_lines(listed(request).rows), JSON, "migrations")
