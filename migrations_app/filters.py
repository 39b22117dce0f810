"""Which migrations the history shows, and which events the timeline: one filter for the page, its exports and the API."""

from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet

from migrations_app.models import (
    Experiment,
    Host,
    Migration,
    MigrationStatus,
    Service,
    Storage,
    TimelineEvent,
    TimelineKind,
    kinds,
    methods,
)
from migrations_app.technologies.ways import TRANSFERS, ways_of


def _choice(**about: Any) -> Any:
    return django_filters.ChoiceFilter(empty_label="All", **about)


def _names(field: str) -> Any:
    def choices() -> list[tuple[str, str]]:
        values = Migration.objects.order_by(field).values_list(field, flat=True).distinct()
        return [(value, value) for value in values]

    return choices


def _hosts() -> list[tuple[str, str]]:
    return [(name, name) for name in Host.objects.mec().values_list("name", flat=True)]


class PageFilter(django_filters.FilterSet):  # type: ignore[misc]
    """A filter whose form looks like the portal's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.form.fields.values():
            select = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if select else "form-control"

    @property
    def is_narrowed(self) -> bool:
        """Whether the address names any filter at all."""
        return any(value for key, value in self.data.items() if key in self.filters)


class MigrationFilter(PageFilter):
    """By service, application, kind, model, hosts, outcome and period."""

    service = _choice(field_name="service_name", choices=_names("service_name"), label="Service")
    application = _choice(field_name="application_name", choices=_names("application_name"), label="Application")
    kind = _choice(choices=kinds, label="Kind")
    layers = _choice(choices=[(2, "2 layers"), (3, "3 layers")], label="Model")
    method = _choice(choices=methods, label="Method")
    source = _choice(field_name="source__name", choices=_hosts, label="From host")
    target = _choice(field_name="target__name", choices=_hosts, label="To host")
    host = _choice(method="touching", choices=_hosts, label="From or to host")
    outcome = _choice(field_name="status", choices=MigrationStatus.choices, label="Outcome")
    since = django_filters.DateFilter(
        field_name="requested_at",
        lookup_expr="date__gte",
        label="From day",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = django_filters.DateFilter(
        field_name="requested_at",
        lookup_expr="date__lte",
        label="To day",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    class Meta:
        model = Migration
        fields: list[str] = []

    def touching(self, rows: QuerySet[Migration], _name: str, value: str) -> QuerySet[Migration]:
        """From or to this host."""
        return rows.filter(Q(source__name=value) | Q(target__name=value))


def _all_hosts() -> list[tuple[str, str]]:
    return [(name, name) for name in Host.objects.values_list("name", flat=True)]


def _services() -> list[tuple[str, str]]:
    return [(name, name) for name in Service.objects.values_list("name", flat=True)]


class TimelineFilter(PageFilter):
    """By host, service, what happened, and period."""

    host = _choice(method="about_host", choices=_all_hosts, label="Host")
    service = _choice(field_name="service_name", choices=_services, label="Service")
    kind = _choice(choices=TimelineKind.choices, label="What happened")
    since = django_filters.DateFilter(
        field_name="at", lookup_expr="date__gte", label="From day", widget=forms.DateInput(attrs={"type": "date"})
    )
    until = django_filters.DateFilter(
        field_name="at", lookup_expr="date__lte", label="To day", widget=forms.DateInput(attrs={"type": "date"})
    )

    class Meta:
        model = TimelineEvent
        fields: list[str] = []

    def about_host(self, rows: QuerySet[TimelineEvent], _name: str, value: str) -> QuerySet[TimelineEvent]:
        """On this host, or to it."""
        return rows.filter(Q(host__name=value) | Q(other_host__name=value))


EVERYDAY, ANY_EXPERIMENT = "everyday", "experiments"


def _origins() -> list[tuple[str, str]]:
    each = [(str(one.pk), str(one)) for one in Experiment.objects.all()[:50]]
    return [(EVERYDAY, "Everyday"), (ANY_EXPERIMENT, "All experiments"), *each]


class CompareFilter(MigrationFilter):
    """What may be compared is told apart further: storage, way to send the state, bandwidth, experiment or everyday."""

    layers = _choice(
        method="model", choices=[("2", "2 layers"), ("found", "3 layers, app found"), ("missing", "3 layers, app not found")],
        label="Model",
    )  # fmt: skip
    method = _choice(
        method="way",
        choices=[(key, transfer.label) for key, transfer in TRANSFERS.items()],
        label="Transfer",
    )
    storage = _choice(choices=Storage.choices, label="Storage")
    bandwidth = django_filters.NumberFilter(field_name="bandwidth_mbit", label="Bandwidth (Mbit/s)")
    origin = _choice(method="of_origin", choices=_origins, label="Experiment or everyday")
    service = outcome = None

    def model(self, rows: QuerySet[Migration], _name: str, value: str) -> QuerySet[Migration]:
        """Two layers, or three with the application found or not."""
        return rows.filter(layers=2) if value == "2" else rows.filter(layers=3, app_found=value == "found")

    def way(self, rows: QuerySet[Migration], _name: str, value: str) -> QuerySet[Migration]:
        """How the state travels."""
        way = next(iter(ways_of(value).values()))
        return rows.filter(method=way.method, idle_memory=way.idle_memory)

    def of_origin(self, rows: QuerySet[Migration], _name: str, value: str) -> QuerySet[Migration]:
        """Everyday migrations, those of all experiments, or of one."""
        if value in (EVERYDAY, ANY_EXPERIMENT):
            return rows.filter(cell__isnull=value == EVERYDAY)
        return rows.filter(cell__experiment=int(value))
