"""What the pages share: getters that refuse, the way actions are done, and fragments."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST

from migrations_app.access import may_operate
from migrations_app.models import Application, Experiment, Host, Migration, Operation, Service

Person = User | AnonymousUser
View = Callable[..., HttpResponse]


def _must_see(user: Person) -> None:
    if not user.is_authenticated:
        raise PermissionDenied("Sign in first.")


def must_operate(user: Person) -> None:
    """Refuse those who may only look."""
    _must_see(user)
    if not may_operate(user):
        raise PermissionDenied("Your role is viewer: an operator can do this.")


def get_host_for(user: Person, name: str) -> Host:
    """The host of this name, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Host.objects.select_related("facts", "watch"), name=name)


def get_application_for(user: Person, name: str) -> Application:
    """The application of this name, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Application, name=name)


def get_service_for(user: Person, name: str) -> Service:
    """The service of this name, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Service.objects.select_related("application", "host__watch"), name=name)


def get_migration_for(user: Person, pk: int) -> Migration:
    """The migration of this number, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Migration.objects.select_related("service", "source", "target", "requested_by"), pk=pk)


def get_experiment_for(user: Person, pk: int) -> Experiment:
    """The experiment of this number, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Experiment.objects.select_related("source", "target", "requested_by"), pk=pk)


def get_operation_for(user: Person, pk: int) -> Operation:
    """The operation of this number, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Operation.objects.select_related("host", "service", "application", "requested_by"), pk=pk)


def operators_only(view: View) -> View:
    """A page on which only operators have business."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        must_operate(request.user)
        return view(request, *args, **kwargs)

    return guarded


def action(view: View) -> View:
    """A button: POST by an operator only."""
    return require_POST(operators_only(view))


def operator_of(request: HttpRequest) -> User:
    """Who acts; only called behind `operators_only`."""
    assert isinstance(request.user, User)
    return request.user


def attempt(request: HttpRequest, said: str, act: Callable[[], Any]) -> bool:
    """Do something; say that it is done, or every sentence why it was refused."""
    try:
        act()
    except ValidationError as error:
        for sentence in error.messages:
            messages.error(request, sentence)
        return False
    messages.success(request, said)
    return True


def page(request: HttpRequest, template: str, context: dict[str, Any], live: str = "") -> HttpResponse:
    """A whole page; or only its live part, when htmx asks for it."""
    context["may_operate"] = may_operate(request.user)
    fragment = bool(live and request.headers.get("HX-Request"))
    context["fragment"] = fragment
    response = render(request, live if fragment else template, context)
    if live:
        patch_vary_headers(response, ["HX-Request"])
    return response


def active_operations(**about: Any) -> list[Operation]:
    """What workers are doing now, and what waits, about these things."""
    return list(Operation.objects.filter(status__in=("queued", "running"), **about).select_related("host", "service"))
