"""Lets Django find the `lab` command."""

from django.apps import AppConfig


class LabConfig(AppConfig):
    """The emulated edge. It has no models: the portal knows its hosts as any others."""

    name = "lab"
    label = "lab"
    verbose_name = "Emulated edge"
