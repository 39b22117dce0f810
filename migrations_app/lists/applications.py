"""Applications: their recipes, who holds them, who uses them."""

from typing import Any

import django_tables2 as tables
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from migrations_app.filters import ListFilter, choice
from migrations_app.models import Application, LayerCopy, Service

from .columns import Megabytes, Moment, Number
from .listing import ListTable

OF_IMAGE = "image"


def counted_applications() -> QuerySet[Application]:
    """Those that people added, with how many hosts hold each and how many services are of it."""
    return Application.objects.lasting().annotate(
        host_count=_count(LayerCopy, Count("host", distinct=True)), service_count=_count(Service, Count("pk"))
    )


def _count(model: type[Model], counted: Count) -> Coalesce:
    # one subquery each: joined, each copy of a layer would be counted with each service
    rows = model._default_manager.filter(application=OuterRef("pk")).order_by()
    count = rows.values("application").annotate(n=counted).values("n")
    return Coalesce(Subquery(count, output_field=IntegerField()), 0)


def _bases() -> list[tuple[str, str]]:
    names = (
        Application.objects.exclude(base_name="").order_by("base_name").values_list("base_name", flat=True).distinct()
    )
    return [*((name, name) for name in names), (OF_IMAGE, "its image")]


class ApplicationFilter(ListFilter):
    """By name, title and base."""

    base = choice(method="of_base", choices=_bases, label="Base")
    hint = "Name, title"
    searched = ("name", "title")

    class Meta:
        model = Application
        fields: list[str] = []

    def of_base(self, rows: QuerySet[Application], _name: str, value: str) -> QuerySet[Application]:
        """On this base, or without one."""
        return rows.filter(base_name="" if value == OF_IMAGE else value)


class ProbeColumn(tables.Column):  # type: ignore[misc]
    """How a service of it is asked whether it lives."""

    def render(self, value: Any) -> str:
        return f"{value['protocol'].upper()} {value['port']}"


class ApplicationTable(ListTable):
    """The list of applications."""

    what = ("applications", "application")
    name = tables.Column("Application", linkify=("application", [tables.A("name")]))
    title = tables.Column()
    base_name = tables.Column("Base", default="its image", order_by=("base_name", "name"))
    probe = ProbeColumn("Probe", accessor="recipe__probe", orderable=False, attrs={"td": {"class": "text-nowrap"}})
    memory_mb = Megabytes("Memory limit", accessor="recipe__memory_mb", order_by=("recipe__memory_mb", "name"))
    host_count = Number("Hosts that hold it", order_by=("host_count", "name"))
    service_count = Number("Services", order_by=("service_count", "name"))
    added_at = Moment("Added", initial_sort_descending=True, attrs={"td": {"class": "text-nowrap"}})
