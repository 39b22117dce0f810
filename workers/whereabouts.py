"""Where a service really is: the hosts are asked before anything on them is started, stopped or removed."""

import asyncio
from collections.abc import Callable

from asgiref.sync import async_to_sync

from migrations_app.models import Host, Service, ServiceStatus
from workers import records
from workers.engine import MigrationError
from workers.guests import GUESTS
from workers.hosts.base import MecHost
from workers.hosts.ssh import connect
from workers.specs import Found, InstanceSpec

# What the portal itself saw last; after anything else the other hosts are asked, too
SEEN = (ServiceStatus.RUNNING, ServiceStatus.STOPPED)


def look_around(service: Service, record: Callable[[ServiceStatus], None]) -> dict[Host, Found]:
    """What the hosts have of a service: its own, and wherever it may be, where that is not certain.

    `record` writes down what they say of it, where the portal's records say otherwise, as long as the work is this worker's.

    Raises MigrationError, with one sentence, when its own host is silent or it runs on another one; and, when it is not known
    where it is, when any host is silent.
    """
    status, hosts = service.shown_status, [service.host]
    if status not in SEEN:
        hosts += Host.objects.mec().exclude(pk=service.host_id)
    found, silent = _ask(service, hosts)
    if service.host in silent:
        raise silent[service.host]
    if status == ServiceStatus.UNKNOWN and silent:
        names = " and ".join(host.name for host in silent)
        raise MigrationError(
            f"{names} {'does' if len(silent) == 1 else 'do'} not answer, and {service} may run there: nothing was touched. "
            "Make every MEC host reachable, then try again."
        )
    elsewhere = [host for host, what in found.items() if host != service.host and runs(service, what)]
    if elsewhere:
        record(ServiceStatus.UNKNOWN)
        raise MigrationError(_runs_elsewhere(service, elsewhere, runs(service, found[service.host])))
    # by now it is known; but what stands frozen here may be the past of what went on elsewhere
    if status == ServiceStatus.UNKNOWN and found[service.host].state != "FROZEN":
        record(ServiceStatus.RUNNING if found[service.host].alive else ServiceStatus.STOPPED)
    return found


def runs(service: Service, found: Found) -> bool:
    """Whether this is the service itself, and alive; what nothing says anything of counts as the service."""
    return found.alive and found.owner in ("", service.hardware_address)


def is_ours(service: Service, found: Found) -> bool:
    """Whether what a host has was made for this service; what an earlier version made may say nothing of it."""
    if found.owner:
        return found.owner == service.hardware_address
    return not found.instance or service.status in SEEN


def must_be_no_stranger(host: str, service: str, found: Found) -> None:
    """Raises MigrationError when the technology has another guest of this name."""
    if found.stranger:
        raise MigrationError(
            f"There is another guest named {service} on {host}, which is not this portal's: nothing was touched. "
            "Give that one another name, or deploy the service under another."
        )


def must_be_ours(service: Service, found: Found) -> None:
    """Raises MigrationError when the service's host has something of its name that was not made for it."""
    must_be_no_stranger(service.host.name, service.name, found)
    if not is_ours(service, found):
        raise MigrationError(
            f"/var/lib/mec/instances/{service} on {service.host} was not made for this service: nothing was touched. Look what "
            "it is and move it away; then remove the service and deploy it again."
        )


def _runs_elsewhere(service: Service, elsewhere: list[Host], here: bool) -> str:
    names = " and ".join(host.name for host in elsewhere)
    if here or len(elsewhere) > 1:
        everywhere = f"{service.host} and {names}" if here else names
        return (
            f"{service} runs on {everywhere} at once: nothing was touched. Stop it by hand where its state is not wanted "
            "(docs/migrating.md, Stuck), check the other host, then try again."
        )
    return (
        f"{service} runs on {names}, not on {service.host}, where the portal last had it: nothing was touched. "
        f"Check {names}, and the portal takes it over from there; then try again."
    )


def _ask(service: Service, hosts: list[Host]) -> tuple[dict[Host, Found], dict[Host, MigrationError]]:
    """What each host says, and which do not."""
    instance = records.instance_of(service)

    async def ask(host: Host) -> Found | MigrationError:
        try:
            async with connect(records.endpoint_of(host)) as reached:
                return await find(reached, instance)
        except MigrationError as error:
            return error

    async def ask_all() -> list[Found | MigrationError]:
        return list(await asyncio.gather(*(ask(host) for host in hosts)))

    answers = dict(zip(hosts, async_to_sync(ask_all)(), strict=True))
    found = {host: answer for host, answer in answers.items() if isinstance(answer, Found)}
    return found, {host: answer for host, answer in answers.items() if isinstance(answer, MigrationError)}


async def find(host: MecHost, instance: InstanceSpec) -> Found:
    """What one host has of a service."""
    return await GUESTS[instance.kind].find(host, instance)
