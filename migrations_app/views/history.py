"""All migrations: filtered, drawn as the paper's Fig. 4, listed beside it, and exported exactly as filtered."""

import csv
import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone

from migrations_app.charts import stage_bars
from migrations_app.filters import MigrationFilter
from migrations_app.models import Migration, MigrationStatus, way_in_words
from migrations_app.report import SHOWN_STAGES, summary
from migrations_app.spreadsheets import safe
from migrations_app.stage_means import stage_sums, with_other
from migrations_app.technologies.ways import way_of

from .common import page

PER_PAGE = 25
# Means are taken over so many of the latest: enough to be steady, few enough for a page that answers at once
MEANS_OVER = 300
LINES_A_CHUNK = 200
WAY = ("kind", "layers", "app_found", "method", "idle_memory", "storage")
Bar = dict[str, Any]


def filtered(request: HttpRequest) -> tuple[MigrationFilter, QuerySet[Migration]]:
    """The filter and the rows that it lets through, newest first."""
    found = MigrationFilter(request.GET, queryset=Migration.objects.all())
    rows: QuerySet[Migration] = found.qs if found.form.is_valid() else Migration.objects.none()
    return found, rows.select_related("source", "target").order_by("-pk")


def history(request: HttpRequest) -> HttpResponse:
    """The page: by default the means of each application and model, or each migration of this page."""
    found, rows = filtered(request)
    pages = Paginator(rows, PER_PAGE)
    shown = pages.get_page(request.GET.get("page"))
    each = request.GET.get("plot") == "each"
    bars = bars_of_each(list(shown.object_list)) if each else bars_of_means(rows)
    context = {
        "filter": found,
        "page_obj": shown,
        "each": each,
        "bars": bars,
        "means_over": MEANS_OVER,
        "titles": SHOWN_STAGES,
        "figure": stage_bars([(bar["label"], bar["seconds"]) for bar in bars]),
        "any": pages.count > 0 or Migration.objects.exists(),
        "is_filtered": any(value for key, value in request.GET.items() if key in found.filters),
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
    ended = rows.filter(status=MigrationStatus.SUCCEEDED, total_s__isnull=False)
    latest = list(ended.values_list("pk", flat=True)[:MEANS_OVER])
    group = ("application_name", *WAY, "bandwidth_mbit")
    totals = list(
        Migration.objects.filter(pk__in=latest).order_by().values(*group).annotate(n=Count("pk"), total=Sum("total_s"))
    )
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


class _Line:
    """What the csv module writes into, when each line is sent at once."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: QuerySet[Migration]) -> Iterator[str]:
    """A line a migration; a column for each of the paper's stages, in seconds."""
    writer = csv.writer(_Line())
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
    """What the filter shows, as CSV."""
    return _stream(request, csv_lines(filtered(request)[1]), "text/csv; charset=utf-8", "csv")


def export_json(request: HttpRequest) -> StreamingHttpResponse:
    """What the filter shows, as JSON."""
    return _stream(request, json_lines(filtered(request)[1]), "application/json", "json")


def _stream(request: HttpRequest, lines: Iterator[str], content_type: str, ending: str) -> StreamingHttpResponse:
    name = f"migrations-{timezone.localtime():%Y-%m-%d}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    chunks = _chunks(lines)
    # an asynchronous server would gather a synchronous iterator whole before it sends the first byte
    content = _asynchronous(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(content, content_type=content_type, headers=headers)


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    while chunk := "".join(islice(lines, LINES_A_CHUNK)):
        yield chunk


async def _asynchronous(chunks: Iterator[str]) -> AsyncIterator[str]:
    while chunk := await sync_to_async(_next)(chunks):
        yield chunk


def _next(chunks: Iterator[str]) -> str:
    return next(chunks, "")
