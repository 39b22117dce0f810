"""Work on hosts that is no migration: checks, builds, deployments."""

from django.conf import settings
from django.db import models

from .choices import OperationKind, OperationStatus
from .host import Host
from .layer import Application
from .service import Service


class Operation(models.Model):
    """One piece of work that a worker does for an operator, with what it said."""

    kind = models.CharField(max_length=24, choices=OperationKind)
    host = models.ForeignKey(Host, null=True, blank=True, on_delete=models.CASCADE, related_name="operations")
    peer = models.ForeignKey(
        Host,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The host that a layer is fetched from",
    )
    application = models.ForeignKey(Application, null=True, blank=True, on_delete=models.CASCADE)
    service = models.ForeignKey(Service, null=True, blank=True, on_delete=models.SET_NULL, related_name="operations")
    subject = models.CharField(max_length=120)
    argument = models.CharField(max_length=120, blank=True, help_text="The base's name, or the storage")
    status = models.CharField(max_length=12, choices=OperationStatus, default=OperationStatus.QUEUED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    lease = models.PositiveIntegerField(default=0, help_text="The owner's number; each claim makes it greater")
    finished_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True, help_text="What it is doing, or how it ended, in one sentence")
    log = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject", "argument"],
                condition=models.Q(status__in=["queued", "running"]),
                name="same_operation_once_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}"

    @property
    def shown_status(self) -> OperationStatus:
        return OperationStatus(self.status)

    @property
    def is_active(self) -> bool:
        return self.status in (OperationStatus.QUEUED, OperationStatus.RUNNING)
