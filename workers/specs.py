"""What is moved: plain values, read once from the portal's records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InstanceSpec:
    """A service as a host runs it: its layers, its place in the network, its limits."""

    service: str
    kind: str
    storage: str
    base: str
    base_digest: str
    app_layer: str
    app_digest: str  # as the residency map has it; empty when no host holds the layer
    address: str
    prefix_length: int
    hardware_address: str
    memory_mb: int
    # of containers; a virtual machine has one processor
    cpus: float | None = None
    pids: int | None = None
    # of virtual machines: what runs them on the service's host, and the processors of all hosts it may move to
    acceleration: str = ""
    machine_type: str = ""
    processors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Live:
    """What a technology's own live migration is told."""

    downtime_ms: int  # switch over when the rest can be sent within so long
    throttle: bool  # slow a guest down that changes its memory faster than the link sends it


@dataclass(frozen=True)
class Iterative:
    """What a migration in rounds is told."""

    downtime_ms: int  # suspend when the rest can be sent within so long
    throttle: bool  # slow a service down that changes its memory faster than the link sends it; or else give up


@dataclass(frozen=True)
class ImageSpec:
    """A container image that is an application as it is: by its name, or in an archive of the portal's."""

    name: str
    archive: Path | None
    archive_digest: str  # SHA-256
    environment: Mapping[str, str]  # beyond the image's own
    command: tuple[str, ...]  # in place of what follows the image's own entrypoint


@dataclass(frozen=True)
class MigrationSpec:
    """One migration of a service."""

    migration: int
    instance: InstanceSpec
    layers: int
    live: Live | None = None  # by the technology itself; None: saved and sent
    iterative: Iterative | None = None  # copied in rounds before the suspension; None: all is sent after it
    idle_memory: bool = False  # send the memory as a difference to that of the idle application

    @property
    def service(self) -> str:
        return self.instance.service


@dataclass(frozen=True)
class SavedState:
    """A saved state on the source: the digest of its manifest, its size, and the virtual machine's definition (base64)."""

    digest: str
    size_bytes: int
    definition: str = ""


@dataclass(frozen=True)
class InstanceState:
    """What one host says of a service during a migration."""

    running: bool
    frozen: bool = False  # all of it is there and stands still
    received: bool = False  # brought here whole by the migration, paused, and not resumed yet
    saved: bool = False  # its state was saved whole here
    went_on: bool = False  # a restoration here got as far as letting it go on


@dataclass(frozen=True)
class Found:
    """What one host has of a service that no migration moves."""

    state: str  # as its technology calls it
    instance: bool  # its directory is there
    owner: str  # the hardware address of the service that the instance was made for; empty where nothing says it
    stranger: bool = False  # the technology has a guest of this name that is not the service

    @property
    def alive(self) -> bool:
        """It runs, or is frozen, or on its way to either."""
        return self.state not in ("ABSENT", "STOPPED")


@dataclass(frozen=True)
class AppAtSource:
    """The application layer as the source holds it."""

    path: str  # below the hosts' layer directory
    digest: str
    size_bytes: int
    idle_path: str = ""  # beside a virtual machine's layer: the memory of the idle application
