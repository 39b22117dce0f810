"""Layers shared by overlayfs: a clone is a mount, and only the upper directory travels.

What the paper named as open: with a directory store each layer repeats all the files of the one below.
"""

from workers.specs import AppAtSource, MigrationSpec
from workers.transfer.rsync import Part

from .base import Cloning


class OverlayStore(Cloning):
    """An instance is an upper directory over the application's files over the base's."""

    kind, storage = "lxc", "overlay"

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        upper = Part(f"instances/{spec.service}/upper", "instance/upper")
        # kept apart from the upper directory, so that a file the instance deleted from the application stays deleted
        return [upper] if spec.layers == 3 else [Part(app.path, "instance/lower"), upper]
