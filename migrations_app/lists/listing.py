"""What all lists do alike: search, filters, sort and pages, from the address; and the same rows as CSV."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import django_tables2 as tables
from django.core.paginator import Page, Paginator
from django.db.models import Case, F, IntegerField, OrderBy, QuerySet, Value, When
from django.http import HttpRequest

from migrations_app.filters import ListFilter
from migrations_app.models.choices import ShownChoices
from migrations_app.spreadsheets import Line, safe
from migrations_app.templatetags.portal import NOTHING

PER_PAGE = 25


def rank(statuses: Sequence[ShownChoices], field: str = "status") -> Case:
    """To sort by: the place of a row's status among these; what is not among them comes last."""
    places = [When(**{field: status}, then=Value(place)) for place, status in enumerate(statuses)]
    return Case(*places, default=Value(len(statuses)), output_field=IntegerField())


class ListTable(tables.Table):  # type: ignore[misc]
    """A list's columns; the first names the row."""

    # which sort keeps rows apart that are alike in the column sorted by, so that each stands on one page
    tie: ClassVar[Sequence[str]] = ("pk",)
    # what its rows are, and one of them
    what: ClassVar[tuple[str, str]] = ("rows", "row")
    # whether its columns are so many that they stand closer
    many_columns: ClassVar[bool] = False
    # the order that an address asks for
    asked: str = ""
    # whether each row is one of the database's own
    keyed: ClassVar[bool] = True

    def __init__(self, *args: Any, **about: Any) -> None:
        super().__init__(*args, default=NOTHING, **about)

    @property
    def rows_in_order(self) -> QuerySet[Any]:
        """All that was found, as sorted."""
        rows: QuerySet[Any] = self.data.data
        return rows.order_by(*rows.query.order_by, *self.tie)

    @property
    def rows_as_sorted(self) -> QuerySet[Any]:
        """The same, sorted by a column: what has no value there comes last, whichever way and in whichever database."""
        rows: QuerySet[Any] = self.data.data
        return rows.order_by(*(_last_without(str(name)) for name in rows.query.order_by), *self.tie)

    @property
    def sorts(self) -> list[dict[str, Any]]:
        """Each order that the list can have, for where there are no headers to click."""
        offered = []
        for column in self.columns:
            if column.orderable:
                first = column.column.initial_sort_descending
                for falling in (first, not first):
                    value = f"-{column.name}" if falling else column.name
                    words = f"{column.header}{', descending' if falling else ''}"
                    offered.append({"value": value, "words": words, "chosen": value == self.asked})
        return offered


class Listed:
    """A list as an address asks for it."""

    def __init__(self, request: HttpRequest, found: ListFilter, table: type[ListTable], **about: Any) -> None:
        self.filter = found
        rows = found.qs if found.form.is_valid() else found.queryset.none()
        self.table = table(rows, order_by=request.GET.get("sort") or None, **about)
        self.table.asked = request.GET.get("sort", "")
        # as they come, an index gives the latest at once
        self.rows = self.table.rows_as_sorted if self.table.asked else self.table.rows_in_order
        self.table.data.data = self.rows
        self._number = request.GET.get("page")

    def page(self, states: list[dict[str, Any]]) -> Page[Any]:
        """The page that the address asks for, or the nearest that there is: from here on the table has its rows alone."""
        if not self.table.keyed:
            shown = Paginator(self.rows, PER_PAGE).get_page(self._number)
            self.table.data.data = shown.object_list
            return shown
        # keys first: a database that sorts thousands of rows by what has no index sorts their texts and logs, too
        paginator = Paginator(self.rows.values_list("pk", flat=True), PER_PAGE)
        if states:  # all of them together are what is found: a search need not be counted twice
            chosen = [state for state in states if state["chosen"]]
            paginator.count = sum(state["count"] for state in chosen or states)
        shown = paginator.get_page(self._number)
        self.table.data.data = self.rows.filter(pk__in=list(shown.object_list))
        return shown

    @property
    def context(self) -> dict[str, Any]:
        """What the templates of a list need."""
        states = self.filter.counted()
        shown = self.page([] if self.filter.has_none_of_its_state(states) else states)
        return {
            "filter": self.filter,
            "table": self.table,
            "page_obj": shown,
            "states": states,
            "any": shown.paginator.count > 0 or self.filter.queryset.exists(),
        }

    def csv_lines(self) -> Iterator[str]:
        """What is shown, on all pages: a line a row, a column for each column."""
        columns = [column for column in self.table.columns if not column.column.exclude_from_export]
        writer = csv.writer(Line())
        yield writer.writerow([_header(column) for column in columns])
        for row in self.table.rows:
            yield writer.writerow([safe(row.get_cell_value(column.name)) for column in columns])


def _last_without(name: str) -> OrderBy:
    field = F(name.removeprefix("-"))
    return field.desc(nulls_last=True) if name.startswith("-") else field.asc(nulls_last=True)


def _header(column: Any) -> str:
    unit = getattr(column.column, "unit", "")
    return f"{column.header} ({unit})" if unit else str(column.header)
