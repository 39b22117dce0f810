"""Services: those first that do not run as they should."""

from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from migrations_app.filters import ListFilter, choice, named
from migrations_app.models import Service, ServiceStatus, Storage, kinds
from migrations_app.templatetags.portal import icon, mark, when

from .columns import Status
from .listing import ListTable, rank

# what a person should look at; the others that stand still do so because their host does not answer, or were stopped
TROUBLED = (ServiceStatus.CRASHED, ServiceStatus.FAILED, ServiceStatus.UNKNOWN)
WORST_FIRST = (
    *TROUBLED, ServiceStatus.UNREACHABLE, ServiceStatus.DEPLOYING, ServiceStatus.REMOVING, ServiceStatus.STOPPED,
    ServiceStatus.RUNNING,
)  # fmt: skip


def ranked_services() -> QuerySet[Service]:
    """All, with what their rows name, the worst first."""
    return (
        Service.objects.select_related("application", "host__watch")
        .annotate(rank=rank(WORST_FIRST))
        .order_by("rank", "name")
    )


class ServiceFilter(ListFilter):
    """By name, address, application, host, status and technology."""

    status = choice(choices=ServiceStatus.choices, label="Status")
    application = named("application__name", "applications", "Application")
    host = named("host__name", "hosts", "Host")
    kind = choice(choices=kinds, label="Kind")
    storage = choice(choices=Storage.choices, label="Storage")
    hint = "Name, address, application, host"
    searched = ("name", "address", "application__name", "host__name", "host__place")
    states = WORST_FIRST

    class Meta:
        model = Service
        fields: list[str] = []


class ServiceStatusColumn(Status):
    """With since when its host does not answer."""

    def render(self, record: Any) -> SafeString:
        since = record.host.unreachable_since if record.status == ServiceStatus.UNREACHABLE else None
        words = mark(record.shown_status)
        return format_html('{} <span class="helptext">since {}</span>', words, when(since)) if since else words


class MigrateColumn(tables.Column):  # type: ignore[misc]
    """The button of one that runs, for operators."""

    def render(self, record: Any) -> SafeString | str:
        if record.status != ServiceStatus.RUNNING:
            return ""
        return format_html(
            '<a class="btn btn-sm" href="{}" aria-label="Migrate {}">{} Migrate</a>',
            reverse("migrate", args=[record.name]), record.name, icon("arrows-exchange"),
        )  # fmt: skip


class ServiceTable(ListTable):
    """The list of services."""

    what = ("services", "service")
    name = tables.Column("Service", linkify=("service", [tables.A("name")]))
    status = ServiceStatusColumn(order_by=("rank", "name"))
    host = tables.Column("Host", order_by=("host__name", "name"), linkify=("host", [tables.A("host__name")]))
    application = tables.Column(
        order_by=("application__name", "name"), linkify=("application", [tables.A("application__name")])
    )
    address = tables.Column(attrs={"td": {"class": "num text-start"}})
    kind = tables.Column()
    storage = tables.Column()
    migrate = MigrateColumn("", accessor="status", orderable=False, exclude_from_export=True)
