"""What the portal sees of a host from look to look."""

from django.db import models

from .host import Host


class HostWatch(models.Model):
    """The last look at a host: a light one, in a rhythm of its own; the whole facts are gathered by checks."""

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="watch")
    looked_at = models.DateTimeField(null=True, blank=True, help_text="When a worker last began to look")
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When it last answered a look or a check")
    answers = models.PositiveBigIntegerField(default=0, help_text="How many answers were written down")
    missed = models.PositiveIntegerField(default=0, help_text="Looks in a row that were not answered")
    unreachable_since = models.DateTimeField(null=True, blank=True)
    boot_id = models.CharField(max_length=64, blank=True, help_text="This boot's name; another one: it was rebooted")
    check_due = models.BooleanField(default=False, help_text="Its whole facts are to be gathered anew")
    check_sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "host watches"

    def __str__(self) -> str:
        return f"last look at {self.host}"
