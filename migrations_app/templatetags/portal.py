"""How the pages write numbers, times, statuses and icons: each number with its unit."""

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
SPRITE = "vendor/tabler-icons/sprite.svg"
NOTHING = "–"


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite; it only goes with words, so a screen reader passes over it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>', static(SPRITE), name
    )


@register.simple_tag
def mark(status: Any, extra: str = "") -> SafeString:
    """A status: its icon in its colour, with its words."""
    turning = " spin" if status.icon == "loader" else ""
    return format_html(
        '<span class="sign {}{} {}">{}<span>{}</span></span>',
        status.colour,
        turning,
        extra,
        icon(status.icon),
        status.label,
    )


@register.simple_tag
def badge(sign: str, colour: str, words: str) -> SafeString:
    """The same look for something that is no status."""
    return format_html('<span class="sign {}">{}<span>{}</span></span>', colour, icon(sign), words)


@register.filter
def size(value: float | None) -> str:
    """Bytes in decimal units, as links and the paper count them."""
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in ("B", "kB", "MB"):
        if abs(amount) < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.2f} GB"


@register.filter
def seconds(value: float | None) -> str:
    """Seconds, with as many digits as help: 0.042 s, 1.24 s, 3 min 20 s."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0 s"
    if value >= 120:
        return f"{int(value) // 60} min {int(value) % 60} s"
    return f"{value:.3f} s" if value < 0.1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


@register.filter
def rate(stage: Any) -> str:
    """What a stage sent a second; empty where it sent nothing worth a rate."""
    lasted = stage.seconds or getattr(stage, "running_s", None)
    if not lasted or stage.bytes_on_wire < 10_000:
        return ""
    return f"{stage.bytes_on_wire * 8 / lasted / 1e6:.1f} Mbit/s"


@register.filter
def round_rate(one: dict[str, Any]) -> str:
    """What a round of an iterative migration sent a second."""
    return f"{one['sent'] * 8 / one['seconds'] / 1e6:.1f} Mbit/s" if one["seconds"] else ""


@register.filter
def thousands(value: int) -> str:
    """A count, as it can be read."""
    return f"{value:,}"


@register.filter
def one_line(label: str) -> str:
    """A figure's label, whose lines Plotly breaks at <br>, as plain words."""
    return label.replace("<br>", " · ")


@register.filter
def short(digest: str) -> str:
    """The beginning of a digest, enough to compare by eye."""
    return digest[:12]


@register.simple_tag
def when(value: datetime | None) -> SafeString | str:
    """A point in time: readable, with the full ISO form as its title; the browser shows it in its own time zone."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    iso = local.isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, iso, local.strftime("%-d %b %Y, %H:%M:%S"))


@register.filter
def item(mapping: dict[Any, Any], key: Any) -> Any:
    """A value of a dict by a key that is a variable."""
    return mapping.get(key)


@register.simple_tag
def figure_rows(rows: list[dict[str, Any]], *names: str) -> SafeString:
    """A table's body, each row headed by its label: there may be thousands, and a loop in a template takes long."""
    row_html = format_html('<tr><th scope="row">{{}}</th>{}</tr>', mark_safe('<td class="num">{}</td>' * len(names)))
    return format_html_join("\n", row_html, ((row["label"], *(_figure(row[name]) for name in names)) for row in rows))


def _figure(value: Any) -> str:
    return NOTHING if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


@register.simple_tag
def figure_data(name: str, figure: dict[str, Any]) -> SafeString:
    """A figure's data as a script element that figure.js reads."""
    return json_script(figure, f"{name}-figure")


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The page's query with some values changed; an empty value takes it out."""
    values = context["request"].GET.copy()
    for key, value in changes.items():
        if value in ("", None):
            values.pop(key, None)
        else:
            values[key] = value
    return f"?{values.urlencode()}"


@register.simple_tag(takes_context=True)
def query_for(context: dict[str, Any], name: str, value: Any) -> str:
    """The page's query with a filter set, whose name is a variable, from the first page on."""
    return query(context, page="", **{name: value})
