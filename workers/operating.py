"""Work on hosts that is no migration: checks, services, and layers (layer_work.py). What fails ends as one sentence."""

import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.conf import settings

from migrations_app import actions
from migrations_app.actions.leases import owning
from migrations_app.models import (
    Host,
    Operation,
    OperationKind,
    Service,
    ServiceStatus,
)
from migrations_app.technologies import TECHNOLOGIES
from workers import host_check, layer_work, leftovers, records, whereabouts
from workers.engine import MigrationError
from workers.guests import GUESTS
from workers.hosts.base import HostUnreachable, MecHost
from workers.hosts.ssh import connect
from workers.layers import STORES
from workers.lease import kept
from workers.probe import Row, probing
from workers.specs import Found, InstanceSpec

T = TypeVar("T")
# by kind of guest: a virtual machine boots, without acceleration and beside other work for minutes


def execute(operation: Operation) -> None:
    """Do a claimed operation and write down how it ended. Raises LeaseLost when another worker has ended it meanwhile."""
    with kept(operation) as lease:

        def finish(message: str, log: str = "", *, succeeded: bool) -> None:
            about: dict[str, Any] = {"operation": operation, "succeeded": succeeded, "message": message, "log": log}
            lease.write_now(actions.finish_operation, **about)

        try:
            message = DOERS[OperationKind(operation.kind)](operation)
        except (MigrationError, records.NotReady) as error:
            lease.write_now(note_failure, operation=operation)
            finish(str(error.args[0]), getattr(error, "log", ""), succeeded=False)
        except Exception as error:
            lease.write_now(note_failure, operation=operation)
            finish(f"Unexpected {type(error).__name__}: {error}", succeeded=False)
            raise
        else:
            finish(message, succeeded=True)


def note_failure(operation: Operation) -> None:
    """A service whose start or removal broke off is shown as failed: it can be removed, or started again."""
    broken_off = (OperationKind.DEPLOY, OperationKind.START, OperationKind.REMOVE)
    if operation.service_id and operation.kind in broken_off:
        actions.record_service(service_id=operation.service_id, status=ServiceStatus.FAILED)


def _service(operation: Operation) -> Service:
    if operation.service is None:
        raise records.NotReady("The service was removed meanwhile.")
    return Service.objects.select_related("application", "host").get(pk=operation.service.pk)


def check_host(operation: Operation) -> str:
    """Gather a host's facts and problems, and what layers and instances it holds."""
    host = records.host_of(operation)
    problems = host_check.check(host)
    return "Ready." if not problems else f"{len(problems)} problem(s): {problems[0]['what']}"


def deploy(operation: Operation) -> str:
    """Bring the application layer, clone it, start it and wait until it answers its user."""
    service = _service(operation)
    layer_work.bring_layer(operation, service.application, service.host, service.kind, service.storage)
    actions.note_progress(operation=operation, message=f"Starting {service} …")
    _on_host(service, _clone_and_start)
    return _await_answer(operation, service)


def start(operation: Operation) -> str:
    """Start a stopped service where it is."""
    service = _service(operation)
    if not _look_first(operation, service).instance:
        raise MigrationError(
            f"{service.host} has nothing of {service} to start: remove the service and deploy it again."
        )
    _on_host(service, _start)
    try:
        return _await_answer(operation, service)
    except UsersSideSilent as error:
        # it was seen to start; after a power cut the user's side may come back later than the hosts
        _record(operation, service, ServiceStatus.RUNNING)
        return f"{service} runs on {service.host}; whether it answers its users was not asked: {error.args[0]}"


def stop(operation: Operation) -> str:
    """Stop a service; its files stay."""
    service = _service(operation)
    _look_first(operation, service)
    _on_host(service, _stop)
    _record(operation, service, ServiceStatus.STOPPED)
    return f"{service} is stopped."


def remove(operation: Operation) -> str:
    """Stop a service, delete its instance and forget it. What was not made for it stays."""
    service = _service(operation)
    found = whereabouts.look_around(service, partial(_record, operation, service))
    ours = [host for host, what in found.items() if whereabouts.is_ours(service, what)]
    left = [host.name for host, what in found.items() if what.instance and host not in ours]
    _record(operation, service, ServiceStatus.REMOVING)
    for host in ours:
        if host != service.host:  # what is begun there is ended there, too, when this worker dies
            actions.note_peer(operation=operation, peer=host)
        _on_host(service, _remove, host)
    with owning(Operation, operation.pk, operation.lease):
        service.delete()
    stays = f" /var/lib/mec/instances/{service.name} on {' and '.join(left)} was not made for it, and stays."
    return f"{service.name} is removed.{stays if left else ''}"


