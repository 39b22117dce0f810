"""Layers as the paper had them: each a full copy of the one below plus its own files; rsync sends the difference."""

from workers.specs import AppAtSource, MigrationSpec
from workers.transfer.rsync import CLONE_OPTIONS, Part

from .base import Cloning


class DirectoryStore(Cloning):
    """An instance is a full copy."""

    kind, storage = "lxc", "directory"
    options = CLONE_OPTIONS

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        return [Part(f"instances/{spec.service}/rootfs", "instance/rootfs", self.options)]
