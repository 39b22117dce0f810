"""What the Migrate page needs from the database: sizes, runs like this one, whether the target has the layer."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, Sum

from migrations_app.forecast import ENOUGH_RUNS, Costs, Forecast, Run, Sizes, cheapest, forecast
from migrations_app.models import Host, LayerCopy, Migration, MigrationStatus, Policy, Service, StageRun
from migrations_app.models.migration import MigrationQuerySet
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.ways import THREE_LAYERS, NoSuchWay, Way, chosen, ways_of

# Where nothing has been measured: a service's own writes are small, and of the memory that it holds so much is sent, compressed
UNMEASURED_INSTANCE_BYTES = 1_000_000
UNMEASURED_MEMORY_SHARE = 0.2
# Of an application layer's bytes so many travel: measured with Debian's packages, compressed
UNMEASURED_LAYER_SHARE = 0.45
LATEST_RUNS = 20


def application_copy(service: Service, host: Host) -> LayerCopy | None:
    """The copy of this service's application layer that a host holds."""
    copies = LayerCopy.objects.of_application(service.application, service.storage, service.kind)
    return copies.filter(host=host).first()


def application_found(service: Service, target: Host) -> bool:
    """Whether the application layer need not travel."""
    return application_copy(service, target) is not None


def sizes_of(service: Service) -> Sizes:
    """Bytes by layer: what the latest migrations of the application sent, or else the layer's size and the memory held."""
    copy = application_copy(service, service.host) or (
        LayerCopy.objects.of_application(service.application, service.storage, service.kind).first()
    )
    # a service that has not answered yet may come to hold as much as its recipe allows
    held = service.memory_bytes or service.application.recipe.get("memory_mb", 256) * 1_000_000
    return Sizes(
        application=_sent(service, "rsync_app_filesystem")
        or int(UNMEASURED_LAYER_SHARE * (copy.size_bytes if copy else 0)),
        instance=_sent(service, "rsync_instance_filesystem") or UNMEASURED_INSTANCE_BYTES,
        memory=_sent(service, "rsync_instance_memory") or int(UNMEASURED_MEMORY_SHARE * held),
    )


def _like(service: Service) -> MigrationQuerySet:
    """The successful migrations of the same application, kind and storage."""
    return Migration.objects.filter(
        application_name=service.application.history_name,
        kind=service.kind,
        storage=service.storage,
        status=MigrationStatus.SUCCEEDED,
    )


def _sent(service: Service, stage: str) -> int:
    """The median of what this stage sent in the latest three-layer migrations of the application; 0 where there are none."""
    runs = _like(service).by(THREE_LAYERS)
    if stage == "rsync_app_filesystem":
        runs = runs.filter(app_found=False)
    # the few latest first, and then their stages: a join over the whole history takes a tenth of a second
    few = list(runs.order_by("-pk").values_list("pk", flat=True)[:LATEST_RUNS])
    sent = StageRun.objects.filter(migration_id__in=few, name=stage, bytes_on_wire__gt=0)
    latest = list(sent.values_list("bytes_on_wire", flat=True))
    return int(median(latest)) if latest else 0


def runs_like(
    service: Service,
    way: Way,
    found: bool,
    bandwidth_mbit: int,
) -> list[Run]:
    """The latest successful migrations under the same conditions: at this bandwidth if they suffice, else at any."""
    rows = _like(service).by(way).filter(total_s__isnull=False, downtime_s__isnull=False)
    if way.layers == 3:  # in a two-layer migration the application always travels
        rows = rows.filter(app_found=found)
    latest = list(rows.filter(bandwidth_mbit=bandwidth_mbit).order_by("-pk")[:LATEST_RUNS])
    if len(latest) < ENOUGH_RUNS:
        latest = list(rows.order_by("-pk")[:LATEST_RUNS])
    stages = StageRun.objects.filter(migration__in=latest).order_by().values_list("migration_id")
    sums = stages.annotate(
        before=Sum("bytes_on_wire", filter=Q(in_downtime=False)), down=Sum("bytes_on_wire", filter=Q(in_downtime=True))
    )
    sent = {pk: (before or 0, down or 0) for pk, before, down in sums}
    return [
        Run(row.total_s or 0.0, row.downtime_s or 0.0, *sent.get(row.pk, (0, 0)), row.bandwidth_mbit) for row in latest
    ]


