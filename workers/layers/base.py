"""The protocol of a layer store, and what all stores do alike."""

from typing import Protocol

from migrations_app.technologies import TECHNOLOGIES
from workers.engine import MigrationError
from workers.hosts.base import MecHost
from workers.specs import AppAtSource, ImageSpec, InstanceSpec, MigrationSpec
from workers.transfer.rsync import Part

# of a slow host: its digest is taken, and an image is unpacked
KEEP_LIMIT_S = 900.0


def layer_of(path: str) -> tuple[str, str, str]:
    """(kind, storage, name) of a layer by its path below a host's layer directory; a base has no storage."""
    # the longest folder first: the first technology's is the layer directory itself
    longest = sorted(TECHNOLOGIES.values(), key=lambda technology: -len(technology.layers_folder))
    technology = next(each for each in longest if path.startswith(each.layers_folder))
    _what, *storage, name = path.removeprefix(technology.layers_folder).split("/")
    return technology.key, "".join(storage), name


class LayerStore(Protocol):
    """How layers lie on hosts: what a clone is, and which files make up the layer that travels."""

    async def clone_base_as_app(self, target: MecHost, spec: MigrationSpec) -> None:
        """Begin an application layer at the target, in the migration's own directory."""
        ...

    async def keep_app(self, target: MecHost, spec: MigrationSpec, app: AppAtSource) -> int:
        """Make the received application layer the target's own; its size in bytes. A damaged one is refused."""
        ...

    async def clone_as_instance(self, target: MecHost, spec: MigrationSpec) -> None:
        """Clone the application (three layers) or the base (two) as the instance that will be received."""
        ...

    async def clone_for_start(self, host: MecHost, instance: InstanceSpec) -> None:
        """Clone the application layer as a new instance, to be started on this host."""
        ...

    async def take_image(self, host: MecHost, layer: str, image: ImageSpec, mark: str) -> tuple[str, int]:
        """Make an application layer of a container image on this host, for the work of that mark; its digest and size."""
        ...

    def place(self, layer: str) -> str:
        """Where an application layer lies, below the hosts' layer directory."""
        ...

    def app_parts(self, app: AppAtSource) -> list[Part]:
        """The files of the application layer."""
        ...

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        """The files that travel after the suspension: the instance layer, and with two layers all above the base."""
        ...


class Cloning:
    """What all stores do alike: the scripts know the kind and the storage by their names."""

    kind: str
    storage: str
    options = ""  # of rsync, for a layer's files

    def place(self, layer: str) -> str:
        """Where an application layer lies, below the hosts' layer directory."""
        return f"{TECHNOLOGIES[self.kind].layers_folder}app/{self.storage}/{layer}"

    async def clone_base_as_app(self, target: MecHost, spec: MigrationSpec) -> None:
        script = f"{self.kind}/layers/clone_base_as_app"
        words = (spec.migration, spec.instance.base, self.storage, spec.instance.app_layer)
        await target.call(script, *words, limit_s=120)

    async def keep_app(self, target: MecHost, spec: MigrationSpec, app: AppAtSource) -> int:
        said = await target.call(
            f"{self.kind}/layers/keep_layer",
            spec.migration,
            self.place(spec.instance.app_layer),
            app.digest,
            limit_s=KEEP_LIMIT_S,
        )
        return int(said["bytes"])

    async def clone_as_instance(self, target: MecHost, spec: MigrationSpec) -> None:
        layer = spec.instance.app_layer if spec.layers == 3 else "-"
        await self._clone(target, spec.instance, f"incoming/{spec.migration}/files/instance", layer, spec.idle_memory)

    async def take_image(self, host: MecHost, layer: str, image: ImageSpec, mark: str) -> tuple[str, int]:
        raise MigrationError(f"{TECHNOLOGIES[self.kind]} runs no container images: choose a technology that does.")

    async def clone_for_start(self, host: MecHost, instance: InstanceSpec) -> None:
        await self._clone(host, instance, f"instances/{instance.service}", instance.app_layer)

    async def _clone(self, host: MecHost, instance: InstanceSpec, place: str, layer: str, idle: bool = False) -> None:
        script = f"{self.kind}/layers/clone_instance"
        how = (self.storage, "idle" if idle else "-")
        words = (instance.service, place, instance.base, layer, *how, instance.hardware_address)
        await host.call(script, *words, stdin=self.settings(instance, host), limit_s=120)

    def settings(self, instance: InstanceSpec, host: MecHost) -> str:
        """What a clone has to know of the instance beyond its layers; nothing where it is said when it starts."""
        return ""

    def app_parts(self, app: AppAtSource) -> list[Part]:
        parts = [Part(app.path, f"layer/{TECHNOLOGIES[self.kind].layer_content}", self.options)]
        return [*parts, Part(app.idle_path, "layer/idle", self.options)] if app.idle_path else parts
