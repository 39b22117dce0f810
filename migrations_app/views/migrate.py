"""The Migrate page: what would happen, whether it may, and the button."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from migrations_app import actions
from migrations_app.access import get_service_for, operator_of
from migrations_app.admission.verdict import verdict
from migrations_app.deciding import application_found, decide, travelling
from migrations_app.forms import MigrateForm
from migrations_app.models import Host, Service
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.findings import FAULT, Finding, faults
from migrations_app.technologies.ways import TRANSFERS, ways_of

from .common import operators_only, page

# what the page's choice of a model means: a number of layers, or none where the service's policy is to choose
MODELS: dict[str, int | None] = {"auto": None, "2": 2, "3": 3}


@operators_only
def migrate(request: HttpRequest, name: str) -> HttpResponse:
    """Choose target and model; nothing of an earlier migration is kept in the form."""
    service = get_service_for(request.user, name)
    if request.method == "POST":
        return _request(request, service)
    targets = list(Host.objects.mec().exclude(pk=service.host_id))
    target = next((host for host in targets if host.name == request.GET.get("target")), targets[0] if targets else None)
    context = _plan(service, target, request.GET.get("layers", ""), request.GET.get("how", "")) | {"targets": targets}
    return page(request, "migrate/page.html", context, live="migrate/_plan.html")


def _plan(service: Service, target: Host | None, model: str = "auto", how: str = "save") -> dict[str, Any]:
    """Everything the page says about one choice."""
    how, model = how if how in TRANSFERS else "save", model if model in MODELS else "auto"
    context: dict[str, Any] = {"service": service, "target": target, "model": model, "how": how, "forbidden": True}
    context["checkable"], context["transfers"] = Host.objects.mec(), _transfers(service, how)
    if target is None:
        return context
    no_way: list[str] = []
    try:
        decision = decide(service, target, MODELS[model], how)
    except ValidationError as error:  # this transfer has no such model: what it has is shown, and why it cannot be
        decision, no_way = decide(service, target, None, how), error.messages
    judged = verdict(service, target, way=decision.way)
    found = list(dict.fromkeys([*(Finding(FAULT, sentence) for sentence in no_way), *judged]))
    return context | {
        "decision": decision,
        "no_way": no_way,
        "app_found": application_found(service, target),
        "travelling": travelling(service, target, decision.way),
        "forecasts": decision.forecasts,
        "checks": found,
        "faults": faults(found),
        "forbidden": bool(faults(found)),
        "bandwidth": min(service.host.bandwidth_mbit, target.bandwidth_mbit),
    }


def _transfers(service: Service, chosen: str) -> list[dict[str, Any]]:
    """Every way in which the state might travel, with why a service like this cannot go so."""
    technology = TECHNOLOGIES[service.kind]
    offered = []
    for key, transfer in TRANSFERS.items():
        each = (list(way.refusals(service.name, technology, service.storage)) for way in ways_of(key).values())
        refused = min(each, key=len)
        offered.append(
            {"key": key, "label": transfer.label, "help": refused[0].sentence if refused else transfer.help}
            | {"refused": bool(refused), "chosen": key == chosen}
        )
    return offered


def _request(request: HttpRequest, service: Service) -> HttpResponse:
    """Ask for the migration; whatever forbids it by now is said on the page, all at once."""
    form = MigrateForm(request.POST)
    targets = list(Host.objects.mec().exclude(pk=service.host_id))
    if not form.is_valid():
        refused = ["Choose one of the hosts as the target, and two or three layers, or leave that to the portal."]
        plan = _plan(service, targets[0] if targets else None)
        return _again(request, plan, targets, refused)
    target, how = form.cleaned_data["target"], form.cleaned_data["how"] or "save"
    plan = _plan(service, target, form.cleaned_data["layers"], how)
    if plan["no_way"]:
        return _again(request, plan, targets, plan["no_way"])
    try:
        migration = actions.request_migration(
            service=service,
            target=target,
            by=operator_of(request),
            reason=form.cleaned_data["reason"],
            **plan["decision"].request,
        )
    except ValidationError as error:
        return _again(request, plan, targets, error.messages)
    return redirect("migration", pk=migration.pk)


def _again(request: HttpRequest, plan: dict[str, Any], targets: list[Host], refused: list[str]) -> HttpResponse:
    response = page(request, "migrate/page.html", plan | {"targets": targets, "refused": refused})
    response.status_code = 422
    return response
