"""Layers and applications: the residency map, recipes, and bringing a layer to a host."""

import shlex
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from migrations_app import actions
from migrations_app.access import get_application_for, operator_of
from migrations_app.forms import BuildForm, RecipeForm
from migrations_app.models import Application, Host, LayerCopy, Operation

from .common import action, active_operations, attempt, operators_only, page


def layers(request: HttpRequest) -> HttpResponse:
    """The residency map: which host holds which layer."""
    hosts = list(Host.objects.mec())
    context = {"hosts": hosts, "rows": residency(hosts), "busy": active_operations(kind__in=_LAYER_WORK)}
    return page(request, "layers/page.html", context, live="layers/_live.html")


_LAYER_WORK = ("provision_base", "build_base", "build_application")


def residency(hosts: list[Host], **about: Any) -> list[dict[str, Any]]:
    """One row a layer, with a cell (its copy or None) for each host; bases first."""
    copies = LayerCopy.objects.filter(**about).select_related("base", "application", "host").order_by("base_id", "name")
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for copy in copies:
        key = (copy.name, copy.kind, copy.storage)
        row = rows.setdefault(key, {"copy": copy, "by_host": {}, "differs": False})
        row["by_host"][copy.host_id] = copy
        # a base that differs between hosts makes each migration between them unsafe
        row["differs"] |= copy.base_id is not None and copy.digest != row["copy"].digest
    for row in rows.values():
        row["cells"] = [row["by_host"].get(host.pk) for host in hosts]
    return sorted(rows.values(), key=lambda row: (row["copy"].base_id is None, row["copy"].name))


def applications(request: HttpRequest) -> HttpResponse:
    """All applications."""
    rows = Application.objects.lasting().prefetch_related("services", "copies")
    return page(request, "applications/list.html", {"applications": rows})


def application(request: HttpRequest, name: str) -> HttpResponse:
    """One application: its recipe, who holds its layer, its services."""
    shown = get_application_for(request.user, name)
    hosts = list(Host.objects.mec())
    context = {
        "application": shown,
        "recipe": shown.recipe,
        "command": shlex.join(shown.recipe.get("command", [])),
        "hosts": hosts,
        "rows": residency(hosts, application=shown),
        "services": shown.services.select_related("host"),
        "operations": Operation.objects.filter(application=shown).select_related("host")[:5],
        "form": BuildForm(initial={"kind": shown.usual_kind}),
    }
    return page(request, "applications/page.html", context, live="applications/_live.html")


@operators_only
def add_application(request: HttpRequest) -> HttpResponse:
    """Add a recipe, or replace one."""
    form = RecipeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = actions.add_application(text=form.cleaned_data["text"])
            return redirect("application", name=added.name)
        except ValidationError as error:
            form.add_error("text", error.messages)
    return page(request, "applications/add.html", {"form": form})


@action
def build_application(request: HttpRequest, name: str) -> HttpResponse:
    """Bring the application's layer to a host."""
    shown, form = get_application_for(request.user, name), BuildForm(request.POST)

    def build() -> None:
        if not form.is_valid():
            raise ValidationError("Choose a host and how the layer is to lie on it.")
        actions.build_application(application=shown, by=operator_of(request), **form.cleaned_data)

    attempt(request, f"The layer of {name} is on its way.", build)
    return redirect("application", name=name)


@action
def remove_application(request: HttpRequest, name: str) -> HttpResponse:
    """Forget an application that no service uses."""
    shown = get_application_for(request.user, name)
    if attempt(request, f"{name} is removed.", lambda: actions.remove_application(application=shown)):
        return redirect("applications")
    return redirect("application", name=name)
