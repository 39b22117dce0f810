"""For machines that watch the portal: is it up, and how many of what."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from migrations_app.models import (
    Host,
    HostStatus,
    HostWatch,
    Migration,
    MigrationStatus,
    Operation,
    OperationStatus,
    Service,
    ServiceStatus,
)

COUNTED = (
    ("mec_hosts", "Hosts by status", Host, HostStatus),
    ("mec_services", "Services by status", Service, ServiceStatus),
    ("mec_migrations", "Migrations by status", Migration, MigrationStatus),
    ("mec_operations", "Operations by status", Operation, OperationStatus),
)


@login_not_required
def health(request: HttpRequest) -> HttpResponse:
    """200 while the database answers, 503 when it does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"database": "does not answer"}, status=503)
    return JsonResponse({"database": "answers"})


def metrics(request: HttpRequest) -> HttpResponse:
    """Counts by status and each host's last answer, in Prometheus' text format, for those who are signed in."""
    registry = CollectorRegistry()
    for name, what, model, statuses in COUNTED:
        gauge = Gauge(name, what, ["status"], registry=registry)
        counts = dict(model._default_manager.order_by().values_list("status").annotate(n=Count("pk")))
        for status in statuses:
            gauge.labels(status.value).set(counts.get(status.value, 0))
    answered = Gauge("mec_host_last_answer_timestamp_seconds", "When a host last answered", ["host"], registry=registry)
    for name, moment in HostWatch.objects.values_list("host__name", "answered_at"):
        if moment is not None:
            answered.labels(name).set(moment.timestamp())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
