"""What the portal sees of hosts and services from look to look, and the timeline of what happened to them."""

from django.conf import settings
from django.db import models

from .choices import TimelineKind
from .host import Host
from .service import Service


class HostWatch(models.Model):
    """The last look at a host: a light one, in a rhythm of its own; the whole facts are gathered by checks."""

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="watch")
    looked_at = models.DateTimeField(null=True, blank=True, help_text="When a worker last began to look")
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When it last answered a look or a check")
    missed = models.PositiveIntegerField(default=0, help_text="Looks in a row that were not answered")
    unreachable_since = models.DateTimeField(null=True, blank=True)
    boot_id = models.CharField(max_length=64, blank=True, help_text="This boot's name; another one: it was rebooted")
    check_due = models.BooleanField(default=False, help_text="Its whole facts are to be gathered anew")
    check_sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "host watches"

    def __str__(self) -> str:
        return f"last look at {self.host}"


class TimelineEvent(models.Model):
    """One thing that happened to a host or a service. Names are kept: what they name may be removed."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    kind = models.CharField(max_length=16, choices=TimelineKind)
    host = models.ForeignKey(Host, null=True, blank=True, on_delete=models.SET_NULL, related_name="timeline")
    host_name = models.CharField(max_length=40, blank=True)
    other_host = models.ForeignKey(
        Host, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="Where a service went to"
    )
    service = models.ForeignKey(Service, null=True, blank=True, on_delete=models.SET_NULL, related_name="timeline")
    service_name = models.CharField(max_length=40, blank=True)
    migration = models.ForeignKey(
        "Migration", null=True, blank=True, on_delete=models.SET_NULL, related_name="timeline"
    )
    message = models.TextField()
    log = models.TextField(blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, help_text="None: the portal itself"
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.message

    @property
    def shown_kind(self) -> TimelineKind:
        return TimelineKind(self.kind)
