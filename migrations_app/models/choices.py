"""Status choices: value, label, colour and icon together, and the named sets of them."""

from typing import Self

from django.db import models

from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.ways import METHODS, TRANSFERS, Way


class ShownChoices(models.TextChoices):
    """Text choices that also know the colour (a Tabler colour name) and the icon (a Tabler icon name) they are shown with."""

    colour: str
    icon: str

    def __new__(cls, value: str, colour: str = "", icon: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.colour = colour
        member.icon = icon
        return member


def kinds() -> list[tuple[str, str]]:
    """The technologies that a service may run in, as choices."""
    return [(key, technology.label) for key, technology in TECHNOLOGIES.items()]


class Storage(models.TextChoices):
    """Where layers lie and how one is cloned."""

    OVERLAY = "overlay", "Overlay"
    DIRECTORY = "directory", "Directory"


def methods() -> list[tuple[str, str]]:
    """How a running service's state goes from host to host, as choices."""
    return [(method, TRANSFERS[transfer].label) for method, transfer in METHODS.items()]


def way_in_words(*, kind: str, way: Way, storage: str, app_found: bool | None = None) -> str:
    """How a service went from host to host: all that decides which figures may be compared. Two layers find no application."""
    held = "" if way.layers == 2 or app_found is None else ", app found" if app_found else ", app not found"
    return " · ".join([TECHNOLOGIES[kind].label, f"{way.layers} layers{held}", TRANSFERS[way.transfer].short, storage])


class HostRole(models.TextChoices):
    """What a machine is to the portal."""

    MEC = "mec", "MEC host"
    USER = "user", "User's side (probe)"


class HostStatus(ShownChoices):
    """What the last check of a host found."""

    UNCHECKED = "unchecked", "secondary", "question-mark", "Not checked yet"
    READY = "ready", "green", "circle-check", "Ready"
    PROBLEM = "problem", "yellow", "alert-triangle", "Has problems"
    UNREACHABLE = "unreachable", "red", "plug-connected-x", "Unreachable"


class ServiceStatus(ShownChoices):
    """What a service is doing, as far as the portal last saw."""

    DEPLOYING = "deploying", "blue", "loader", "Deploying"
    RUNNING = "running", "green", "player-play", "Running"
    STOPPED = "stopped", "secondary", "player-stop", "Stopped"
    FAILED = "failed", "red", "alert-circle", "Failed"
    CRASHED = "crashed", "red", "alert-circle", "Crashed"
    UNREACHABLE = "unreachable", "orange", "question-mark", "Unknown"
    UNKNOWN = "unknown", "orange", "question-mark", "Unknown: look at both hosts"
    REMOVING = "removing", "blue", "trash", "Being removed"


class TimelineKind(ShownChoices):
    """What happened to a host or a service."""

    UNREACHABLE = "unreachable", "red", "plug-connected-x", "Unreachable"
    ANSWERS = "answers", "green", "circle-check", "Answers again"
    REBOOTED = "rebooted", "orange", "refresh", "Rebooted"
    LAYER_GONE = "layer_gone", "orange", "alert-triangle", "Layer gone"
    CRASHED = "crashed", "red", "alert-circle", "Crashed"
    MISSING = "missing", "orange", "question-mark", "Not found"
    ENDED = "ended", "orange", "player-stop", "Ended with its host"
    SEEN = "seen", "green", "circle-check", "Seen running"
    AUTOSTARTED = "autostarted", "blue", "player-play", "Started automatically"
    OPERATED = "operated", "secondary", "adjustments", "Work done"
    FAILED = "failed", "red", "alert-circle", "Work failed"
    MIGRATED = "migrated", "blue", "arrows-exchange", "Migrated"
    NOT_MIGRATED = "not_migrated", "orange", "arrow-back-up", "Not migrated"


class MigrationStatus(ShownChoices):
    """Where a migration stands; the last six are its outcomes."""

    QUEUED = "queued", "secondary", "clock", "Waiting"
    RUNNING = "running", "blue", "loader", "Running"
    SUCCEEDED = "succeeded", "green", "circle-check", "Succeeded"
    FINISHED_WITH_PROBLEMS = "finished_with_problems", "yellow", "alert-triangle", "Finished with problems"
    REJECTED = "rejected", "secondary", "ban", "Rejected by the checks"
    ROLLED_BACK = "rolled_back", "orange", "arrow-back-up", "Rolled back"
    CANCELLED = "cancelled", "secondary", "circle-x", "Cancelled"
    STUCK = "stuck", "red", "alert-octagon", "Stuck: manual intervention required"


ACTIVE = frozenset({MigrationStatus.QUEUED, MigrationStatus.RUNNING})
FINAL = frozenset(set(MigrationStatus) - ACTIVE)
MOVED = frozenset({MigrationStatus.SUCCEEDED, MigrationStatus.FINISHED_WITH_PROBLEMS})
TRANSITIONS = frozenset(
    {(MigrationStatus.QUEUED, MigrationStatus.RUNNING)}  # a worker claimed it
    | {(MigrationStatus.QUEUED, MigrationStatus.CANCELLED)}  # cancelled while it waited
    | {(MigrationStatus.RUNNING, outcome) for outcome in FINAL}
)


class StageStatus(ShownChoices):
    """Where a stage of a migration stands."""

    WAITING = "waiting", "secondary", "clock", "Waiting"
    RUNNING = "running", "blue", "loader", "Running"
    DONE = "done", "green", "check", "Done"
    SKIPPED = "skipped", "secondary", "player-skip-forward", "Not needed"
    FAILED = "failed", "red", "x", "Failed"
    UNDONE = "undone", "orange", "arrow-back-up", "Undone"
    UNDO_FAILED = "undo_failed", "red", "alert-octagon", "Undo failed"


class Origin(models.TextChoices):
    """How a copy of a layer came to a host."""

    BUILT = "built", "Built here"
    MIGRATED = "migrated", "With a migration"
    PROVISIONED = "provisioned", "Provisioned"
    FOUND = "found", "Found by a check"


class OperationKind(models.TextChoices):
    """Work on hosts that is no migration."""

    CHECK_HOST = "check_host", "Check host"
    PROVISION_BASE = "provision_base", "Provision base"
    BUILD_BASE = "build_base", "Build base"
    BUILD_APPLICATION = "build_application", "Build application layer"
    DEPLOY = "deploy", "Deploy"
    START = "start", "Start"
    STOP = "stop", "Stop"
    REMOVE = "remove", "Remove"
    REMOVE_LAYER = "remove_layer", "Remove application layer"
    REMOVE_LEFTOVER = "remove_leftover", "Remove leftover"


class OperationStatus(ShownChoices):
    """Where such work stands."""

    QUEUED = "queued", "secondary", "clock", "Waiting"
    RUNNING = "running", "blue", "loader", "Running"
    SUCCEEDED = "succeeded", "green", "circle-check", "Succeeded"
    FAILED = "failed", "red", "alert-circle", "Failed"


class Design(models.TextChoices):
    """What an experiment measures: the paper's table and figures."""

    TABLE_1 = "table-1", "Table I"
    FIGURE_4 = "figure-4", "Figure 4"
    FIGURE_5_RAM = "figure-5-ram", "Figure 5, RAM"
    FIGURE_5_BANDWIDTH = "figure-5-bandwidth", "Figure 5, bandwidth"


class ExperimentStatus(ShownChoices):
    """Where an experiment stands."""

    QUEUED = "queued", "secondary", "clock", "Waiting"
    RUNNING = "running", "blue", "loader", "Running"
    FINISHED = "finished", "green", "circle-check", "Finished"
    STOPPED = "stopped", "secondary", "player-stop", "Stopped"
    FAILED = "failed", "red", "alert-circle", "Failed"


class CellStatus(ShownChoices):
    """Where a cell of an experiment stands."""

    WAITING = "waiting", "secondary", "clock", "Waiting"
    RUNNING = "running", "blue", "loader", "Running"
    DONE = "done", "green", "check", "Done"
    FAILED = "failed", "red", "x", "Failed"


class Policy(models.TextChoices):
    """What the choice between two and three layers is made for."""

    DOWNTIME = "downtime", "Least downtime"
    TOTAL = "total", "Least total time"
    DATA = "data", "Least data"
    WEIGHTED = "weighted", "Least weighted cost"
