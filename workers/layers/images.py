"""Layers of virtual machines: disk images."""

from workers.specs import AppAtSource, MigrationSpec
from workers.transfer.rsync import IMAGE_OPTIONS, Part

from .base import Cloning


class BackedImages(Cloning):
    """qcow2 images with backing files: a clone is a new overlay, and only the overlay travels."""

    kind, storage = "kvm", "overlay"
    options = IMAGE_OPTIONS

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        own = Part(f"instances/{spec.service}/image", "instance/image", self.options)
        # the application goes below the instance's own overlay, as it does in a container
        return [own] if spec.layers == 3 else [Part(app.path, "instance/lower", self.options), own]


class FullImages(Cloning):
    """Full copies, as in the paper's set-up: each image holds all below it, and rsync sends the difference."""

    kind, storage = "kvm", "directory"
    options = IMAGE_OPTIONS

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        return [Part(f"instances/{spec.service}/image", "instance/image", self.options)]
