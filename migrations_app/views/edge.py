"""The home page: hosts, what runs on them, what they hold, their links, and what moves right now."""

from django.http import HttpRequest, HttpResponse

from migrations_app.models import Application, Host, Migration, Service, StageRun

from .common import active_operations, page


def edge(request: HttpRequest) -> HttpResponse:
    """Hosts with their services and layers, live."""
    hosts = (
        Host.objects.select_related("watch")
        .prefetch_related("services__application", "layer_copies", "facts")
        .order_by("role", "name")
    )
    moving = list(Migration.objects.active().select_related("source", "target", "service"))
    stages = {
        stage.migration_id: stage
        for stage in StageRun.objects.filter(migration__in=moving, status="running").order_by("position")
    }
    context = {
        "hosts": [host for host in hosts if host.role == "mec"],
        "probes": [host for host in hosts if host.role != "mec"],
        "moving": [(migration, stages.get(migration.pk)) for migration in moving],
        "operations": active_operations(),
        "latest": Migration.objects.final().select_related("source", "target", "service")[:5],
        "has_applications": Application.objects.exists(),
        "has_services": Service.objects.exists(),
    }
    return page(request, "edge/page.html", context, live="edge/_live.html")
