"""Layers and applications: which hosts hold which layer, recipes, and bringing a layer to a host."""

import shlex

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect

from migrations_app import actions
from migrations_app.access import get_application_for, operator_of
from migrations_app.forms import BuildForm, RecipeForm
from migrations_app.lists.applications import ApplicationFilter, ApplicationTable, counted_applications
from migrations_app.lists.layers import CopyFilter, CopyTable, LayerFilter, LayerTable, copies_of, layers_held
from migrations_app.lists.listing import Listed
from migrations_app.lists.services import ranked_services
from migrations_app.models import Host, Operation

from .common import action, active_operations, attempt, list_page, operators_only, page

# What an application's page lists of its services: all are in the list of services
SHOWN = 12


def layers(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All layers, each with how many hosts hold it; and the work that builds and brings them."""
    found = Listed(request, LayerFilter(request.GET, layers_held()), LayerTable)
    context = {"busy": active_operations(kind__in=_LAYER_WORK), "first_host": Host.objects.mec().first()}
    return list_page(request, found, "layers/list.html", "layers/_list.html", context)


_LAYER_WORK = ("provision_base", "build_base", "build_application")


def layer(request: HttpRequest, kind: str, name: str) -> HttpResponse | StreamingHttpResponse:
    """One layer: the hosts that hold it."""
    copies = copies_of(kind, name)
    first = copies.select_related("application", "base").first()
    if first is None:
        raise Http404("No host holds this layer.")
    hidden = () if first.application_id else ("storage",)
    found = Listed(request, CopyFilter(request.GET, copies), CopyTable, exclude=hidden)
    context = {
        "copy": first,
        "mec_hosts": Host.objects.mec().count(),
        "holding": copies.values("host").distinct().count(),
    }
    return list_page(request, found, "layers/page.html", "_list.html", context)


def applications(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All applications."""
    found = Listed(request, ApplicationFilter(request.GET, counted_applications()), ApplicationTable)
    return list_page(request, found, "applications/list.html", "applications/_list.html", {})


def application(request: HttpRequest, name: str) -> HttpResponse:
    """One application: its recipe, how many hosts hold its layer, its services."""
    shown = get_application_for(request.user, name)
    services = ranked_services().filter(application=shown)
    context = {
        "application": shown,
        "recipe": shown.recipe,
        "command": shlex.join(shown.recipe.get("command", [])),
        "hosts": Host.objects.mec().exists(),
        "held": LayerTable(list(layers_held().filter(application=shown)), orderable=False, exclude=("application",)),
        "services": services[:SHOWN],
        "services_count": services.count(),
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
