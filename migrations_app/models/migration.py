"""Migrations: one row each, its stages, its numbered events and the probe's series."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from migrations_app.technologies import DEFAULT
from migrations_app.technologies.ways import WAYS, Way, way_of

from .choices import ACTIVE, MigrationStatus, Policy, StageStatus, Storage, kinds, methods, way_in_words
from .experiment import Cell
from .host import Host
from .service import Service


class MigrationQuerySet(models.QuerySet["Migration"]):
    def active(self) -> "MigrationQuerySet":
        return self.filter(status__in=ACTIVE)

    def final(self) -> "MigrationQuerySet":
        # nearly all are: a database that looked them up by status would sort them all to give the latest
        return self.exclude(status__in=ACTIVE)

    def touching(self, host: Host) -> "MigrationQuerySet":
        return self.filter(models.Q(source=host) | models.Q(target=host))

    def before_no_return(self) -> "MigrationQuerySet":
        """Those that can still be cancelled: before the commit, and as long as a running guest is copied."""
        copies_in = [way.copies_in for way in WAYS.values() if way.copies_in]
        running = StageRun.objects.filter(name__in=copies_in, status=StageStatus.RUNNING)
        copying = running.filter(migration=models.OuterRef("pk"))
        return self.filter(models.Q(committed_at=None) | models.Exists(copying))

    def needing_a_person(self) -> "MigrationQuerySet":
        """Those whose saved state is held until a person has looked."""
        # by status, too, which has an index: nearly all that has ended is nobody's business any more
        unsure = (MigrationStatus.STUCK, MigrationStatus.FINISHED_WITH_PROBLEMS)
        return self.filter(status__in=unsure, state_held=True)

    def by(self, way: Way) -> "MigrationQuerySet":
        """Those that went this way."""
        return self.filter(layers=way.layers, method=way.method, idle_memory=way.idle_memory)

    def silent(self) -> "MigrationQuerySet":
        """Running ones whose worker has not been heard of for too long."""
        lost = timezone.now() - timedelta(seconds=settings.HEARTBEAT_LOST_SECONDS)
        return self.filter(status=MigrationStatus.RUNNING, heartbeat_at__lt=lost)


class Migration(models.Model):
    """One move of one service from one MEC host to another."""

    service = models.ForeignKey(Service, null=True, on_delete=models.SET_NULL, related_name="migrations")
    # The history outlives the service: what was moved is written down here, too
    service_name = models.CharField(max_length=40)
    application_name = models.CharField(max_length=40)
    source = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="migrations_out")
    target = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="migrations_in")
    kind = models.CharField(max_length=8, choices=kinds, default=DEFAULT.key)
    layers = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(2), MaxValueValidator(3)])
    storage = models.CharField(max_length=12, choices=Storage, default=Storage.OVERLAY)
    method = models.CharField(max_length=12, choices=methods, default="save")
    idle_memory = models.BooleanField(
        default=False, help_text="The memory was sent as a difference to that of the idle application"
    )
    bandwidth_mbit = models.PositiveIntegerField(default=100)
    status = models.CharField(max_length=24, choices=MigrationStatus, default=MigrationStatus.QUEUED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    reason = models.CharField(max_length=200, blank=True)
    cell = models.ForeignKey(Cell, null=True, blank=True, on_delete=models.SET_NULL, related_name="migrations")
    layers_chosen = models.CharField(
        max_length=12,
        choices=Policy,
        blank=True,
        help_text="The policy by which the portal chose the layers; empty: a person",
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    lease = models.PositiveBigIntegerField(
        default=0, help_text="The owner's number; each claim and take-over makes it greater"
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True, help_text="The point of no return")
    finished_at = models.DateTimeField(null=True, blank=True)
    app_found = models.BooleanField(null=True, blank=True)
    total_s = models.FloatField(null=True, blank=True)
    downtime_s = models.FloatField(null=True, blank=True, help_text="Suspension begins to restoration ends")
    probe_downtime_s = models.FloatField(null=True, blank=True, help_text="What the user felt, by the probe")
    portal_s = models.FloatField(null=True, blank=True, help_text="Time spent in no host command")
    bytes_on_wire = models.BigIntegerField(null=True, blank=True)
    error = models.TextField(blank=True)
    problems: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list, blank=True)
    advice = models.TextField(blank=True, help_text="What to do next, for a person")
    forecast: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict, blank=True)
    # What the stages made on the hosts, written before it was made, so that another process can undo it
    made: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict, blank=True)
    kept_until = models.DateTimeField(null=True, blank=True, help_text="When the saved state on the source is removed")
    state_held = models.BooleanField(
        default=False, help_text="The saved state stays on the source until a person has looked and removes it"
    )
    samples_thinned = models.BooleanField(
        default=False, help_text="Of the probe's answers only those that a plot needs"
    )
    engine_log = models.TextField(blank=True, help_text="What the technology wrote when it failed")

    objects = MigrationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        permissions = [("operate", "Can change hosts, layers and services, and migrate")]
        indexes = [
            models.Index(fields=["status", "heartbeat_at"]),
            models.Index(fields=["application_name", "kind", "layers"]),
            models.Index(fields=["service_name"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["service"],
                condition=models.Q(status__in=["queued", "running"]),
                name="one_active_migration_a_service",
            ),
            models.CheckConstraint(condition=~models.Q(source=models.F("target")), name="source_is_not_target"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.service_name}: {self.source} → {self.target}"

    @property
    def shown_status(self) -> MigrationStatus:
        return MigrationStatus(self.status)

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def can_be_cancelled(self) -> bool:
        if not self.is_active or self.cancel_requested_at is not None:
            return False
        return self.committed_at is None or Migration.objects.filter(pk=self.pk).before_no_return().exists()

    @property
    def way(self) -> Way:
        """How the service goes from host to host."""
        return way_of(self.layers, self.method, self.idle_memory)

    @property
    def model_label(self) -> str:
        """Kind, layers, method and storage in words."""
        return way_in_words(
            kind=self.kind,
            way=self.way,
            storage=self.storage,
        )


class StageRun(models.Model):
    """One stage of a migration, written down before it is done."""

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    title = models.CharField(max_length=80)
    paper_title = models.CharField(max_length=80, help_text="The paper's stage that this time counts to")
    in_downtime = models.BooleanField(default=False)
    status = models.CharField(max_length=12, choices=StageStatus, default=StageStatus.WAITING)
    started_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    bytes_on_wire = models.BigIntegerField(default=0)
    bytes_rsync = models.BigIntegerField(null=True, blank=True, help_text="What rsync says it sent")
    bytes_expected = models.BigIntegerField(null=True, blank=True, help_text="An estimate, for the time left")
    error = models.TextField(blank=True)
    detail = models.CharField(max_length=200, blank=True, help_text="What the technology says of its progress")
    rounds: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(
        default=list, blank=True, help_text="Of an iterative migration: what each round read and sent"
    )

    class Meta:
        ordering = ["migration", "position"]
        constraints = [models.UniqueConstraint(fields=["migration", "position"], name="one_stage_a_position")]

    def __str__(self) -> str:
        return f"{self.title} of #{self.migration_id}"

    @property
    def shown_status(self) -> StageStatus:
        return StageStatus(self.status)


class Event(models.Model):
    """A numbered line of a migration's journal; the browser replays from the last number it saw."""

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=24)  # queued, started, stage, made, log, problem, cancel_requested, outcome
    message = models.TextField(blank=True)
    data: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class ProbeSample(models.Model):
    """A batch of the probe's answers: [[sent_s, answer_ms or null, counter or null], ...].

    `sent_s` counts from the migration's start.
    """

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="probe_samples")
    samples: "models.JSONField[list[list[float | int | None]], list[list[float | int | None]]]" = models.JSONField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{len(self.samples)} samples of #{self.migration_id}"