def forecasts(
    service: Service,
    target: Host,
    transfer: str = "save",
    bandwidth_mbit: int | None = None,
) -> dict[int, Forecast]:
    """What it will cost with each number of layers that this transfer has; at the hosts' own bandwidth, unless another is given."""
    found = application_found(service, target)
    sizes = sizes_of(service)
    bandwidth = bandwidth_mbit or min(service.host.bandwidth_mbit, target.bandwidth_mbit)
    return {
        layers: forecast(
            way=way,
            sizes=sizes,
            bandwidth_mbit=bandwidth,
            app_found=found,
            kind=service.kind,
            history=runs_like(service, way, found, bandwidth),
        )
        for layers, way in ways_of(transfer).items()
    }


@dataclass(frozen=True)
class Decision:
    """Which way, by which policy (empty: a person chose), why, and what each number of layers would cost."""

    way: Way
    policy: str
    sentence: str
    forecasts: dict[int, Forecast]

    @property
    def layers(self) -> int:
        """The number of layers."""
        return self.way.layers

    @property
    def request(self) -> dict[str, Any]:
        """What request_migration is told."""
        expected = self.forecasts[self.layers].as_dict() if self.layers in self.forecasts else {}
        if self.policy:
            expected["why"] = self.sentence
        return {"way": self.way, "layers_chosen": self.policy, "forecast": expected}


def decide(service: Service, target: Host, layers: int | None, transfer: str = "save") -> Decision:
    """As a person said; or, where `layers` is None, by the service's policy, from what both models are expected to cost.

    Raises ValidationError where there is no such way.
    """
    try:
        way = chosen(layers or THREE_LAYERS.layers, transfer)
    except NoSuchWay as error:
        # rather what no number of layers would change
        about = (service.name, TECHNOLOGIES[service.kind], service.storage)
        never = [finding.sentence for way in ways_of(transfer).values() for finding in way.refusals(*about)]
        raise ValidationError(never or str(error)) from error
    expected, ways = forecasts(service, target, transfer), ways_of(transfer)
    if layers is not None:
        return Decision(way, "", "", expected)
    if len(ways) == 1:
        return Decision(way, service.policy, f"{way.layers_in_words}: this method has no other plan.", expected)
    costs = Costs(service.cost_per_downtime_s, service.cost_per_total_s, service.cost_per_mb)
    *alike, best = cheapest(expected, service.policy, costs)
    ours, other = expected[best], expected[5 - best]
    sentence = (
        f"{ways[best].layers_in_words}, for the {Policy(service.policy).label.lower()}: "
        f"about {ours.downtime_s:.1f} s of downtime, "
        f"{ours.total_s:.1f} s in all and {ours.bytes_on_wire / 1e6:.0f} MB, instead of {other.downtime_s:.1f} s, "
        f"{other.total_s:.1f} s and {other.bytes_on_wire / 1e6:.0f} MB."
        f"{' That is about the same, and the layer stays there for the next time.' if alike else ''}"
    )
    return Decision(ways[best], service.policy, sentence, expected)


def travelling(service: Service, target: Host, way: Way) -> list[dict[str, Any]]:
    """Line by line: which layer travels, how much, and when."""
    when = "while the service goes on" if way.copied_while_running else "while suspended"
    sizes, found = sizes_of(service), application_found(service, target)
    base = {"layer": "Base layer", "travels": False, "bytes": 0, "when": f"{target} has its own copy"}
    if way.layers == 2:
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
