"""Why an experiment cannot be, as far as the portal knows without asking a host: all reasons, one sentence each."""

from collections.abc import Iterator

from migrations_app.admission.verdict import base_between, between, image_refusal, lacking, of_host, side_of
from migrations_app.models import (
    Application,
    Design,
    Host,
    HostStatus,
    LayerCopy,
    Service,
    ServiceNetwork,
    Storage,
)
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.findings import Finding, faults
from migrations_app.technologies.ways import TRANSFERS, technologies_of

from . import paper
from .designs import AS_IN_THE_PAPER, RAM_MB, Choice, settings_of

MOST_RUNS = 100
SPARE_BYTES = 500_000_000
# where nobody has built or measured the layer yet
UNKNOWN_LAYER_MB = 300


def faults_of(choice: Choice, source: Host, target: Host, runs: int) -> list[str]:
    """Every reason against this completed choice; empty when it can begin."""
    return [*_choice_faults(choice, runs), *_host_faults(choice, source, target)] or [
        *_layer_faults(choice, source, target)
    ]


def _choice_faults(choice: Choice, runs: int) -> Iterator[str]:
    if choice.design not in Design.values:
        yield f"There is no experiment {choice.design}: choose {', '.join(Design.values)}."
    if not 1 <= runs <= MOST_RUNS:
        yield f"{runs} runs of each cell cannot be: choose 1 to {MOST_RUNS}."
    if choice.preset not in ("", AS_IN_THE_PAPER):
        yield f"There is no preset {choice.preset}: choose {AS_IN_THE_PAPER}, or none."
    choices: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("kind", choice.kinds, tuple(TECHNOLOGIES)),
        ("storage", choice.storages, tuple(Storage.values)),
        ("way to send the state", choice.transfers, tuple(TRANSFERS)),
    )
    for what, chosen, possible in choices:
        if not chosen:
            yield f"No {what} is chosen: choose {' or '.join(possible)}."
        for word in chosen:
            if word not in possible:
                yield f"There is no {what} “{word}”: choose {' or '.join(possible)}."
    for technology in (TECHNOLOGIES[kind] for kind in choice.kinds if kind in TECHNOLOGIES):
        if choice.storages and all(technology.storage_refusal(storage) for storage in choice.storages):
            yield f"{technology} has no storage {' or '.join(choice.storages)}. {technology.no_storage}"
    known = Application.objects.lasting().in_bulk(field_name="name")
    for name in choice.applications:
        if name not in known:
            yield f"There is no application “{name}”. There are: {', '.join(known) or 'none yet'}."
            continue
        yield from filter(None, (image_refusal(known[name], kind) for kind in choice.kinds if kind in TECHNOLOGIES))
        if choice.design == Design.FIGURE_5_RAM and name not in paper.RAM_APPLICATIONS:
            yield f"{name} has no memory to set: this experiment is for {' or '.join(paper.RAM_APPLICATIONS)}."
    if any(size < 1 or size > 10 * max(RAM_MB) for size in choice.ram_mb):
        yield f"The memory in use must be 1 to {10 * max(RAM_MB)} MB."


def _host_faults(choice: Choice, source: Host, target: Host) -> Iterator[str]:
    if source == target:
        yield f"{source} cannot be source and target at once: choose two hosts."
    for host in (source, target):
        yield from faults([*of_host(host)])
    yield from _pair_faults(choice, source, target)
    link = min(source.bandwidth_mbit, target.bandwidth_mbit)
    if choice.design == Design.FIGURE_5_BANDWIDTH:
        for width in choice.bandwidths_mbit:
            if width < 1:
                yield f"A bandwidth of {width} Mbit/s cannot be: choose 1 to {link}."
            elif width > link:
                yield f"The link between {source} and {target} has {link} Mbit/s: {width} Mbit/s cannot be measured on it."
    if not Host.objects.probes().exists():
        yield "No machine at the user's side is registered, so no downtime can be measured: register one."
    if not ServiceNetwork.objects.exists():
        yield "The portal does not know the services' network yet: set it with “manage.py network”."


def _pair_faults(choice: Choice, source: Host, target: Host) -> Iterator[str]:
    """What keeps a guest from going on at the other host, either way: an experiment goes there and back."""
    found: list[Finding] = []
    for kind in (kind for kind in choice.kinds if kind in TECHNOLOGIES):
        for here, there in ((source, target), (target, source)):
            found += between(kind, side_of(here), side_of(there))
    yield from dict.fromkeys(faults(found))


def _layer_faults(choice: Choice, source: Host, target: Host) -> Iterator[str]:
    """Only of a choice that is possible otherwise: bases that are missing, disks and memories that are too small."""
    settings = settings_of(choice, min(source.bandwidth_mbit, target.bandwidth_mbit))
    if not settings:
        able = ", ".join(dict.fromkeys(technologies_of(transfer) for transfer in choice.transfers))
        yield f"None of the chosen kinds can travel this way with this storage: only {able} can, as overlays."
    bases = {(app.base_name, kind) for app in _applications(choice) for kind in choice.kinds}
    for base, kind in sorted(bases):
        either_way = (*base_between(base, kind, source, target), *base_between(base, kind, target, source))
        yield from dict.fromkeys(faults(list(either_way)))
    for host in (source, target):
        facts = host.facts_or_none
        free = facts.values.get("disk_free_bytes") if facts else None
        needed = max(
            (_disk_bytes(choice, kind, storage) for kind in choice.kinds for storage in choice.storages), default=0
        )
        if free is not None and free < needed:
            yield (
                f"{host} has {free / 1e6:,.0f} MB of disk free, and the layers take {needed / 1e6:,.0f} MB: "
                "make room there, or choose fewer applications."
            )
        memory = facts.values.get("memory_free_bytes") if facts else None
        ram = 1_000_000 * max((app.recipe.get("memory_mb", 256) for app in _applications(choice)), default=0)
        if choice.design == Design.FIGURE_5_RAM:
            ram = max(ram, 1_000_000 * max(choice.ram_mb, default=0))
        if memory is not None and memory < ram:
            yield f"{host} has {memory / 1e6:,.0f} MB of memory free, and {ram / 1e6:,.0f} MB are needed: make room there."


def _applications(choice: Choice) -> list[Application]:
    return list(Application.objects.filter(name__in=choice.applications))


def _disk_bytes(choice: Choice, kind: str, storage: str) -> int:
    """The most that one cell needs on a host: its layers and instance, what arrives beside them, and the saved memory."""
    most = 0.0
    for application in _applications(choice):
        copy = LayerCopy.objects.of_application(application, storage, kind).first()
        alike = paper.installed_mb(application.name, kind)
        layer = copy.size_bytes if copy else 1e6 * (UNKNOWN_LAYER_MB if alike is None else alike)
        copies = 2
        if storage == Storage.DIRECTORY:  # each layer is a full copy of those below
            base = LayerCopy.objects.filter(base__name=application.base_name, kind=kind).first()
            layer += base.size_bytes if base else 0
            copies = 4
        most = max(most, copies * layer + 1e6 * application.recipe.get("memory_mb", 256))
    return int(most) + SPARE_BYTES


def pair_of_hosts(kinds: tuple[str, ...]) -> tuple[Host, Host] | None:
    """The two hosts an experiment is run on where nobody says which: able to, and with the fewest services."""
    able = [
        host
        for host in Host.objects.mec()
        if host.status in (HostStatus.READY, HostStatus.PROBLEM) and not any(lacking(host, kind) for kind in kinds)
    ]
    able.sort(key=lambda host: Service.objects.filter(host=host).count())
    return (able[0], able[1]) if len(able) > 1 else None
