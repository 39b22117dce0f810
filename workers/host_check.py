"""Checking a host: its facts, its problems, its residency map as it really is."""

import time
from datetime import datetime

from asgiref.sync import async_to_sync
from django.utils import timezone

from migrations_app import actions
from migrations_app.models import (
    Application,
    BaseLayer,
    Host,
    HostRole,
    Origin,
    Service,
    ServiceStatus,
)
from migrations_app.technologies import DEFAULT, TECHNOLOGIES
from workers import leftovers, records
from workers.engine import MigrationError
from workers.hosts import facts
from workers.hosts.ssh import connect
from workers.layers import layer_of

FACTS_LIMIT_S = 180  # the first look at a layer takes its digest


def check(host: Host) -> list[dict[str, str]]:
    """Gather and record a host's facts; the problems found. Raises MigrationError when it cannot be reached."""
    asked_at, answers = timezone.now(), actions.answers_of(host)
    try:
        found = async_to_sync(_gather)(host)
    except MigrationError as error:
        actions.record_unreachable(host=host, problem=str(error.args[0]), fix=records.ssh_command(host))
        raise
    states = {instance.name: instance.state for instance in found.instances}
    seen = actions.HostSeen(asked_at, answers, str(found.values.pop("boot_id", "")), states)
    if host.role == HostRole.USER:
        problems = [p for p in facts.problems_of(found.values, "", "") if "clock" in p["what"]]
    else:
        problems = facts.problems_of(found.values, host.backhaul_address or "", host.access_bridge)
        problems += _record_layers(host, found)
        problems += _record_services(host, found.instances, asked_at)
        problems += leftovers.problems_of(host, found.leftovers)
    values = found.values | {"instances": states, "leftovers": sorted(found.leftovers)}
    actions.record_seen_host(host=host, seen=seen)
    actions.record_facts(host=host, values=values, problems=problems)
    return problems


async def _gather(host: Host) -> facts.Facts:
    async with connect(records.endpoint_of(host)) as reached:
        asked = time.time()
        said = await reached.call(
            "hosts/facts", host.backhaul_address or "-", host.access_bridge, host.user, limit_s=FACTS_LIMIT_S
        )
        return facts.parse(
            said, facts.clock_offset_ms(float(said["clock"]), asked, time.time()) if "clock" in said else 0.0
        )


def _record_layers(host: Host, found: facts.Facts) -> list[dict[str, str]]:
    """Make the residency map say what is there; a base that differs from the portal's is a problem."""
    kept, problems = [], []
    for layer in found.layers:
        kind, storage, name = layer_of(layer.path)
        if not storage:
            base, _created = BaseLayer.objects.get_or_create(
                name=name, kind=kind, defaults={"digest": layer.digest, "size_bytes": layer.size_bytes}
            )
            if base.digest != layer.digest:
                problems.append(
                    {
                        "what": f"Its base layer {name} ({TECHNOLOGIES[kind]}) differs from the other hosts'.",
                        "fix": f"./manage.py base provision {host} --kind {kind}",
                    }
                )
            copy = actions.record_layer_copy(
                host=host,
                base=base,
                name=name,
                kind=kind,
                digest=layer.digest,
                size_bytes=layer.size_bytes,
                origin=Origin.FOUND,
            )
            kept.append(copy.pk)
        elif application := _application_of(name):
            copy = actions.record_layer_copy(
                host=host,
                application=application,
                name=name,
                kind=kind,
                storage=storage,
                digest=layer.digest,
                size_bytes=layer.size_bytes,
                origin=Origin.FOUND,
            )
            kept.append(copy.pk)
    actions.record_layer_gone(host=host, keep=kept)
    return problems + _missing_bases(host, found)


def _missing_bases(host: Host, found: facts.Facts) -> list[dict[str, str]]:
    """Each kind that this edge has a base layer of, that the host could run, and that has none here."""
    held = {kind for kind, storage, _name in (layer_of(layer.path) for layer in found.layers) if not storage}
    wanted = set(BaseLayer.objects.values_list("kind", flat=True)) or {DEFAULT.key}
    return [
        {
            "what": f"It holds no base layer for {TECHNOLOGIES[kind]}, so it cannot be a target of such services.",
            "fix": f"./manage.py base provision {host} --kind {kind}",
        }
        for kind in sorted(wanted - held)
        if not TECHNOLOGIES[kind].missing_tools(found.values)
    ]


def _application_of(layer_name: str) -> Application | None:
    name, _hyphen, digest = layer_name.rpartition("-")
    return Application.objects.filter(name=name, recipe_digest__startswith=digest).first()


def _record_services(host: Host, instances: list[facts.Instance], asked_at: datetime) -> list[dict[str, str]]:
    """Make the portal's services say what runs here; an instance that it does not know is a problem."""
    found_here = {instance.name: instance for instance in instances}
    for service in Service.objects.filter(lock="", name__in=found_here).select_related("host"):
        instance = found_here[service.name]
        if instance.state != "RUNNING" or actions.was_written_since(service, asked_at):
            continue  # it may have come or gone while the host was answering
        if service.status == ServiceStatus.UNKNOWN:
            actions.record_seen(service=service, status=ServiceStatus.RUNNING, host=host)
        elif service.host == host:
            actions.record_memory(service_id=service.pk, memory_bytes=instance.memory_bytes)
    return [*_elsewhere(host, found_here), *_unknown(instances)]


def _elsewhere(host: Host, found_here: dict[str, facts.Instance]) -> list[dict[str, str]]:
    """Instances of services that the portal has on other hosts: one that runs, too, or what a migration could not take away."""
    problems = []
    others = Service.objects.exclude(host=host).filter(lock="", name__in=found_here)
    for service in others.select_related("host"):
        found, there = found_here[service.name], service.host
        if found.state == "RUNNING":
            what = f"“{service}” runs here, and the portal has it on {there}, {service.shown_status.label.lower()}."
            problems.append({"what": what, "fix": f"./manage.py host check {there}"})
        elif service.status == ServiceStatus.RUNNING:  # where that is not certain, this may be the only one
            what = f"A past instance of “{service}”, which runs on {there}, is still here ({found.state.lower()})."
            problems.append({"what": what, "fix": TECHNOLOGIES[found.kind].remove_command.format(name=found.name)})
    return problems


def _unknown(instances: list[facts.Instance]) -> list[dict[str, str]]:
    known = set(Service.objects.values_list("name", flat=True))
    return [
        {
            "what": f"There is an instance “{found.name}” that the portal does not know ({found.state.lower()}).",
            "fix": TECHNOLOGIES[found.kind].remove_command.format(name=found.name),
        }
        for found in sorted(instances, key=lambda found: found.name)
        if found.name not in known
    ]
