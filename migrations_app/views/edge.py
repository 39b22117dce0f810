"""The home page: what needs somebody, what moves right now, how many there are of what; and the hosts, while they are few."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from migrations_app.filters import MigrationFilter
from migrations_app.lists import hosts as host_list
from migrations_app.lists import services as service_list
from migrations_app.lists.migrations import excerpt
from migrations_app.models import Application, Host, HostRole, Migration, Operation, Service, StageRun
from migrations_app.models.choices import ACTIVE, ShownChoices

from .common import page

# Of each thing the page shows so many; the rest is in the lists, which can be searched
SHOWN = 6
# As many hosts are taken in at a glance; of more the list is the better page
FEW_HOSTS = 12
ON_A_CARD = 10


def edge(request: HttpRequest) -> HttpResponse:
    """Problems, movement and counts, live."""
    counts = {
        "hosts": _counted(Host.objects.all(), host_list.WORST_FIRST, "hosts"),
        "services": _counted(Service.objects.all(), service_list.WORST_FIRST, "services"),
        "migrations": _counted(Migration.objects.all(), MigrationFilter.states, "history", "migrations", "outcome"),
    }
    context = {
        "counts": counts,
        "troubled": _troubled(),
        "moving": _moving(),
        "operations": _some(
            Operation.objects.filter(status__in=("queued", "running")).select_related("host", "service")
        ),
        "hosts": _cards() if counts["hosts"]["total"] <= FEW_HOSTS else (),
        "on_a_card": f":{ON_A_CARD}",
        "past_a_card": f"{ON_A_CARD}:",
        "latest": excerpt(Migration.objects.final().select_related("source", "target")[:5]),
        "has_applications": Application.objects.exists(),
    }
    return page(request, "edge/page.html", context, live="edge/_live.html")


def _counted(
    rows: QuerySet[Any], statuses: Sequence[ShownChoices], address: str, what: str = "", filtered_by: str = "status"
) -> dict[str, Any]:
    """How many there are, and of each status, the worst first, with the address of their list."""
    counts = dict(rows.order_by().values_list("status").annotate(n=Count("pk")))
    states = [{"status": status, "count": counts[status.value]} for status in statuses if status.value in counts]
    total = sum(counts.values())
    return {"what": what or address, "total": total, "states": states, "list": reverse(address), "filter": filtered_by}


def _some(rows: QuerySet[Any]) -> dict[str, Any]:
    """The first of them, how many there are, and how many more than those."""
    first = list(rows[:SHOWN])
    count = rows.count()
    return {"first": first, "count": count, "more": count - len(first)}


def _troubled() -> dict[str, dict[str, Any]]:
    """What a person should look at. A service whose host does not answer is not among it: the host is."""
    return {
        "migrations": _some(Migration.objects.needing_a_person().select_related("source", "target")),
        "services": _some(service_list.ranked_services().filter(status__in=service_list.TROUBLED)),
        "hosts": _some(host_list.ranked_hosts().filter(status__in=host_list.TROUBLED)),
    }


def _moving() -> dict[str, Any]:
    """Migrations that go on or wait, those that go on first, each with the stage that it is in."""
    some = _some(
        Migration.objects.filter(status__in=ACTIVE).select_related("source", "target").order_by("-status", "pk")
    )
    running = StageRun.objects.filter(migration__in=[one.pk for one in some["first"]], status="running")
    stages = {stage.migration_id: stage for stage in running.order_by("position")}
    return some | {"first": [(migration, stages.get(migration.pk)) for migration in some["first"]]}


def _cards() -> list[Host]:
    """The hosts with their services and layers, the user's side last."""
    hosts = Host.objects.select_related("watch").prefetch_related("services", "layer_copies")
    return sorted(hosts, key=lambda host: (host.role != HostRole.MEC, host.name))
