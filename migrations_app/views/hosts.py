"""Hosts: all of them, one of them, and the buttons on its page."""

from django.db.models import Count, F, Max, Min
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from migrations_app import actions
from migrations_app.access import get_host_for, operator_of
from migrations_app.forms import HostForm
from migrations_app.host_keys import fingerprint_of
from migrations_app.lists.hosts import HostFilter, HostTable, ranked_hosts
from migrations_app.lists.listing import Listed
from migrations_app.lists.migrations import excerpt
from migrations_app.lists.services import ranked_services
from migrations_app.models import BaseLayer, Host, Migration, Operation
from migrations_app.technologies import DEFAULT, TECHNOLOGIES, Technology

from .common import action, active_operations, attempt, list_page, operators_only, page
from .timeline import events_of_host

DEFAULT_BASE = "debian-13"
# What a host's page lists of others: the rest is in the lists, which can be searched
SHOWN = 8


def hosts(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All hosts, those first that do not answer or have problems."""
    found = Listed(request, HostFilter(request.GET, ranked_hosts()), HostTable)
    return list_page(request, found, "hosts/list.html", "hosts/_list.html", {})


def host(request: HttpRequest, name: str) -> HttpResponse:
    """One host: facts, problems, layers, services, migrations, work under way."""
    shown = get_host_for(request.user, name)
    facts = shown.facts_or_none
    copies = shown.layer_copies.select_related("base", "application")
    services = ranked_services().filter(host=shown)
    others = Host.objects.mec().exclude(pk=shown.pk)
    links = others.aggregate(n=Count("pk"), least=Min("bandwidth_mbit"), most=Max("bandwidth_mbit"))
    operations = Operation.objects.filter(host=shown).select_related("service", "requested_by")[:8]
    context = {
        "host": shown,
        "facts": facts,
        "fact_lines": _fact_lines(facts.values) if facts else [],
        "cpu_flags": _flags(facts.values.get("cpu_flags")) if facts else "",
        "fingerprint": fingerprint_of(shown.host_key),
        # bases first, since nothing comes here without one; then what came last
        "copies": copies.order_by(F("base").asc(nulls_last=True), "-came_at")[:SHOWN],
        "copies_count": copies.count(),
        "services": services[:SHOWN],
        "services_count": services.count(),
        "operations": operations,
        "events": events_of_host(shown)[:8],
        "busy": active_operations(host=shown),
        "migrations": excerpt(Migration.objects.touching(shown).select_related("source", "target")[:10]),
        "bases": BaseLayer.objects.values_list("name", flat=True).distinct(),
        "default_base": DEFAULT_BASE,
        "technologies": TECHNOLOGIES.values(),
        "others": others if links["n"] <= SHOWN else (),
        "links": links,
    }
    return page(request, "hosts/page.html", context, live="hosts/_live.html")


def _flags(value: object) -> str:
    """The processor's features as words; a check may have written them as a list or as one text."""
    return " ".join(str(word) for word in value) if isinstance(value, list) else str(value or "")


def _shown_facts() -> dict[str, str]:
    """The facts that the page shows, with their labels, in order."""
    return {
        "os": "System",
        "kernel": "Kernel",
        "cpu_model": "Processor",
        "cores": "Processor cores",
        "cgroup_mode": "Control groups",
        **{key: label for technology in TECHNOLOGIES.values() for key, label in technology.facts},
        "rsync_version": "rsync",
        "disk_free_bytes": "Free disk",
        "memory_free_bytes": "Free memory",
        "memory_total_bytes": "Memory",
        "clock_offset_ms": "Clock offset, at least",
        "backhaul_interface": "Backhaul interface",
        "instances": "Instances found",
        "leftovers": "Kept for migrations",
    }


def _fact_lines(values: dict[str, object]) -> list[tuple[str, object, str]]:
    """(label, value, how to write it) of what a check found, in a fixed order."""
    lines = []
    for key, label in _shown_facts().items():
        if values.get(key) not in (None, ""):
            unit = "bytes" if key.endswith("_bytes") else "ms" if key.endswith("_ms") else ""
            lines.append((label, _in_words(values[key]), unit))
    return lines


def _in_words(value: object) -> object:
    """What a check found, as it is written: instances with their states, paths one after the other."""
    if isinstance(value, dict):
        return ", ".join(f"{name} ({str(state).lower()})" for name, state in sorted(value.items())) or "none"
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value) or "nothing"
    return value


@operators_only
def edit_host(request: HttpRequest, name: str) -> HttpResponse:
    """Change what is known of a host."""
    shown = get_host_for(request.user, name)
    form = HostForm(request.POST or None, instance=shown)
    if request.method == "POST" and form.is_valid():
        fresh = get_host_for(request.user, name)
        if attempt(request, "Saved.", lambda: actions.update_host(host=fresh, **form.cleaned_data)):
            return redirect("host", name=fresh.name)
    return page(request, "hosts/edit.html", {"form": form, "name": name})


@action
def remove_host(request: HttpRequest, name: str) -> HttpResponse:
    """Forget a host."""
    shown = get_host_for(request.user, name)
    if attempt(request, f"{name} is no longer registered.", lambda: actions.remove_host(host=shown)):
        return redirect("hosts")
    return redirect("host", name=name)


@action
def check_host(request: HttpRequest, name: str) -> HttpResponse:
    """Ask a worker to gather the host's facts."""
    shown = get_host_for(request.user, name)
    attempt(request, f"{name} is being checked.", lambda: actions.check_host(host=shown, by=operator_of(request)))
    return redirect(_back(request, name))


@action
def remove_leftover(request: HttpRequest, name: str) -> HttpResponse:
    """Remove what ended work left on a host."""
    shown, mark = get_host_for(request.user, name), request.POST.get("mark", "")
    said = f"What {mark} left on {name} is being removed."
    attempt(request, said, lambda: actions.remove_leftover(host=shown, mark=mark, by=operator_of(request)))
    return redirect("host", name=name)


@action
def provision_base(request: HttpRequest, name: str) -> HttpResponse:
    """Send the base layer to a host that lacks it."""
    shown, base = get_host_for(request.user, name), request.POST.get("base") or DEFAULT_BASE
    technology = _technology(request)
    said = f"The base {base} for {technology} is being sent to {name}."
    attempt(
        request,
        said,
        lambda: actions.provision_base(host=shown, name=base, kind=technology.key, by=operator_of(request)),
    )
    return redirect(_back(request, name))


@action
def build_base(request: HttpRequest, name: str) -> HttpResponse:
    """Build the base layer on a host from Debian's packages."""
    shown, base = get_host_for(request.user, name), request.POST.get("base") or DEFAULT_BASE
    technology = _technology(request)
    said = f"The base {base} for {technology} is being built on {name}; this takes some minutes."
    attempt(
        request, said, lambda: actions.build_base(host=shown, name=base, kind=technology.key, by=operator_of(request))
    )
    return redirect(_back(request, name))


def _technology(request: HttpRequest) -> Technology:
    """The one that a button named; where it named none, the usual one."""
    return TECHNOLOGIES.get(request.POST.get("kind", ""), DEFAULT)


def _back(request: HttpRequest, name: str) -> str:
    """To the page that held the button, when it is one of ours; else to the host's."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    return reverse("host", args=[name])
