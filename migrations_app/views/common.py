"""What the pages share: the way actions are done, and fragments."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST

from migrations_app.access import may_operate, must_operate
from migrations_app.lists.listing import Listed
from migrations_app.models import Operation

from .exporting import CSV, streamed

View = Callable[..., HttpResponse]


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


def list_page(
    request: HttpRequest, found: Listed, template: str, live: str, context: dict[str, Any]
) -> HttpResponse | StreamingHttpResponse:
    """A list's page, or its live part; or the same rows as CSV, with a file named for the address."""
    if request.GET.get("format") == "csv":
        return streamed(request, found.csv_lines(), CSV, request.path.strip("/").replace("/", "-"))
    return page(request, template, found.context | context | {"live": live}, live=live)


def active_operations(**about: Any) -> list[Operation]:
    """What workers are doing now, and what waits, about these things."""
    return list(Operation.objects.filter(status__in=("queued", "running"), **about).select_related("host", "service"))
