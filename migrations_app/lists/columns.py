"""Kinds of columns: what a cell says on a page, and what it says in a CSV, where a number has its unit in the header."""

from typing import Any

import django_tables2 as tables
from django.utils.safestring import SafeString

from migrations_app.templatetags.portal import mark, seconds, size, when


class Status(tables.Column):  # type: ignore[misc]
    """A status of the row's own: its icon and words; in a CSV the words."""

    def render(self, record: Any) -> SafeString:
        return mark(record.shown_status)

    def value(self, record: Any) -> str:
        return str(record.shown_status.label)


class Moment(tables.Column):  # type: ignore[misc]
    """A point in time; in a CSV its ISO form."""

    def render(self, value: Any) -> SafeString | str:
        return when(value)

    def value(self, value: Any) -> str:
        return str(value.isoformat(timespec="seconds")) if value else ""


class Number(tables.Column):  # type: ignore[misc]
    """A figure, at the right; the largest first when it is sorted by."""

    unit = ""

    def __init__(self, *args: Any, **about: Any) -> None:
        about.setdefault("initial_sort_descending", True)
        super().__init__(*args, attrs={"td": {"class": "num"}, "th": {"class": "num"}}, **about)

    def render(self, value: Any) -> str:
        return f"{value} {self.unit}" if self.unit else str(value)

    def value(self, value: Any) -> Any:
        return value


class Mbit(Number):
    unit = "Mbit/s"


class Megabytes(Number):
    unit = "MB"


class Bytes(Number):
    unit = "bytes"

    def render(self, value: Any) -> str:
        return size(value)


class Seconds(Number):
    unit = "s"

    def render(self, value: Any) -> str:
        return seconds(value)
