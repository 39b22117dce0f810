"""From the portal's records to the plain values that the stages use."""

from typing import Any

from django.conf import settings

from migrations_app import recipes
from migrations_app.models import Application, BaseLayer, Host, LayerCopy, Migration, Operation, Service
from migrations_app.technologies import TECHNOLOGIES
from workers.hosts.base import Endpoint
from workers.probe import Question
from workers.specs import InstanceSpec, Iterative, Live, MigrationSpec


class NotReady(Exception):
    """The portal lacks a record that the work needs; `args[0]` says which and what to do."""


def host_of(operation: Operation) -> Host:
    """Where an operation works. Raises NotReady when the host is gone."""
    if operation.host is None:
        raise NotReady("The host was removed meanwhile.")
    return operation.host


def endpoint_of(host: Host, bandwidth_mbit: int | None = None) -> Endpoint:
    """How to reach a host; an experiment may give its link less bandwidth than it has."""
    return Endpoint(
        name=host.name,
        address=host.address,
        port=host.port,
        user=host.user,
        key_file=host.key_file,
        host_key=host.host_key,
        backhaul_address=host.backhaul_address or "",
        bandwidth_mbit=min(host.bandwidth_mbit, bandwidth_mbit or host.bandwidth_mbit),
        access_bridge=host.access_bridge,
    )


def ssh_command(host: Host) -> str:
    """How an operator tries the connection by hand."""
    return f"ssh -p {host.port} {host.user}@{host.address}"


def recipe_of(application: Application) -> recipes.Recipe:
    """The recipe as it was checked when it was added."""
    return recipes.Recipe.model_validate(application.recipe)


def instance_of(service: Service) -> InstanceSpec:
    """A service as a host runs it."""
    application = service.application
    recipe = recipe_of(application)
    base = BaseLayer.objects.filter(name=application.base_name, kind=service.kind).first()
    copy = LayerCopy.objects.of_application(application, service.storage, service.kind).first()
    return InstanceSpec(
        service=service.name,
        kind=service.kind,
        storage=service.storage,
        base=application.base_name,
        base_digest=base.digest if base else "",
        app_layer=application.layer_name,
        app_digest=copy.digest if copy else "",
        address=service.address,
        prefix_length=service.prefix_length,
        hardware_address=service.hardware_address,
        memory_mb=recipe.memory_mb,
        cpus=recipe.cpus,
        pids=recipe.pids,
        **machine_of(service.host, service.kind),
    )


def machine_of(host: Host, kind: str) -> dict[str, Any]:
    """What the definition of a guest that is started on a host takes from the facts of all hosts."""
    alike = Host.objects.mec().select_related("facts")
    return TECHNOLOGIES[kind].machine(_values(host), [_values(other) for other in alike])


def _values(host: Host) -> dict[str, Any]:
    facts = host.facts_or_none
    return facts.values if facts else {}


def spec_of(migration: Migration) -> MigrationSpec:
    """What a migration moves. Raises NotReady when its service is gone."""
    if migration.service is None:
        raise NotReady(f"{migration.service_name} was removed: there is nothing to migrate.")
    return MigrationSpec(
        migration=migration.pk,
        instance=instance_of(migration.service),
        layers=migration.layers,
        live=Live(settings.LIVE_DOWNTIME_MS, settings.LIVE_NOT_CONVERGING == "throttle")
        if migration.way.live
        else None,
        iterative=Iterative(settings.ITERATIVE_DOWNTIME_MS, settings.LIVE_NOT_CONVERGING == "throttle")
        if migration.way.in_rounds
        else None,
        idle_memory=migration.idle_memory,
    )


def question_of(service: Service, default_interval_ms: int) -> Question:
    """What the probe asks this service."""
    recipe = recipe_of(service.application)
    probe = recipe.probe
    payload = recipe.probe_payload()
    if probe.protocol == "http":
        lines = [f"GET {probe.path} HTTP/1.1", f"Host: {service.address}", "Connection: close", "", ""]
        payload = "\r\n".join(lines).encode()
    return Question(
        protocol="udp" if probe.protocol == "udp" else "tcp",
        address=service.address,
        port=probe.port,
        payload=payload,
        counter=probe.counter,
        counter_encoding=probe.counter_encoding,
        interval_s=(probe.interval_ms or default_interval_ms) / 1000,
    )


def user_side() -> Host:
    """The machine at the user's side. Raises NotReady when none is registered."""
    host = Host.objects.probes().first()
    if host is None:
        raise NotReady("No machine at the user's side is registered: register one with the role “User's side (probe)”.")
    return host
