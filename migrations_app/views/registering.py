"""A host's key, seen and confirmed: when it is registered, and when it has changed."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from migrations_app import actions
from migrations_app.access import get_host_for, operator_of
from migrations_app.forms import HostForm
from migrations_app.host_keys import KeyNotFetched, fetch, fingerprint_of

from .common import action, attempt, operators_only, page

# Between the two steps the answers and the key wait in the session: what is confirmed is what was shown
WAITING = "host_to_register"


@operators_only
def register_host(request: HttpRequest) -> HttpResponse:
    """First step: describe the host. The portal then fetches its key and shows the fingerprint."""
    form = HostForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        key = _fetch(form)
        if key is not None:
            request.session[WAITING] = {"values": {name: form.data.get(name, "") for name in form.fields}, "key": key}
            return redirect("confirm_host")
    return page(request, "hosts/register.html", {"form": form})


def _fetch(form: HostForm) -> str | None:
    try:
        return fetch(form.cleaned_data["address"], form.cleaned_data["port"])[0]
    except KeyNotFetched as error:
        form.add_error("address", str(error))
        return None


@operators_only
def confirm_host(request: HttpRequest) -> HttpResponse:
    """Second step: the operator has compared the fingerprint, and the key is pinned."""
    waiting: dict[str, Any] | None = request.session.get(WAITING)
    form = HostForm(waiting["values"] if waiting else None)
    if waiting is None or not form.is_valid():
        return redirect("register_host")
    values = form.cleaned_data
    if request.method == "POST":
        return _register(request, values, waiting["key"])
    context = {"values": values, "fingerprint": fingerprint_of(waiting["key"]), "key": waiting["key"]}
    return page(request, "hosts/confirm.html", context)


def _register(request: HttpRequest, values: dict[str, Any], key: str) -> HttpResponse:
    by = operator_of(request)
    made: list[Any] = []

    def register() -> None:
        made.append(actions.register_host(host_key=key, by=by, **values))

    if not attempt(request, f"{values['name']} is registered and its key is pinned.", register):
        return redirect("register_host")
    request.session.pop(WAITING, None)
    attempt(request, "It is being checked.", lambda: actions.check_host(host=made[0], by=by))
    return redirect("host", name=made[0].name)


@operators_only
def host_key(request: HttpRequest, name: str) -> HttpResponse:
    """The pinned key beside the one that the host shows now."""
    shown = get_host_for(request.user, name)
    context = {"host": shown, "pinned": fingerprint_of(shown.host_key)}
    try:
        key, fingerprint = fetch(shown.address, shown.port)
    except KeyNotFetched as error:
        context["fault"] = str(error)
    else:
        request.session[f"key_of_{shown.pk}"] = key
        context |= {"fingerprint": fingerprint, "same": key == " ".join(shown.host_key.split()[:2])}
    return page(request, "hosts/key.html", context)


@action
def pin_host_key(request: HttpRequest, name: str) -> HttpResponse:
    """Pin the key that was shown, instead of the earlier one."""
    shown = get_host_for(request.user, name)
    key = request.session.pop(f"key_of_{shown.pk}", None)
    if key is None:
        return redirect("host_key", name=name)
    attempt(request, f"The new key of {name} is pinned.", lambda: actions.pin_host_key(host=shown, host_key=key))
    attempt(request, f"{name} is being checked.", lambda: actions.check_host(host=shown, by=operator_of(request)))
    return redirect("host", name=name)
