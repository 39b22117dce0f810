"""Layers: built, provisioned, and the residency map of who holds what."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from migrations_app.admission.verdict import image_refusal
from migrations_app.hints import hint_on_commit
from migrations_app.models import (
    Application,
    BaseLayer,
    Experiment,
    Host,
    HostRole,
    LayerCopy,
    Operation,
    OperationKind,
    Origin,
    Service,
    ServiceNetwork,
    Storage,
    TimelineKind,
)
from migrations_app.models.names import validate_name
from migrations_app.technologies import DEFAULT, TECHNOLOGIES

from .applications import kept_for_another
from .operations import queue_operation
from .timeline import record_in_timeline


@transaction.atomic
def set_network(*, cidr: str, first: str, last: str) -> ServiceNetwork:
    """Say which addresses services get. One network for all: they keep their address wherever they run."""
    network = ServiceNetwork.objects.first() or ServiceNetwork()
    network.cidr, network.first_address, network.last_address = cidr, first, last
    network.full_clean()
    network.save()
    return network


def build_base(*, host: Host, name: str = "debian-13", kind: str = DEFAULT.key, by: User | None = None) -> Operation:
    """Ask a worker to build a base layer from Debian's packages on a host."""
    _must_be_mec(host)
    validate_name(name)
    return queue_operation(
        kind=OperationKind.BUILD_BASE,
        subject=f"{name} ({TECHNOLOGIES[kind]}) on {host}",
        host=host,
        argument=f"{kind}/{name}",
        by=by,
    )


def provision_base(
    *, host: Host, name: str = "debian-13", kind: str = DEFAULT.key, by: User | None = None
) -> Operation:
    """Ask a worker to send the base layer to a host that lacks it, from one that has it."""
    _must_be_mec(host)
    validate_name(name)
    if not LayerCopy.objects.filter(base__name=name, base__kind=kind).exclude(host=host).exists():
        raise ValidationError(f"No other host holds the base {name} ({TECHNOLOGIES[kind]}): build it on one first.")
    return queue_operation(
        kind=OperationKind.PROVISION_BASE,
        subject=f"{name} ({TECHNOLOGIES[kind]}) on {host}",
        host=host,
        argument=f"{kind}/{name}",
        by=by,
    )


def build_application(
    *,
    application: Application,
    host: Host,
    kind: str | None = None,
    storage: str = Storage.OVERLAY,
    experiment: Experiment | None = None,
    by: User | None = None,
) -> Operation:
    """Ask a worker to bring an application layer to a host: fetched from a host that has it, else built there.

    Without a `kind` it is of the application's usual one.
    """
    kind = kind or application.usual_kind
    _must_be_mec(host)
    _must_not_be_anothers(application, experiment)
    if sentence := image_refusal(application, kind) or TECHNOLOGIES[kind].storage_refusal(storage):
        raise ValidationError(sentence)
    return queue_operation(
        kind=OperationKind.BUILD_APPLICATION,
        subject=f"{application} ({TECHNOLOGIES[kind]}) on {host}",
        host=host,
        application=application,
        argument=f"{kind}/{storage}",
        by=by,
    )


def remove_layer(
    *,
    application: Application,
    host: Host,
    kind: str,
    storage: str,
    experiment: Experiment | None = None,
    by: User | None = None,
) -> Operation:
    """Ask a worker to remove an application layer from a host, where no service stands on it."""
    _must_not_be_anothers(application, experiment)
    on_it = Service.objects.filter(application=application, host=host, kind=kind, storage=storage)
    if names := ", ".join(on_it.values_list("name", flat=True)):
        raise ValidationError(f"On {host} {names} stands on the layer of {application}: migrate or remove it first.")
    return queue_operation(
        kind=OperationKind.REMOVE_LAYER,
        subject=f"{application} ({TECHNOLOGIES[kind]}) on {host}",
        host=host,
        application=application,
        argument=f"{kind}/{storage}",
        by=by,
    )


def forget_layer(*, host: Host, name: str, kind: str, storage: str) -> None:
    """Take one copy out of the residency map."""
    LayerCopy.objects.filter(host=host, name=name, kind=kind, storage=storage).delete()
    hint_on_commit()


def _must_be_mec(host: Host) -> None:
    if host.role != HostRole.MEC:
        raise ValidationError(f"{host} is the user's side, not a MEC host: choose a MEC host.")


def _must_not_be_anothers(application: Application, experiment: Experiment | None) -> None:
    if sentence := kept_for_another(application, experiment):
        raise ValidationError(sentence)


@transaction.atomic
def record_layer_copy(
    *,
    host: Host,
    name: str,
    digest: str,
    size_bytes: int,
    origin: Origin,
    base: BaseLayer | None = None,
    application: Application | None = None,
    storage: str = "",
    kind: str = DEFAULT.key,
) -> LayerCopy:
    """Write into the residency map that a host holds a layer; where it came from stays as first recorded."""
    key: dict[str, Any] = {"host": host, "name": name, "storage": storage, "kind": kind}
    values: dict[str, Any] = {"base": base, "application": application, "digest": digest, "size_bytes": size_bytes}
    copy, _created = LayerCopy.objects.update_or_create(
        **key, defaults=values, create_defaults={**values, "origin": origin}
    )
    hint_on_commit()
    return copy


def record_layer_gone(*, host: Host, keep: list[int]) -> None:
    """Take those copies of a host out of the residency map that its check did not see."""
    for copy in LayerCopy.objects.filter(host=host).exclude(pk__in=keep):
        record_copy_gone(copy)


def record_copy_gone(copy: LayerCopy) -> None:
    """One copy is no longer on its host, and no work of the portal's removed it."""
    copy.delete()
    message = f"The layer {copy.name} ({copy.get_kind_display()}) is gone from {copy.host}."
    record_in_timeline(TimelineKind.LAYER_GONE, message, host=copy.host)
    hint_on_commit()
