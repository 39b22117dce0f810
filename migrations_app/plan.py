"""What the Migrate page needs from the database: sizes, runs like this one, whether the target has the layer."""

from statistics import median
from typing import Any

from migrations_app.forecast import Forecast, Run, Sizes, forecast
from migrations_app.models import Host, Kind, LayerCopy, Method, Migration, MigrationStatus, Service, StageRun

# Where nothing has been measured: a container's own writes are small, and CRIU saves the pages that are in use
UNMEASURED_INSTANCE_BYTES = 1_000_000
UNMEASURED_MEMORY_SHARE = 0.25
LATEST_RUNS = 20


def application_copy(service: Service, host: Host) -> LayerCopy | None:
    """The copy of this service's application layer that a host holds."""
    copies = LayerCopy.objects.of_application(service.application, service.storage, service.kind)
    return copies.filter(host=host).first()


def application_found(service: Service, target: Host) -> bool:
    """Whether the application layer need not travel."""
    return application_copy(service, target) is not None


def sizes_of(service: Service) -> Sizes:
    """Bytes by layer: what the latest migrations of the application sent, or else the layer's size and the recipe's limit."""
    copy = application_copy(service, service.host) or (
        LayerCopy.objects.of_application(service.application, service.storage, service.kind).first()
    )
    megabytes = service.application.recipe.get("memory_mb", 256)
    if service.kind == Kind.KVM:  # its own kernel, and what the kernel keeps of its disk
        megabytes = max(256, megabytes)
    memory = int(megabytes * 1_000_000 * UNMEASURED_MEMORY_SHARE)
    return Sizes(
        application=_sent(service, "rsync_app_filesystem") or (copy.size_bytes if copy else 0),
        instance=_sent(service, "rsync_instance_filesystem") or UNMEASURED_INSTANCE_BYTES,
        memory=_sent(service, "rsync_instance_memory") or memory,
    )


def _sent(service: Service, stage: str) -> int:
    """The median of what this stage sent in the latest three-layer migrations of the application; 0 where there are none."""
    runs = Migration.objects.filter(
        application_name=service.application.name,
        kind=service.kind,
        storage=service.storage,
        layers=3,
        method=Method.SAVE,
        status=MigrationStatus.SUCCEEDED,
    )
    if stage == "rsync_app_filesystem":
        runs = runs.filter(app_found=False)
    # the few latest first, and then their stages: a join over the whole history takes a tenth of a second
    few = list(runs.order_by("-pk").values_list("pk", flat=True)[:LATEST_RUNS])
    sent = StageRun.objects.filter(migration_id__in=few, name=stage, bytes_on_wire__gt=0)
    latest = list(sent.values_list("bytes_on_wire", flat=True))
    return int(median(latest)) if latest else 0


def runs_like(
    service: Service,
    layers: int,
    found: bool,
    bandwidth_mbit: int,
    method: str = Method.SAVE,
    idle_memory: bool = False,
) -> list[Run]:
    """The latest successful migrations of the same application under the same conditions."""
    rows = Migration.objects.filter(
        application_name=service.application.name,
        kind=service.kind,
        layers=layers,
        method=method,
        idle_memory=idle_memory,
        storage=service.storage,
        bandwidth_mbit=bandwidth_mbit,
        status=MigrationStatus.SUCCEEDED,
        total_s__isnull=False,
        downtime_s__isnull=False,
        bytes_on_wire__isnull=False,
    )
    if layers == 3:  # in a two-layer migration the application always travels
        rows = rows.filter(app_found=found)
    figures = rows.order_by("-pk").values_list("total_s", "downtime_s", "bytes_on_wire")[:LATEST_RUNS]
    return [Run(total, down, sent) for total, down, sent in figures if total and down is not None and sent is not None]


def forecasts(
    service: Service, target: Host, method: str = Method.SAVE, idle_memory: bool = False
) -> dict[int, Forecast]:
    """What it will cost with two and with three layers."""
    found = application_found(service, target)
    sizes = sizes_of(service)
    bandwidth = min(service.host.bandwidth_mbit, target.bandwidth_mbit)
    return {
        layers: forecast(
            layers=layers,
            sizes=sizes,
            bandwidth_mbit=bandwidth,
            app_found=found,
            live=method == Method.LIVE,
            history=runs_like(service, layers, found, bandwidth, method, idle_memory),
        )
        for layers in (2, 3)
    }


def travelling(service: Service, target: Host, layers: int, method: str = Method.SAVE) -> list[dict[str, Any]]:
    """Line by line: which layer travels, how much, and when."""
    when = "while the service goes on" if method == Method.LIVE else "while suspended"
    sizes, found = sizes_of(service), application_found(service, target)
    base = {"layer": "Base layer", "travels": False, "bytes": 0, "when": f"{target} has its own copy"}
    if layers == 2:
        app = {"layer": "Application layer", "travels": True, "bytes": sizes.application, "when": "while suspended"}
    elif found:
        app = {"layer": "Application layer", "travels": False, "bytes": 0, "when": f"{target} holds it already"}
    else:
        app = {
            "layer": "Application layer",
            "travels": True,
            "bytes": sizes.application,
            "when": "before the suspension, while the service goes on",
        }
    instance = {"layer": "Instance: files", "travels": True, "bytes": sizes.instance, "when": when}
    memory = {"layer": "Instance: memory", "travels": True, "bytes": sizes.memory, "when": when}
    return [base, app, instance, memory]
