"""Layers of OCI containers: an application is an image as the OCI lays it out, of which only the blobs that a host lacks travel."""

from workers.guests.oci.guest import settings
from workers.hosts.base import MecHost
from workers.specs import AppAtSource, InstanceSpec, MigrationSpec
from workers.transfer.rsync import Part

from .base import Cloning


class ImageStore(Cloning):
    """An instance is a container of the image: Podman's, with a writable layer of its own.

    Source: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
    """

    kind, storage = "oci", "overlay"

    def settings(self, instance: InstanceSpec, host: MecHost) -> str:
        return settings(instance, host.endpoint.access_bridge)

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        own = Part(f"instances/{spec.service}/upper", "instance/upper")
        # with two layers the image itself travels with the instance
        return [own] if spec.layers == 3 else [Part(app.path, "instance/lower"), own]
