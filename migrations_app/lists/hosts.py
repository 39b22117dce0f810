"""Hosts: those first that do not answer or have problems."""

from typing import Any

import django_tables2 as tables
from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.html import format_html
from django.utils.safestring import SafeString

from migrations_app.filters import ListFilter, choice
from migrations_app.models import Host, HostRole, HostStatus, Service
from migrations_app.templatetags.portal import mark, when

from .columns import Mbit, Moment, Number, Status
from .listing import ListTable, rank

TROUBLED = (HostStatus.UNREACHABLE, HostStatus.PROBLEM, HostStatus.UNCHECKED)
WORST_FIRST = (*TROUBLED, HostStatus.READY)


def ranked_hosts() -> QuerySet[Host]:
    """All, with how many services each has and when it last answered, the worst first."""
    services = Service.objects.filter(host=OuterRef("pk")).order_by().values("host").annotate(n=Count("pk")).values("n")
    rows = Host.objects.select_related("watch").annotate(
        rank=rank(WORST_FIRST),
        service_count=Coalesce(Subquery(services, output_field=IntegerField()), 0),
        answered_at=F("watch__answered_at"),
    )
    return rows.order_by("rank", "name")


class HostFilter(ListFilter):
    """By name, address, place, status and role."""

    status = choice(choices=HostStatus.choices, label="Status")
    role = choice(choices=HostRole.choices, label="Role")
    hint = "Name, address, place"
    searched = ("name", "address", "backhaul_address", "place")
    states = WORST_FIRST

    class Meta:
        model = Host
        fields: list[str] = []


class HostStatusColumn(Status):
    """With since when it does not answer."""

    def render(self, record: Any) -> SafeString:
        since, words = record.unreachable_since, mark(record.shown_status)
        return format_html('{}<div class="helptext">since {}</div>', words, when(since)) if since else words


class AddressColumn(tables.Column):  # type: ignore[misc]
    """Where the portal reaches it."""

    def render(self, record: Any) -> str:
        return f"{record.address}:{record.port}"


class HostTable(ListTable):
    """The list of hosts."""

    what = ("hosts", "host")
    name = tables.Column("Host", linkify=("host", [tables.A("name")]))
    status = HostStatusColumn(order_by=("rank", "name"))
    role = tables.Column(order_by=("role", "name"), attrs={"td": {"class": "text-nowrap"}})
    address = AddressColumn(attrs={"td": {"class": "num text-start"}})
    backhaul_address = tables.Column("Backhaul", attrs={"td": {"class": "num text-start"}})
    bandwidth_mbit = Mbit("Bandwidth", order_by=("bandwidth_mbit", "name"))
    service_count = Number("Services", order_by=("service_count", "name"))
    place = tables.Column(order_by=("place", "name"))
    answered_at = Moment("Last answer", initial_sort_descending=True, attrs={"td": {"class": "text-nowrap"}})
