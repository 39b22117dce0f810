"""MEC hosts, and the machine at the user's side that probes services."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from .choices import HostRole, HostStatus
from .names import (
    validate_address,
    validate_finite,
    validate_host_key,
    validate_interface,
    validate_key_file,
    validate_name,
    validate_user,
)

if TYPE_CHECKING:
    from .watch import HostWatch

# A terabit a second: what no link has, and a number that every database and shell can hold
MOST_MBIT = 1_000_000


class HostQuerySet(models.QuerySet["Host"]):
    def mec(self) -> "HostQuerySet":
        return self.filter(role=HostRole.MEC)

    def probes(self) -> "HostQuerySet":
        return self.filter(role=HostRole.USER)


class Host(models.Model):
    """A machine that the portal reaches over ssh, with its host key pinned."""

    name = models.CharField(max_length=40, unique=True, validators=[validate_name])
    role = models.CharField(max_length=8, choices=HostRole, default=HostRole.MEC)
    address = models.CharField(
        max_length=255, validators=[validate_address], help_text="Where the portal reaches its sshd"
    )
    port = models.PositiveIntegerField(default=22, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    user = models.CharField(
        max_length=32,
        default="root",
        validators=[validate_user],
        help_text="root, or a user with sudo without a password",
    )
    key_file = models.CharField(
        max_length=255, validators=[validate_key_file], help_text="The private key on the portal's machine, a full path"
    )
    host_key = models.TextField(
        blank=True, validators=[validate_host_key], help_text="The pinned public host key, as in known_hosts"
    )
    backhaul_address = models.GenericIPAddressField(null=True, blank=True, help_text="Where other hosts reach it")
    bandwidth_mbit = models.PositiveIntegerField(
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MBIT)],
        help_text="Bandwidth of its backhaul link in Mbit/s",
    )
    access_bridge = models.CharField(
        max_length=15,
        default="br-access",
        validators=[validate_interface],
        help_text="The bridge that services attach to",
    )
    place = models.CharField(max_length=120, blank=True)
    latitude = models.FloatField(
        null=True, blank=True, validators=[validate_finite, MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        null=True, blank=True, validators=[validate_finite, MinValueValidator(-180), MaxValueValidator(180)]
    )
    status = models.CharField(max_length=12, choices=HostStatus, default=HostStatus.UNCHECKED)
    registered_at = models.DateTimeField(auto_now_add=True)

    objects = HostQuerySet.as_manager()

    class Meta:
        ordering = ["role", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_status(self) -> HostStatus:
        return HostStatus(self.status)

    @property
    def unreachable_since(self) -> datetime | None:
        """Since when it has not answered; None while it does."""
        watch = self.watch_or_none
        return watch.unreachable_since if watch else None

    @property
    def last_answer(self) -> datetime | None:
        """When it last answered a look or a check; None while it never did."""
        watch = self.watch_or_none
        return watch.answered_at if watch else None

    @property
    def watch_or_none(self) -> "HostWatch | None":
        watch: HostWatch | None = getattr(self, "watch", None)
        return watch

    @property
    def facts_or_none(self) -> "HostFacts | None":
        return HostFacts.objects.filter(host=self).first()


class HostFacts(models.Model):
    """What the last check found on a host."""

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="facts")
    gathered_at = models.DateTimeField()
    # kernel, cpu_model, cpu_flags, cores, cgroup_mode, each technology's own (technologies/), rsync_version,
    # disk_free_bytes, memory_free_bytes, memory_total_bytes, clock_offset_ms, backhaul_interface, ...
    values: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    # [{"what": sentence, "fix": command}]
    problems: "models.JSONField[list[dict[str, str]], list[dict[str, str]]]" = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "host facts"

    def __str__(self) -> str:
        return f"facts of {self.host}"
