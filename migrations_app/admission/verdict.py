"""May this service move? What the database knows, judged by the rules. Page, API, command line, `request_migration` and
experiments all ask here, and say the same sentences."""

from collections.abc import Iterator

from migrations_app.deciding import application_copy, application_found, sizes_of
from migrations_app.models import (
    Application,
    Experiment,
    Host,
    HostRole,
    HostStatus,
    LayerCopy,
    Service,
    ServiceStatus,
)
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.findings import FAULT, OK, SEVERITY, WARNING, Finding, Side
from migrations_app.technologies.ways import THREE_LAYERS, Way

from . import rules
from .occupied import occupation


def verdict(
    service: Service,
    target: Host,
    *,
    way: Way = THREE_LAYERS,
    experiment: Experiment | None = None,
) -> list[Finding]:
    """Everything that speaks for and against this migration, faults first; `experiment` asks, or a person."""
    found = [*_service(service, target, experiment)]
    found += way.refusals(service.name, TECHNOLOGIES[service.kind], service.storage)
    if target.role == HostRole.MEC and target != service.host:
        source, there = side_of(service.host), side_of(target)
        found += [*of_host(target), *of_host(service.host)]
        found += between(service.kind, source, there)
        found += _layers(service, target, way.layers)
        found += _room(service, source, target, way)
    return sorted(found, key=lambda finding: SEVERITY[finding.state])


def side_of(host: Host) -> Side:
    """A host as its last check found it."""
    facts = host.facts_or_none
    return Side(host.name, facts.values if facts else {})


def lacking(host: Host, kind: str) -> str:
    """One sentence why the host cannot run this kind; empty when it can, or when no check has looked yet."""
    return rules.lacks_tools(kind, side_of(host))


def image_refusal(application: Application, kind: str) -> str:
    """One sentence why an application cannot be had in a technology: an image needs one that runs images; empty when it can."""
    if application.of_image and not TECHNOLOGIES[kind].runs_images:
        able = " or ".join(str(each) for each in TECHNOLOGIES.values() if each.runs_images)
        return f"{application} is a container image, which {TECHNOLOGIES[kind]} does not run: choose {able}."
    return ""


def of_host(host: Host) -> Iterator[Finding]:
    """Whether a host can be a source or a target at all."""
    status = host.shown_status
    if host.role != HostRole.MEC:
        yield Finding(FAULT, f"{host} is the user's side, not a MEC host: choose a MEC host.")
    elif status == HostStatus.READY:
        yield Finding(OK, f"{host} was ready at its last check.")
    elif status == HostStatus.UNREACHABLE:
        sentence = f"{host} does not answer: fix the connection, then check it."
        yield Finding(FAULT, sentence, "check", host.name)
    elif status == HostStatus.PROBLEM:
        sentence = f"{host} has problems: its page lists them, each with what fixes it."
        yield Finding(WARNING, sentence, "host", host.name)
    else:
        yield Finding(FAULT, f"{host} has not been checked yet: check it first.", "check", host.name)


def between(kind: str, source: Side, target: Side) -> Iterator[Finding]:
    """Whether a guest of this kind, once saved on the one, can go on at the other; nothing where a check is still to come."""
    if not target.values:
        return
    yield from rules.between(kind, source, target)


def base_between(name: str, kind: str, source: Host, target: Host) -> Iterator[Finding]:
    """Whether both hosts hold the same base."""
    held = dict(LayerCopy.objects.filter(base__name=name, kind=kind).values_list("host_id", "digest"))
    here, there = held.get(source.pk, ""), held.get(target.pk, "")
    yield from rules.base(name, kind, Side(source.name), Side(target.name), here, there)


def _service(service: Service, target: Host, experiment: Experiment | None) -> Iterator[Finding]:
    if sentence := occupation(service, experiment):
        yield Finding(FAULT, sentence)
    if service.status != ServiceStatus.RUNNING:
        status = service.shown_status.label.lower()
        yield Finding(FAULT, f"{service} is {status}: only a running service can be migrated live.")
    if target == service.host:
        yield Finding(FAULT, f"{service} already runs on {target}: choose another target.")
    elif target.role != HostRole.MEC:
        yield from of_host(target)


def _layers(service: Service, target: Host, layers: int) -> Iterator[Finding]:
    source = service.host
    yield from base_between(service.application.base_name, service.kind, source, target)
    here = service.private_application or application_copy(service, source) is not None
    there = application_found(service, target)
    yield from rules.application(service.storage, layers, Side(source.name), Side(target.name), here, there)


def _room(service: Service, source: Side, target: Host, way: Way) -> Iterator[Finding]:
    limit = TECHNOLOGIES[service.kind].memory_needed(service.application.recipe.get("memory_mb", 256) * 1_000_000)
    # one that has not answered yet may come to hold as much as its recipe allows
    held = service.memory_bytes or limit
    copy = application_copy(service, service.host)
    travels = way.layers == 2 or not application_found(service, target)
    load = rules.Load(copy.size_bytes if copy and travels else 0, sizes_of(service).instance, held)
    yield from rules.room(source, side_of(target), load, held, rounds=way.in_rounds)
