"""The timeline: what happened to hosts and services, newest first."""

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from migrations_app.filters import TimelineFilter
from migrations_app.models import Host, Service, TimelineEvent

from .common import page

PER_PAGE = 50


def timeline(request: HttpRequest) -> HttpResponse:
    """All that happened, filtered and paged."""
    found = TimelineFilter(request.GET, queryset=TimelineEvent.objects.all())
    rows: QuerySet[TimelineEvent] = found.qs if found.form.is_valid() else TimelineEvent.objects.none()
    pages = Paginator(events_shown(rows), PER_PAGE)
    context = {
        "filter": found,
        "page_obj": pages.get_page(request.GET.get("page")),
        "any": pages.count > 0 or TimelineEvent.objects.exists(),
    }
    return page(request, "timeline/page.html", context)


def events_shown(rows: QuerySet[TimelineEvent]) -> QuerySet[TimelineEvent]:
    """Events with what a line of them names."""
    return rows.select_related("host", "other_host", "service", "by")


def events_of_host(host: Host) -> QuerySet[TimelineEvent]:
    """What happened on a host, or to it."""
    return events_shown(TimelineEvent.objects.filter(Q(host=host) | Q(other_host=host)))


def events_of_service(service: Service) -> QuerySet[TimelineEvent]:
    """What happened to a service."""
    return events_shown(TimelineEvent.objects.filter(service=service))
