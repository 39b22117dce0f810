"""Layers of OCI containers: an application is an image as the OCI lays it out, of which only the blobs that a host lacks travel."""

import contextlib
import shlex
from pathlib import Path

from workers.engine import MigrationError
from workers.guests.oci.guest import settings
from workers.hosts.base import MecHost
from workers.specs import AppAtSource, ImageSpec, InstanceSpec, MigrationSpec
from workers.transfer.rsync import Part

from .base import Cloning

TAKE_LIMIT_S, SEND_LIMIT_S = 1800.0, 3600.0


class ImageStore(Cloning):
    """An instance is a container of the image: Podman's, with a writable layer of its own.

    Source: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
    """

    kind, storage = "oci", "overlay"

    def settings(self, instance: InstanceSpec, host: MecHost) -> str:
        return settings(instance, host.endpoint.access_bridge)

    async def take_image(self, host: MecHost, layer: str, image: ImageSpec, mark: str) -> tuple[str, int]:
        if image.archive is not None:
            await self._send(host, image.archive, mark)
        words = (layer, self.storage, mark, image.name, image.archive_digest)
        said = await host.call(
            f"{self.kind}/layers/take_image", *words, stdin=create_container(image), limit_s=TAKE_LIMIT_S
        )
        return said["digest"], int(said["bytes"])

    async def _send(self, host: MecHost, archive: Path, mark: str) -> None:
        script = f"{self.kind}/layers/archive_place"
        await host.call(script, mark, "make")
        try:
            await host.send_file(archive, f"/var/lib/mec/incoming/{mark}/archive", limit_s=SEND_LIMIT_S)
        except MigrationError:
            with contextlib.suppress(MigrationError):
                await host.call(script, mark, "remove", limit_s=120)
            raise

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        own = Part(f"instances/{spec.service}/upper", "instance/upper")
        # with two layers the image itself travels with the instance
        return [own] if spec.layers == 3 else [Part(app.path, "instance/lower"), own]


def create_container(image: ImageSpec) -> str:
    """The shell function with which a host makes a container of the image $1, and whether the recipe changes the image."""
    create = 'builder create --name "mec-build-$BUILD" --network none --pull never'
    more = shlex.join(f"--env={name}={value}" for name, value in image.environment.items())
    has_changes = "yes" if image.environment or image.command else ""
    return f'create_container() {{ {create} {more} "$1" {shlex.join(image.command)}; }}\nhas_changes={has_changes}\n'
