"""Experiments: asked for, watched, stopped, and reported as a page and as files."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone

from migrations_app import actions
from migrations_app.access import get_experiment_for, operator_of
from migrations_app.experiments.files import report_csv, report_html
from migrations_app.experiments.forms import ExperimentForm
from migrations_app.experiments.report import MEASURES, figures, report
from migrations_app.models import CellStatus, Experiment, Host, MigrationStatus

from .common import action, attempt, operators_only, page

LATEST = 100


def experiments(request: HttpRequest) -> HttpResponse:
    """The latest experiments."""
    rows = Experiment.objects.select_related("source", "target", "requested_by").prefetch_related("cells")[:LATEST]
    return page(
        request, "experiments/list.html", {"experiments": rows, "latest": LATEST}, live="experiments/_list.html"
    )


@operators_only
def start_experiment(request: HttpRequest) -> HttpResponse:
    """Choose what is measured, of what, and where."""
    form = ExperimentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            begun = actions.request_experiment(by=operator_of(request), **form.wanted())
            return redirect("experiment", pk=begun.pk)
        except ValidationError as error:
            form.add_error(None, error)
    response = page(request, "experiments/start.html", {"form": form, "hosts": Host.objects.mec().count()})
    response.status_code = 422 if form.errors else 200
    return response


def experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """One experiment: how far it is, and what has been measured."""
    shown = get_experiment_for(request.user, pk)
    told = report(shown)
    context = {"experiment": shown, "report": told, "progress": progress(shown), "measures": MEASURES}
    if not request.headers.get("HX-Request"):
        context["figures"] = figures(told)
    return page(request, "experiments/page.html", context, live="experiments/_live.html")


def progress(experiment: Experiment) -> dict[str, Any]:
    """Which cell and run, the share done in percent, and an estimate of the seconds left from what the cells took so far."""
    cells = list(experiment.cells.all())
    ended = [cell for cell in cells if cell.status in (CellStatus.DONE, CellStatus.FAILED)]
    now = next((cell for cell in cells if cell.status == CellStatus.RUNNING), None)
    runs = now.migrations.filter(status=MigrationStatus.SUCCEEDED).count() if now else 0
    done = len(ended) + (runs / experiment.runs if now else 0)
    left_s = None
    if experiment.is_active and ended and experiment.started_at:
        took_s = (timezone.now() - experiment.started_at).total_seconds()
        left_s = took_s / max(done, 1) * (len(cells) - done)
    return {
        "cells": len(cells),
        "ended": len(ended),
        "cell": now,
        "run": min(runs + 1, experiment.runs),
        "percent": int(100 * done / len(cells)) if cells else 0,
        "left_s": left_s,
    }


@action
def stop_experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for its end."""
    shown = get_experiment_for(request.user, pk)
    attempt(request, f"{shown} is being stopped.", lambda: actions.stop_experiment(experiment=shown))
    return redirect("experiment", pk=pk)


def experiment_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The report as JSON."""
    return JsonResponse(report(get_experiment_for(request.user, pk)), json_dumps_params={"indent": 2})


def experiment_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """The report as CSV: a line a cell."""
    shown = get_experiment_for(request.user, pk)
    return _file(report_csv(report(shown)), "text/csv; charset=utf-8", f"experiment-{pk}.csv")


def experiment_html(request: HttpRequest, pk: int) -> HttpResponse:
    """The report as one file that needs nothing else."""
    shown = get_experiment_for(request.user, pk)
    return _file(report_html(report(shown)), "text/html; charset=utf-8", f"experiment-{pk}.html")


def _file(text: str, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        text, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
