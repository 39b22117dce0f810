"""Migrations on a terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from migrations_app import report
from migrations_app.models import Migration, StageStatus

MARKS = {
    StageStatus.WAITING: ("·", "dim"),
    StageStatus.RUNNING: ("▶", "bold blue"),
    StageStatus.DONE: ("✓", "green"),
    StageStatus.SKIPPED: ("–", "dim"),
    StageStatus.FAILED: ("✗", "bold red"),
    StageStatus.UNDONE: ("↩", "yellow"),
    StageStatus.UNDO_FAILED: ("✗", "bold red"),
}


def progress_table(migration: Migration) -> Table:
    """The stages as they stand now."""
    table = Table(title=str(migration), title_justify="left", box=None, padding=(0, 1))
    for column in ("", "stage", "s", "MB", ""):
        table.add_column(column, justify="right" if column in ("s", "MB") else "left")
    for stage in migration.stages.all():
        mark, style = MARKS[StageStatus(stage.status)]
        left = ""
        if stage.status == StageStatus.RUNNING and stage.bytes_expected:
            left = f"{100 * min(stage.bytes_on_wire, stage.bytes_expected) / stage.bytes_expected:.0f} % (estimated)"
        table.add_row(
            mark,
            stage.title + ("  (service is down)" if stage.in_downtime else ""),
            "" if stage.seconds is None else f"{stage.seconds:.2f}",
            f"{stage.bytes_on_wire / 1e6:.2f}" if stage.bytes_on_wire else "",
            left,
            style=style,
        )
    return table


def result_table(migration: Migration) -> Group:
    """The paper's stages with their share, the figures, and the outcome in words."""
    summary = report.summary(migration)
    table = Table(title=str(migration), title_justify="left")
    table.add_column("stage")
    for column in ("seconds", "% of total", "MB on the wire"):
        table.add_column(column, justify="right")
    table.add_column("felt by the user")
    for stage in summary["stages"]:
        table.add_row(
            stage["title"],
            f"{stage['seconds'] or 0:.2f}",
            f"{stage['percent_of_total'] or 0:.0f}",
            f"{(stage['bytes'] or 0) / 1e6:.2f}",
            "yes" if stage["in_downtime"] else "",
        )
    return Group(table, *[Text(line) for line in _lines(migration)])


def _lines(migration: Migration) -> list[str]:
    status = migration.shown_status
    lines = [f"{status.label}. {migration.error}".strip(), *migration.problems]
    if migration.total_s is not None:
        lines.append(f"Total {migration.total_s:.2f} s, {(migration.bytes_on_wire or 0) / 1e6:.2f} MB on the wire.")
    if migration.downtime_s is not None:
        lines.append(f"Suspended for {migration.downtime_s:.2f} s (suspension begins to restoration ends).")
    if migration.probe_downtime_s is not None:
        lines.append(f"The user's client saw {migration.probe_downtime_s:.2f} s of downtime.")
    if migration.advice:
        lines.append(migration.advice)
    return lines
