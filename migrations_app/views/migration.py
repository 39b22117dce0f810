"""The page of one migration, live, and what hangs on it."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from migrations_app import actions
from migrations_app.access import get_migration_for, operator_of
from migrations_app.charts import probe_plot, stage_strips
from migrations_app.live import context_of, report, samples_of, spans
from migrations_app.models import Event
from migrations_app.numbers import whole_number
from migrations_app.report import summary

from .common import action, attempt, page


def migration(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything so far; from here on the socket, or polling, adds what comes."""
    shown = get_migration_for(request.user, pk)
    events = list(Event.objects.filter(migration=shown).order_by("pk"))
    samples, last_sample = samples_of(shown)
    context = context_of(shown, request.user)
    stages = context["stages"]
    context |= {
        "events": events,
        "last_event": events[-1].pk if events else 0,
        "last_sample": last_sample,
        "figure": probe_plot(samples, stage_strips(spans(shown, stages))),
    }
    return page(request, "migration/page.html", context)


@never_cache
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """The same report as the socket's, for browsers that have lost theirs."""
    shown = get_migration_for(request.user, pk)
    after, sample = (whole_number(request.GET.get(name, "0")) for name in ("after", "sample"))
    if after is None or sample is None:
        raise Http404("after and sample are whole numbers.")
    return JsonResponse(report(shown.pk, request.user, after, sample))


@action
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the end; who comes too late is told so."""
    shown = get_migration_for(request.user, pk)
    attempt(
        request,
        "Cancelling: what was begun is being undone.",
        lambda: actions.cancel_migration(migration=shown, by=operator_of(request)),
    )
    return redirect("migration", pk=pk)


def summary_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The migration as one JSON object."""
    return JsonResponse(summary(get_migration_for(request.user, pk)), json_dumps_params={"indent": 2})


def engine_log(request: HttpRequest, pk: int) -> HttpResponse:
    """What the engine's tool wrote when it failed, to download."""
    shown = get_migration_for(request.user, pk)
    if not shown.engine_log:
        raise Http404("This migration has no log of the engine.")
    name = f"migration-{pk}-engine.log"
    return HttpResponse(
        shown.engine_log,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
