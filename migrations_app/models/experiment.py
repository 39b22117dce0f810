"""Experiments: a table of cells, each a setting under which the same migration is measured several times."""

from typing import Any

from django.conf import settings
from django.db import models

from migrations_app.technologies.ways import Way, way_of

from .choices import CellStatus, Design, ExperimentStatus, Storage, kinds, methods, way_in_words
from .host import Host


class Experiment(models.Model):
    """One run of a design on two hosts. Its migrations are ordinary ones in the history, marked with their cell."""

    design = models.CharField(max_length=24, choices=Design)
    preset = models.CharField(max_length=24, blank=True)
    runs = models.PositiveSmallIntegerField(default=10, help_text="Measured migrations of each cell")
    source = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=12, choices=ExperimentStatus, default=ExperimentStatus.QUEUED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    lease = models.PositiveBigIntegerField(default=0, help_text="The owner's number; each claim makes it greater")
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True, help_text="What it is doing, or how it ended, in one sentence")
    environment: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(status__in=["queued", "running"]),
                name="one_active_experiment",
                violation_error_message="Another experiment is under way: wait until it has ended, or stop it.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_design_display()} #{self.pk}"

    @property
    def shown_status(self) -> ExperimentStatus:
        return ExperimentStatus(self.status)

    @property
    def is_active(self) -> bool:
        return self.status in (ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)


class Cell(models.Model):
    """One setting of an experiment."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="cells")
    position = models.PositiveSmallIntegerField()
    application_name = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=kinds)
    layers = models.PositiveSmallIntegerField()
    app_found = models.BooleanField(help_text="The target holds the application layer before each run")
    storage = models.CharField(max_length=12, choices=Storage)
    method = models.CharField(max_length=12, choices=methods)
    idle_memory = models.BooleanField(default=False)
    bandwidth_mbit = models.PositiveIntegerField()
    ram_mb = models.PositiveIntegerField(null=True, blank=True, help_text="Of the RAM simulation, where it is swept")
    status = models.CharField(max_length=12, choices=CellStatus, default=CellStatus.WAITING)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Workers that took it up since its last measured run"
    )
    notes: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["experiment", "position"]
        constraints = [models.UniqueConstraint(fields=["experiment", "position"], name="one_cell_a_position")]

    def __str__(self) -> str:
        way = way_in_words(
            kind=self.kind,
            way=self.way,
            storage=self.storage,
            app_found=self.app_found,
        )
        size = [f"{self.ram_mb} MB"] if self.ram_mb else []
        return " · ".join([self.application_name, way, *size, f"{self.bandwidth_mbit} Mbit/s"])

    @property
    def way(self) -> Way:
        """How its migrations go."""
        return way_of(self.layers, self.method, self.idle_memory)

    @property
    def shown_status(self) -> CellStatus:
        return CellStatus(self.status)
