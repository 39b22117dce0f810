"""Services: all of them, one of them, deploying and its buttons; and the work that workers do for them."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from migrations_app import actions
from migrations_app.access import get_operation_for, get_service_for, may_operate, operator_of
from migrations_app.admission.occupied import occupation
from migrations_app.forms import DeployForm, PolicyForm
from migrations_app.lists.listing import Listed
from migrations_app.lists.migrations import excerpt
from migrations_app.lists.services import ServiceFilter, ServiceTable, ranked_services
from migrations_app.models import Application, Host, Operation

from .common import action, attempt, list_page, operators_only, page
from .timeline import events_of_service


def services(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All services, those first that do not run as they should."""
    hidden = () if may_operate(request.user) else ("migrate",)
    found = Listed(request, ServiceFilter(request.GET, ranked_services()), ServiceTable, exclude=hidden)
    context = {"has_applications": Application.objects.exists(), "has_hosts": Host.objects.exists()}
    return list_page(request, found, "services/list.html", "services/_list.html", context)


def service(request: HttpRequest, name: str) -> HttpResponse:
    """One service: where it is, what it does, its migrations."""
    shown = get_service_for(request.user, name)
    context = {
        "service": shown,
        "migrations": excerpt(shown.migrations.select_related("source", "target")[:15]),
        "active": shown.migrations.active().first(),
        "held": occupation(shown),
        "operations": Operation.objects.filter(service=shown).select_related("host")[:5],
        "events": events_of_service(shown)[:8],
        "probe": shown.application.recipe.get("probe", {}),
        "policy_form": PolicyForm(instance=shown),
    }
    return page(request, "services/page.html", context, live="services/_live.html")


@operators_only
def deploy_service(request: HttpRequest) -> HttpResponse:
    """A new service."""
    asked = Application.objects.lasting().filter(name=request.GET.get("application", "")).first()
    first = {"application": asked and asked.name, "host": request.GET.get("host"), "kind": asked and asked.usual_kind}
    form = DeployForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data | {"address": form.cleaned_data["address"] or None}
        name, by = values["name"], operator_of(request)
        if attempt(request, f"{name} is being deployed.", lambda: actions.deploy_service(by=by, **values)):
            return redirect("service", name=name)
    return page(request, "services/deploy.html", {"form": form})


@action
def set_policy(request: HttpRequest, name: str) -> HttpResponse:
    """What two or three layers are chosen for."""
    shown, form = get_service_for(request.user, name), PolicyForm(request.POST)

    def change() -> None:
        if not form.is_valid():
            raise ValidationError("Choose a policy, and costs of 0 or more.")
        actions.set_policy(service=shown, **form.cleaned_data)

    attempt(request, f"The policy of {name} is kept.", change)
    return redirect("service", name=name)


@action
def set_autostart(request: HttpRequest, name: str) -> HttpResponse:
    """Whether it is started again when its host has rebooted."""
    shown, wanted = get_service_for(request.user, name), request.POST.get("autostart")
    again = (
        "is started again when its host has rebooted" if wanted == "on" else "stays as it is when its host has rebooted"
    )

    def change() -> None:
        if wanted not in ("on", "off"):
            raise ValidationError("Choose on or off.")
        actions.set_autostart(service=shown, autostart=wanted == "on")

    attempt(request, f"{name} {again}.", change)
    return redirect("service", name=name)


def _button(said: str, act: Callable[..., Any]) -> Callable[[HttpRequest, str], HttpResponse]:
    """A button on a service's page that queues one piece of work."""

    @require_POST
    @operators_only
    def pressed(request: HttpRequest, name: str) -> HttpResponse:
        shown = get_service_for(request.user, name)
        attempt(request, said.format(name), lambda: act(service=shown, by=operator_of(request)))
        return redirect("service", name=name)

    return pressed


start_service = _button("{} is being started.", actions.start_service)
stop_service = _button("{} is being stopped.", actions.stop_service)


@action
def remove_service(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a service's instance; its migrations stay in the history."""
    shown = get_service_for(request.user, name)
    done = attempt(
        request, f"{name} is being removed.", lambda: actions.remove_service(service=shown, by=operator_of(request))
    )
    return redirect("services") if done else redirect("service", name=name)


def operation(request: HttpRequest, pk: int) -> HttpResponse:
    """One piece of work: what it does now, or how it ended, with its log."""
    context = {"operation": get_operation_for(request.user, pk)}
    return page(request, "operations/page.html", context, live="operations/_live.html")
