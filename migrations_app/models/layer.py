"""Layers: the base that every MEC holds, applications made from recipes, and which host holds which copy."""

from typing import Any

from django.db import models

from migrations_app.technologies import DEFAULT, TECHNOLOGIES

from .choices import Origin, Storage, kinds
from .host import Host
from .names import validate_name


class BaseLayer(models.Model):
    """The guest system that all MECs hold; its digest must be the same on all of them."""

    name = models.CharField(max_length=40, validators=[validate_name])
    kind = models.CharField(max_length=8, choices=kinds, default=DEFAULT.key)
    digest = models.CharField(max_length=64, blank=True, help_text="xxh128 over names, owners, modes and contents")
    size_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "kind"], name="one_base_of_a_name_and_kind")]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()})"


class ApplicationQuerySet(models.QuerySet["Application"]):
    def lasting(self) -> "ApplicationQuerySet":
        """Those that people added: without what experiments make for themselves."""
        return self.filter(variant_of=None)


class Application(models.Model):
    """A recipe: what an application layer is made of, and how its service is asked whether it lives."""

    name = models.CharField(max_length=40, unique=True, validators=[validate_name])
    title = models.CharField(max_length=120, blank=True)
    base_name = models.CharField(max_length=40, blank=True, validators=[validate_name], help_text="Empty: an image")
    recipe: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    recipe_digest = models.CharField(max_length=64)
    added_at = models.DateTimeField(auto_now_add=True)
    variant_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, help_text="An experiment's own copy, gone when it ends"
    )
    experiment = models.ForeignKey(
        "Experiment",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="applications",
        help_text="The experiment that made it for itself",
    )
    measured_as = models.CharField(max_length=40, blank=True, help_text="Its name in the history, where it is another")

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def layer_name(self) -> str:
        """The directory of this application's layer: a changed recipe makes a new layer."""
        return f"{self.name}-{self.recipe_digest[:12]}"

    @property
    def of_image(self) -> bool:
        """Whether it is a container image, which has no base of the portal's."""
        return not self.base_name

    @property
    def usual_kind(self) -> str:
        """The technology that its services have where nobody says another."""
        able = (key for key, technology in TECHNOLOGIES.items() if technology.runs_images)
        return next(able, DEFAULT.key) if self.of_image else DEFAULT.key

    @property
    def history_name(self) -> str:
        """The name under which its migrations are counted."""
        return self.measured_as or self.name


class LayerCopyQuerySet(models.QuerySet["LayerCopy"]):
    def of_application(self, application: Application, storage: str, kind: str) -> "LayerCopyQuerySet":
        return self.filter(application=application, storage=storage, kind=kind, name=application.layer_name)


class LayerCopy(models.Model):
    """One line of the residency map: a host holds a layer."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="layer_copies")
    base = models.ForeignKey(BaseLayer, null=True, blank=True, on_delete=models.CASCADE, related_name="copies")
    application = models.ForeignKey(Application, null=True, blank=True, on_delete=models.CASCADE, related_name="copies")
    kind = models.CharField(max_length=8, choices=kinds, default=DEFAULT.key)
    storage = models.CharField(max_length=12, choices=Storage, blank=True, help_text="empty for a base")
    name = models.CharField(max_length=80, help_text="Its directory on the host")
    digest = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField(default=0)
    origin = models.CharField(max_length=12, choices=Origin)
    came_at = models.DateTimeField(auto_now_add=True)

    objects = LayerCopyQuerySet.as_manager()

    class Meta:
        ordering = ["host", "name"]
        verbose_name_plural = "layer copies"
        constraints = [
            models.UniqueConstraint(fields=["host", "kind", "storage", "name"], name="one_copy_of_a_layer_on_a_host"),
            models.CheckConstraint(
                condition=models.Q(base__isnull=True) ^ models.Q(application__isnull=True),
                name="a_base_or_an_application",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"
