"""The timeline: what happened to hosts and services."""

from django.conf import settings
from django.db import models

from .choices import TimelineKind
from .host import Host
from .service import Service


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
