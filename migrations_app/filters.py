"""Which migrations the history shows, and which events the timeline: one filter for the page, its exports and the API."""

from collections.abc import Sequence
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Count, Q, QuerySet

from migrations_app.models import (
    Application,
    Experiment,
    Host,
    Migration,
    MigrationStatus,
    Storage,
    TimelineEvent,
    TimelineKind,
    kinds,
    methods,
)
from migrations_app.models.choices import ShownChoices
from migrations_app.technologies.ways import TRANSFERS, ways_of

# A search takes so many words
WORDS = 8
# Names are suggested where they are at most so many: all of them are in the page
SUGGESTED = 300


def choice(**about: Any) -> Any:
    return django_filters.ChoiceFilter(empty_label="All", **about)


def named(field: str, of: str, label: str, **about: Any) -> Any:
    """By a whole name, typed; `of` says of what, so that the page can suggest those that there are."""
    widget = forms.TextInput(attrs={"list": of, "autocomplete": "off"})
    return django_filters.CharFilter(field_name=field, label=label, max_length=40, widget=widget, **about)


def _suggested(of: str) -> list[str]:
    rows = Application.objects.lasting() if of == "applications" else Host.objects.all()
    names = list(rows.order_by("name").values_list("name", flat=True)[: SUGGESTED + 1])
    return names if len(names) <= SUGGESTED else []


class PageFilter(django_filters.FilterSet):  # type: ignore[misc]
    """A filter whose form looks like the portal's."""

    # fields that are unfolded only where they are used or asked for
    folded: ClassVar[Sequence[str]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.form.fields.values():
            select = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if select else "form-control"

    @property
    def is_narrowed(self) -> bool:
        """Whether the address names any filter at all."""
        return any(value for key, value in self.data.items() if key in self.filters)

    @property
    def always_shown(self) -> list[Any]:
        """The form's fields that are not folded."""
        return [field for field in self.form if field.name not in self.folded]

    @property
    def folded_fields(self) -> list[Any]:
        """The others."""
        return [field for field in self.form if field.name in self.folded]

    @property
    def is_unfolded(self) -> bool:
        """Whether one of the folded fields is in use, or wrong."""
        return any(self.data.get(name) or name in self.form.errors for name in self.folded)

    @property
    def suggestions(self) -> dict[str, list[str]]:
        """The names that the form's fields suggest."""
        lists = {field.field.widget.attrs.get("list") for field in self.form} - {None}
        return {of: _suggested(of) for of in sorted(lists)}


class ListFilter(PageFilter):
    """A list's search and filters."""

    q = django_filters.CharFilter(method="search", label="Search", max_length=200)
    # what can be searched for, in words
    hint: ClassVar[str] = ""
    # the fields in which each word of a search is looked for
    searched: ClassVar[Sequence[str]] = ()
    # in this order they are counted above the list, the worst first
    states: ClassVar[Sequence[ShownChoices]] = ()
    # the filter that chooses one of them, and the field that holds it
    state: ClassVar[str] = "status"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "q" in self.form.fields:
            self.form.fields["q"].widget.attrs["placeholder"] = self.hint

    def search(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Rows that have every word somewhere."""
        for word in value.split()[:WORDS]:
            rows = rows.filter(self.having(word))
        return rows

    def having(self, word: str) -> Q:
        """Which rows have this word."""
        found = Q()
        for field in self.searched:
            found |= Q(**{f"{field}__icontains": word})
        return found

    def has_none_of_its_state(self, states: list[dict[str, Any]]) -> bool:
        """Whether a state is chosen that nothing found is in."""
        return bool(self.data.get(self.state)) and not any(state["chosen"] for state in states)

    def counted(self) -> list[dict[str, Any]]:
        """How many of what is found there are of each state, whichever of them is chosen now; those with none are left out."""
        if not self.states or not self.form.is_valid():
            return []
        values = {name: value for name, value in self.form.cleaned_data.items() if name != self.state}
        rows = self.queryset.all()
        for name, value in values.items():
            rows = self.filters[name].filter(rows, value)
        field = self.filters[self.state].field_name
        counts = dict(rows.order_by().values_list(field).annotate(n=Count("pk")))
        chosen = self.form.cleaned_data.get(self.state)
        return [
            {"status": status, "count": counts[status.value], "chosen": status.value == chosen}
            for status in self.states
            if status.value in counts
        ]


class MigrationFilter(ListFilter):
    """By service, application, kind, model, hosts, outcome and period."""

    outcome = choice(field_name="status", choices=MigrationStatus.choices, label="Outcome")
    kind = choice(choices=kinds, label="Kind")
    layers = choice(choices=[(2, "2 layers"), (3, "3 layers")], label="Model")
    method = choice(choices=methods, label="Method")
    service = django_filters.CharFilter(field_name="service_name", label="Service", max_length=40)
    application = named("application_name", "applications", "Application")
    host = named("source__name", "hosts", "From or to host", method="touching")
    source = named("source__name", "hosts", "From host")
    target = named("target__name", "hosts", "To host")
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

    states = (
        MigrationStatus.STUCK, MigrationStatus.RUNNING, MigrationStatus.QUEUED, MigrationStatus.FINISHED_WITH_PROBLEMS,
        MigrationStatus.ROLLED_BACK, MigrationStatus.REJECTED, MigrationStatus.CANCELLED, MigrationStatus.SUCCEEDED,
    )  # fmt: skip
    state = "outcome"
    hint = "Number, service, application, host"
    folded: ClassVar[Sequence[str]] = ("service", "application", "host", "source", "target", "since", "until")

    class Meta:
        model = Migration
        fields: list[str] = []

    def having(self, word: str) -> Q:
        """A migration's number, or a part of a name; hosts' names are looked up first, since they are few."""
        hosts = list(Host.objects.filter(name__icontains=word).values_list("pk", flat=True))
        found = Q(service_name__icontains=word) | Q(application_name__icontains=word)
        if hosts:
            found |= Q(source__in=hosts) | Q(target__in=hosts)
        number = word.removeprefix("#")
        return found | Q(pk=int(number)) if number.isdecimal() and len(number) < 10 else found

    def touching(self, rows: QuerySet[Migration], _name: str, value: str) -> QuerySet[Migration]:
        """From or to this host."""
        return rows.filter(Q(source__name=value) | Q(target__name=value))


class TimelineFilter(PageFilter):
    """By host, service, what happened, and period."""

    host = named("host__name", "hosts", "Host", method="about_host")
    service = django_filters.CharFilter(field_name="service_name", label="Service", max_length=40)
    kind = choice(choices=TimelineKind.choices, label="What happened")
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

    layers = choice(
        method="model", choices=[("2", "2 layers"), ("found", "3 layers, app found"), ("missing", "3 layers, app not found")],
        label="Model",
    )  # fmt: skip
    method = choice(
        method="way",
        choices=[(key, transfer.label) for key, transfer in TRANSFERS.items()],
        label="Transfer",
    )
    storage = choice(choices=Storage.choices, label="Storage")
    bandwidth = django_filters.NumberFilter(field_name="bandwidth_mbit", label="Bandwidth (Mbit/s)")
    origin = choice(method="of_origin", choices=_origins, label="Experiment or everyday")
    service = outcome = q = None
    folded = ()

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
