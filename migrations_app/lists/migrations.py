"""Migrations, newest first: the numbers of those that need somebody stand above the list."""

from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from migrations_app.filters import MigrationFilter
from migrations_app.models import Migration

from .columns import Bytes, Moment, Seconds, Status
from .listing import ListTable, rank


def listed_migrations() -> QuerySet[Migration]:
    """All, with what their rows name, newest first."""
    rows = Migration.objects.select_related("source", "target")
    return rows.annotate(rank=rank(MigrationFilter.states)).order_by("-pk")


class NumberColumn(tables.Column):  # type: ignore[misc]
    """Its number, as it is said everywhere."""

    def render(self, value: Any) -> str:
        return f"#{value}"


class ServiceColumn(tables.Column):  # type: ignore[misc]
    """The service, which may be gone."""

    def render(self, record: Any) -> SafeString | str:
        if not record.service_id:
            return str(record.service_name)
        return format_html('<a href="{}">{}</a>', reverse("service", args=[record.service_name]), record.service_name)


class HostsColumn(tables.Column):  # type: ignore[misc]
    """From where to where."""

    def render(self, record: Any) -> SafeString:
        hosts = (record.source.name, record.target.name)
        return format_html('<a href="{}">{}</a> → <a href="{}">{}</a>', *(
            part for name in hosts for part in (reverse("host", args=[name]), name)
        ))  # fmt: skip


class MigrationTable(ListTable):
    """The list of migrations; without a sort where it is an excerpt."""

    what = ("migrations", "migration")
    many_columns = True
    pk = NumberColumn("Migration", linkify=("migration", [tables.A("pk")]), initial_sort_descending=True)
    service = ServiceColumn(
        "Service", accessor="service_name", order_by="service_name", attrs={"td": {"class": "name"}}
    )
    hosts = HostsColumn(
        "From → to", accessor="source", order_by=("source__name", "target__name"), attrs={"td": {"class": "name"}}
    )
    model = tables.Column("Model", accessor="model_label", orderable=False, attrs={"td": {"class": "way"}})
    status = Status("Outcome", order_by=("rank", "-pk"))
    total_s = Seconds("Total")
    probe_downtime_s = Seconds("User’s downtime")
    bytes_on_wire = Bytes("Bytes")
    requested_at = Moment("Requested", initial_sort_descending=True, order_by="pk")


def excerpt(rows: QuerySet[Migration]) -> MigrationTable:
    """A few of them, in the order that they have: the same columns on every page."""
    return MigrationTable(list(rows), orderable=False)
