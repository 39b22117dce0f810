"""Services (called so everywhere else; this module is not services.py, which means something else in Django houses)."""

import ipaddress
import secrets

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from migrations_app.admission.verdict import image_refusal, lacking
from migrations_app.hints import hint_on_commit
from migrations_app.models import (
    Application,
    Experiment,
    Host,
    HostRole,
    Operation,
    OperationKind,
    Service,
    ServiceNetwork,
    ServiceStatus,
    Storage,
)
from migrations_app.technologies import TECHNOLOGIES

from .applications import kept_for_another
from .operations import queue_operation


@transaction.atomic
def deploy_service(
    *,
    name: str,
    application: Application,
    host: Host,
    kind: str | None = None,
    storage: str = Storage.OVERLAY,
    address: str | None = None,
    experiment: Experiment | None = None,
    by: User | None = None,
) -> Operation:
    """Give a new service its fixed address and ask a worker to start it on a host; `experiment`: for itself alone.

    Without a `kind` it has the application's usual one.
    """
    kind = kind or application.usual_kind
    if sentence := kept_for_another(application, experiment) or image_refusal(application, kind):
        raise ValidationError(sentence)
    if host.role != HostRole.MEC:
        raise ValidationError(f"{host} is the user's side, not a MEC host: choose a MEC host.")
    if sentence := lacking(host, kind) or TECHNOLOGIES[kind].storage_refusal(storage):
        raise ValidationError(sentence)
    network = ServiceNetwork.objects.select_for_update().first()
    if network is None:
        raise ValidationError("The portal does not know the services' network yet: set it with “manage.py network”.")
    cidr = ipaddress.ip_network(network.cidr)
    if address is not None:
        _check_address(address, network.cidr)
    service = Service(
        name=name,
        application=application,
        host=host,
        kind=kind,
        storage=storage,
        address=address or network.free_address(),
        prefix_length=cidr.prefixlen,
        hardware_address=free_hardware_address(),
        experiment=experiment,
    )
    service.full_clean()
    service.save()
    return _queue(OperationKind.DEPLOY, service, by, experiment)


def _check_address(address: str, cidr: str) -> None:
    try:
        inside = ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
    except ValueError as error:
        raise ValidationError(f"{address} is not an address: write it as 10.0.2.10.") from error
    if not inside:
        raise ValidationError(f"{address} is not in the services' network {cidr}: choose one in it, or none.")


def free_hardware_address() -> str:
    """A locally administered, unicast hardware address that no service has."""
    while True:
        address = "02:4d:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(4))
        if not Service.objects.filter(hardware_address=address).exists():
            return address


def start_service(*, service: Service, by: User | None = None) -> Operation:
    """Ask a worker to start a stopped service where it is."""
    return _queue(OperationKind.START, service, by)


def stop_service(*, service: Service, by: User | None = None) -> Operation:
    """Ask a worker to stop a running service; its files stay."""
    return _queue(OperationKind.STOP, service, by)


def remove_service(*, service: Service, experiment: Experiment | None = None, by: User | None = None) -> Operation:
    """Ask a worker to stop a service and delete its instance; its migrations stay in the history."""
    return _queue(OperationKind.REMOVE, service, by, experiment)


def _queue(kind: OperationKind, service: Service, by: User | None, experiment: Experiment | None = None) -> Operation:
    """Raises ValidationError when other work has the service."""
    return queue_operation(
        kind=kind, subject=service.name, service=service, host=service.host, experiment=experiment, by=by
    )


def set_policy(*, service: Service, policy: str, **costs: float) -> None:
    """Say what two or three layers are chosen for; `costs` are those of the weighted policy. Raises ValidationError."""
    service.policy = policy
    for name, value in costs.items():
        setattr(service, name, value)
    service.clean_fields(exclude=[field.name for field in service._meta.fields if field.name not in {"policy", *costs}])
    service.save(update_fields=["policy", *costs])
    hint_on_commit()


def record_memory(*, service_id: int, memory_bytes: int) -> None:
    """Write down how much memory a running service holds."""
    Service.objects.filter(pk=service_id).update(memory_bytes=memory_bytes)


def record_service(*, service_id: int, status: ServiceStatus, host: Host | None = None) -> None:
    """Write down what a service does now, and where.

    What was not known before a failure is not known after it: `unknown` is ended by a look at the hosts, not by a failure.
    """
    rows = Service.objects.filter(pk=service_id)
    if status == ServiceStatus.FAILED:
        rows = rows.exclude(status=ServiceStatus.UNKNOWN)
    rows.update(status=status, **({"host": host} if host else {}))
    hint_on_commit()


def record_seen(*, service: Service, status: ServiceStatus, host: Host | None = None) -> bool:
    """Write down what a look or a check saw, unless work has begun on the service or it was written anew since it was read.

    Whether it was written.
    """
    rows = Service.objects.filter(pk=service.pk, lock="", status=service.status, host=service.host)
    written = bool(rows.update(status=status, **({"host": host} if host else {})))
    if written:
        hint_on_commit()
    return written
