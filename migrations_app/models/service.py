"""Services: an application running on a host under its own fixed address."""

import ipaddress

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from migrations_app.technologies import DEFAULT

from .choices import Policy, ServiceStatus, Storage, kinds
from .host import Host
from .layer import Application
from .names import validate_finite, validate_given_name, validate_name


class ServiceNetwork(models.Model):
    """The access network: services keep their address on it wherever they run."""

    cidr = models.CharField(max_length=43, unique=True)
    first_address = models.GenericIPAddressField()
    last_address = models.GenericIPAddressField()

    def __str__(self) -> str:
        return self.cidr

    def clean(self) -> None:
        try:
            if "%" in self.cidr:  # Python takes any words at all for an IPv6 address's zone
                raise ValueError("a zone")
            network = ipaddress.ip_network(self.cidr)
        except ValueError as error:
            raise ValidationError({"cidr": f"{self.cidr} is not a network: write it as 10.0.2.0/24."}) from error
        first, last = ipaddress.ip_address(self.first_address), ipaddress.ip_address(self.last_address)
        if first not in network or last not in network or int(first) > int(last):
            raise ValidationError(f"{first} to {last} is not a range inside {network}.")

    def free_address(self) -> str:
        """The first address of the range that no service has; raises ValidationError when there is none."""
        taken = set(Service.objects.values_list("address", flat=True))
        for number in range(
            int(ipaddress.ip_address(self.first_address)), int(ipaddress.ip_address(self.last_address)) + 1
        ):
            if (address := str(ipaddress.ip_address(number))) not in taken:
                return address
        raise ValidationError(f"No address is free in {self.first_address} to {self.last_address}: remove a service.")


class Service(models.Model):
    """A MEC service: what a user talks to, at the same address before and after each migration."""

    name = models.CharField(max_length=40, unique=True, validators=[validate_name])
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="services")
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="services")
    kind = models.CharField(max_length=8, choices=kinds, default=DEFAULT.key)
    storage = models.CharField(max_length=12, choices=Storage, default=Storage.OVERLAY)
    address = models.GenericIPAddressField(unique=True)
    prefix_length = models.PositiveSmallIntegerField(default=24)
    hardware_address = models.CharField(
        max_length=17, unique=True, validators=[RegexValidator(r"\A[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")]
    )
    status = models.CharField(max_length=12, choices=ServiceStatus, default=ServiceStatus.DEPLOYING)
    private_application = models.BooleanField(
        default=False, help_text="A two-layer migration brought the application inside the instance layer"
    )
    policy = models.CharField(
        max_length=12, choices=Policy, default=Policy.DOWNTIME, help_text="How two or three layers are chosen"
    )
    cost_per_downtime_s = models.FloatField(default=10.0, validators=[validate_finite, MinValueValidator(0)])
    cost_per_total_s = models.FloatField(default=1.0, validators=[validate_finite, MinValueValidator(0)])
    cost_per_mb = models.FloatField(default=0.1, validators=[validate_finite, MinValueValidator(0)])
    memory_bytes = models.PositiveBigIntegerField(
        default=0, help_text="What it held when it last answered for the first time, or when its host was last checked"
    )
    autostart = models.BooleanField(
        default=True, help_text="When its host has rebooted, start it again; what it held in memory is lost then"
    )
    # all work on a service excludes each other, from the moment it is asked for: "migration 7", "operation 12"
    lock = models.CharField(max_length=40, blank=True, help_text="The work that has this service; empty when none has")
    experiment = models.ForeignKey(
        "Experiment",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="services",
        help_text="The experiment that deployed it for itself",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validate_given_name(self.name)

    @property
    def shown_status(self) -> ServiceStatus:
        return ServiceStatus(self.status)
