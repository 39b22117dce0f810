"""Which technology, two layers or three, for this application? All history, filtered, as distributions, tables and charts."""

import csv
import io
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from migrations_app.compare import charts
from migrations_app.compare.columns import COLUMNS
from migrations_app.compare.comparison import MEASURES, Comparison
from migrations_app.filters import CompareFilter
from migrations_app.models import Migration, MigrationStatus
from migrations_app.spreadsheets import safe

from .common import page

STATISTICS = ("n", "mean", "sd", "median", "p95", "ci95")


def compare(request: HttpRequest) -> HttpResponse:
    """The page; everything on it is what its address says, so a link to it can be shared."""
    found, chosen = _chosen(request)
    measure = _measure(request)
    told = tables(chosen, measure)
    context = {
        "filter": found,
        "is_filtered": found.is_narrowed,
        "n": chosen.n,
        "any": len(COLUMNS.pk) > 0,
        "measure": measure,
        "measures": MEASURES,
        "measure_title": charts.axis_title(measure),
        "tables": told,
        "answers": chosen.answers(),
        "several_links": any(len(row["bandwidths_mbit"]) > 1 for row in told["groups"]),
        "most_groups": charts.MOST_GROUPS,
        "statuses": [(status.value, status.label) for status in MigrationStatus if status in _ended(told)],
        "figures": {
            "boxes": charts.boxes(told["quartiles"], measure),
            "distribution": charts.distribution(chosen, measure),
            "stages": charts.stages(told["stages"]),
            "sent": charts.sent(told["groups"]),
            "ram": charts.against(told["ram"], "ram_mb", "Memory in use, up to (MB)", measure),
            "bandwidth": charts.against(told["bandwidth"], "bandwidth_mbit", "Bandwidth (Mbit/s)", measure),
            "days": charts.over_time(told["days"], measure),
        },
    }
    return page(request, "compare/page.html", context)


def _chosen(request: HttpRequest) -> tuple[CompareFilter, Comparison]:
    COLUMNS.refresh()
    found = CompareFilter(request.GET, queryset=Migration.objects.final())
    if not found.form.is_valid():
        return found, Comparison(COLUMNS, COLUMNS.mask([]))
    # without a filter there is no need to ask the database which ones are meant
    pks = found.qs.order_by().values_list("pk", flat=True) if found.is_narrowed else None
    return found, Comparison(COLUMNS, COLUMNS.mask(pks))


def _measure(request: HttpRequest) -> str:
    wanted = request.GET.get("measure", "")
    return wanted if wanted in MEASURES else "felt"


def _ended(told: dict[str, Any]) -> set[str]:
    return {status for row in told["outcomes"] for status in row["outcomes"]}


def tables(chosen: Comparison, measure: str) -> dict[str, Any]:
    """What the page shows, as data."""
    return {
        "groups": chosen.table(),
        "quartiles": chosen.quartiles(measure),
        "stages": chosen.stages(),
        "ram": chosen.against_ram(measure),
        "bandwidth": chosen.against_bandwidth(measure),
        "days": chosen.by_day(measure),
        "outcomes": chosen.outcomes(),
        "predictions": chosen.predictions(),
    }


def compare_json(request: HttpRequest) -> HttpResponse:
    """All tables of the page."""
    _found, chosen = _chosen(request)
    measure = _measure(request)
    told = {"filter": request.GET.dict(), "measure": measure, "n": chosen.n, **tables(chosen, measure)}
    return JsonResponse(told, json_dumps_params={"indent": 1})


def compare_csv(request: HttpRequest) -> HttpResponse:
    """The table of groups: a line a group."""
    _found, chosen = _chosen(request)
    out = io.StringIO()
    writer = csv.writer(out)
    head = [f"{title} ({unit}), {name}" for _field, title, unit, _factor in MEASURES.values() for name in STATISTICS]
    writer.writerow(["application", "way", "bandwidths_mbit", "runs", "succeeded", "success_percent", *head])
    for row in chosen.table():
        links = ", ".join(map(str, row["bandwidths_mbit"]))
        figures = [row["measures"][measure].get(name) for measure in MEASURES for name in STATISTICS]
        writer.writerow(
            [
                safe(row["application"]),
                row["way"],
                links,
                row["runs"],
                row["succeeded"],
                row["success_percent"],
                *figures,
            ]
        )
    headers = {"Content-Disposition": 'attachment; filename="compare.csv"'}
    return HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