def _record(operation: Operation, service: Service, status: ServiceStatus) -> None:
    """Write down what a service does now, as long as the operation is this worker's. Raises LeaseGone."""
    with owning(Operation, operation.pk, operation.lease):
        actions.record_service(service_id=service.pk, status=status)


def _look_first(operation: Operation, service: Service) -> Found:
    """Nothing is started or stopped before it is certain that it is this service, and here alone."""
    found = whereabouts.look_around(service, partial(_record, operation, service))[service.host]
    whereabouts.must_be_ours(service, found)
    return found


def _on_host(service: Service, work: Callable[[MecHost, InstanceSpec], Awaitable[T]], host: Host | None = None) -> T:
    """Do something for a service on its host, or on the one that is named."""
    instance = records.instance_of(service)
    target = records.endpoint_of(host or service.host)

    async def on_host() -> T:
        async with connect(target) as reached:
            return await work(reached, instance)

    return async_to_sync(on_host)()


async def _clone_and_start(host: MecHost, instance: InstanceSpec) -> None:
    guest = GUESTS[instance.kind]
    whereabouts.must_be_no_stranger(host.name, instance.service, await guest.find(host, instance))
    try:
        await STORES[instance.kind, instance.storage].clone_for_start(host, instance)
        await guest.start(host, instance)
        await guest.announce(host, instance)
    except MigrationError as error:
        with contextlib.suppress(MigrationError):  # the first error is the one that counts
            await _undo_deployment(host, instance)
        raise error


async def _undo_deployment(host: MecHost, instance: InstanceSpec) -> None:
    """Remove what a deployment made, and nothing that was there before it."""
    guest = GUESTS[instance.kind]
    found = await guest.find(host, instance)
    if found.owner == instance.hardware_address:
        await guest.stop(host, instance)
        await guest.remove(host, instance)


async def _start(host: MecHost, instance: InstanceSpec) -> None:
    await GUESTS[instance.kind].start(host, instance)
    await GUESTS[instance.kind].announce(host, instance)


async def _memory(host: MecHost, instance: InstanceSpec) -> int:
    return await GUESTS[instance.kind].memory_bytes(host, instance)


async def _stop(host: MecHost, instance: InstanceSpec) -> None:
    await GUESTS[instance.kind].stop(host, instance)


async def _remove(host: MecHost, instance: InstanceSpec) -> None:
    await GUESTS[instance.kind].stop(host, instance)
    await GUESTS[instance.kind].remove(host, instance)


class UsersSideSilent(MigrationError):
    """The machine at the user's side, from which services are asked, cannot be reached."""


def _await_answer(operation: Operation, service: Service) -> str:
    """The service is running once its user gets an answer."""
    actions.note_progress(operation=operation, message=f"Waiting for {service}'s first answer at the user's side …")
    question = records.question_of(service, settings.PROBE_INTERVAL_MS)
    user = records.endpoint_of(records.user_side())

    async def forget(_samples: list[Row]) -> None:
        return None

    async def ask() -> None:
        async with connect(user) as host, probing(host, question, time.monotonic(), forget) as probe:
            await probe.wait_for_answer(TECHNOLOGIES[service.kind].first_answer_limit_s)

    try:
        async_to_sync(ask)()
    except HostUnreachable as error:
        raise UsersSideSilent(str(error.args[0])) from error
    actions.record_memory(service_id=service.pk, memory_bytes=_on_host(service, _memory))
    _record(operation, service, ServiceStatus.RUNNING)
    return f"{service} answers at {service.address} on {service.host}."


def remove_leftover(operation: Operation) -> str:
    """Remove what ended work left on a host, and look again."""
    host = records.host_of(operation)
    said = leftovers.remove(operation, host)
    host_check.check(host)
    return said


DOERS: dict[OperationKind, Callable[[Operation], str]] = {
    OperationKind.CHECK_HOST: check_host,
    OperationKind.PROVISION_BASE: layer_work.provision_base,
    OperationKind.BUILD_BASE: layer_work.build_base,
    OperationKind.BUILD_APPLICATION: layer_work.build_application,
    OperationKind.DEPLOY: deploy,
    OperationKind.START: start,
    OperationKind.STOP: stop,
    OperationKind.REMOVE: remove,
    OperationKind.REMOVE_LAYER: layer_work.remove_layer,
    OperationKind.REMOVE_LEFTOVER: remove_leftover,
}
