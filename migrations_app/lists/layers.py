"""Layers, each with how many hosts hold it; and the copies of one layer."""

from typing import Any, ClassVar

import django_tables2 as tables
from django.db.models import BooleanField, Case, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from migrations_app.filters import ListFilter, choice, named
from migrations_app.models import LayerCopy, Origin, Storage, kinds
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.templatetags.portal import badge, short

from .columns import Bytes, Moment, Number
from .listing import ListTable

BASE, APPLICATION = "base", "application"


def layers_held() -> QuerySet[LayerCopy, Any]:
    """A row a layer, as values: bases first, and before them one whose copies are not the same (`differs`)."""
    rows = LayerCopy.objects.order_by().values(
        "name", "kind", "storage", "base_id", "application_id", "application__name"
    )
    rows = rows.annotate(
        host_count=Count("host"),
        most_bytes=Max("size_bytes"),
        first_digest=Min("digest"),
        last_digest=Max("digest"),
        last_came_at=Max("came_at"),
        is_base=_flag(Q(base__isnull=False)),
    )
    # a base that differs between hosts makes each migration between them unsafe
    rows = rows.annotate(differs=_flag(Q(base__isnull=False) & ~Q(first_digest=F("last_digest"))))
    return rows.order_by("-differs", "-is_base", "name", "kind", "storage")


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


class LayerFilter(ListFilter):
    """By name, what it is of, technology, storage and who holds it."""

    of = choice(method="is_of", choices=[(BASE, "Bases"), (APPLICATION, "Applications")], label="Of")
    application = named("application__name", "applications", "Application")
    host = named("host__name", "hosts", "Held by host", method="held_by")
    kind = choice(choices=kinds, label="Kind")
    storage = choice(choices=Storage.choices, label="Storage")
    hint = "Name, application's title"
    searched = ("name", "application__title")

    class Meta:
        model = LayerCopy
        fields: list[str] = []

    def is_of(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Bases, or what lies on them."""
        return rows.filter(base__isnull=value != BASE)

    def held_by(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Layers of which a host has a copy; all their copies are counted."""
        same = {field: OuterRef(field) for field in ("name", "kind", "storage")}
        held = LayerCopy.objects.filter(host__name=value)
        # by their names first: a database that knows nothing of the rows' numbers would look for each copy one by one
        return rows.filter(Exists(held.filter(**same)), name__in=held.values("name"))


class LayerNameColumn(tables.Column):  # type: ignore[misc]
    """Its name, and whether it is a base."""

    def render(self, record: Any) -> SafeString:
        address = reverse("layer", args=[record["kind"], record["name"]])
        if record["storage"]:
            address += f"?storage={record['storage']}"
        link = format_html('<a href="{}">{}</a>', address, record["name"])
        return format_html('{} <span class="tag">base</span>', link) if record["base_id"] else link

    def value(self, record: Any) -> str:
        return str(record["name"])


class KindColumn(tables.Column):  # type: ignore[misc]
    """The technology's name."""

    def render(self, value: Any) -> str:
        technology = TECHNOLOGIES.get(value)
        return technology.label if technology else str(value)


class StorageColumn(tables.Column):  # type: ignore[misc]
    """How it lies on the hosts."""

    def render(self, value: Any) -> str:
        return str(Storage(value).label)


class DigestColumn(tables.Column):  # type: ignore[misc]
    """The beginning of the digest, or that copies differ."""

    def render(self, record: Any) -> SafeString:
        if record["differs"]:
            return badge("alert-triangle", "yellow", "Copies differ")
        return format_html('<code title="{}">{}</code>', record["last_digest"], short(record["last_digest"]))

    def value(self, record: Any) -> str:
        return "differs" if record["differs"] else str(record["last_digest"])


class LayerTable(ListTable):
    """The list of layers: bases that differ first, then the other bases."""

    what = ("layers", "layer")
    tie: ClassVar[tuple[str, ...]] = ("name", "kind", "storage")
    keyed = False
    name = LayerNameColumn("Layer")
    application = tables.Column(
        "Application", accessor="application__name", linkify=("application", [tables.A("application__name")])
    )
    kind = KindColumn()
    storage = StorageColumn()
    host_count = Number("Hosts that hold it")
    size_bytes = Bytes("Size", accessor="most_bytes")
    digest = DigestColumn("Digest", accessor="last_digest", orderable=False)
    last_came_at = Moment("Last copy came", initial_sort_descending=True, attrs={"td": {"class": "text-nowrap"}})


class CopyFilter(ListFilter):
    """The copies of one layer, by host."""

    storage = choice(choices=Storage.choices, label="Storage")
    origin = choice(choices=Origin.choices, label="Origin")
    hint = "Host, place, digest"
    searched = ("host__name", "host__place", "digest")

    class Meta:
        model = LayerCopy
        fields: list[str] = []


def copies_of(kind: str, name: str) -> QuerySet[LayerCopy]:
    """The copies of a layer; `differs` where a base's is another than that which is provisioned."""
    other = Q(base__isnull=False) & ~Q(digest=F("base__digest"))
    rows = LayerCopy.objects.filter(kind=kind, name=name).select_related("host").annotate(differs=_flag(other))
    return rows.order_by("-differs", "host__name")


class CopyDigestColumn(tables.Column):  # type: ignore[misc]
    """The digest; one that is another than the base's is marked."""

    def render(self, record: Any) -> SafeString:
        digest = format_html('<code title="{}">{}</code>', record.digest, short(record.digest))
        return format_html("{} {}", digest, badge("alert-triangle", "yellow", "differs")) if record.differs else digest

    def value(self, record: Any) -> str:
        return str(record.digest)


class CopyTable(ListTable):
    """Who holds one layer: copies that differ first."""

    what = ("copies", "copy")
    host = tables.Column("Host", order_by="host__name", linkify=("host", [tables.A("host__name")]))
    place = tables.Column(accessor="host__place")
    storage = tables.Column()
    size_bytes = Bytes("Size")
    digest = CopyDigestColumn("Digest")
    origin = tables.Column()
    came_at = Moment("Came", initial_sort_descending=True, attrs={"td": {"class": "text-nowrap"}})
