"""OCI containers: Podman makes them, runc has CRIU save them where they stand frozen, and Podman restores them."""

from migrations_app.admission import rules
from migrations_app.technologies.findings import Side, faults
from workers.guests import criu
from workers.guests.base import RoundsWay
from workers.guests.containers import require_one_line, veth_name
from workers.guests.rounds.copying import ITERATING
from workers.guests.scripted import RESTORE_LIMIT_S, ScriptedGuest
from workers.hosts.base import MecHost
from workers.specs import InstanceSpec, MigrationSpec, SavedState


class OciGuest(ScriptedGuest):
    """Containers of Podman, run as root's; each has a network namespace that the portal makes."""

    kind = "oci"
    rounds: RoundsWay | None = ITERATING

    async def start(self, host: MecHost, instance: InstanceSpec) -> None:
        about = settings(instance, host.endpoint.access_bridge)
        await self._call(host, "start", instance.service, stdin=about, limit_s=60)

    async def _restore(self, target: MecHost, spec: MigrationSpec, saved: SavedState) -> dict[str, str]:
        words = (spec.migration, spec.service, saved.digest)
        return await self._call(target, "restore", *words, limit_s=RESTORE_LIMIT_S)

    async def faults(self, target: MecHost, here: Side, there: Side) -> list[str]:
        found = faults([*rules.between(self.kind, here, there)])
        if here.values.get("unreadable_limits"):
            found.append(
                f"Processes of the service run as another user, and root on {here.name} lacks CAP_SYS_RESOURCE, so CRIU could "
                "not save their limits: give the host's root that capability, or let the application run as root."
            )
        return found

    def explain(self, log: str) -> str | None:
        return criu.explain(log)


def settings(instance: InstanceSpec, bridge: str) -> str:
    """What a host has to know to make the container and its network, as lines KEY=VALUE; empty where there is no limit.

    Raises MigrationError for a word that would add a line.
    """
    values = {
        "name": instance.service,
        "hardware": instance.hardware_address,
        "address": f"{instance.address}/{instance.prefix_length}",
        "cable": veth_name(instance),
        "bridge": bridge,
        "memory": f"{instance.memory_mb}m",
        "cpus": "" if instance.cpus is None else f"{instance.cpus:g}",
        "pids": "" if instance.pids is None else str(instance.pids),
    }
    require_one_line(values.values())
    return "".join(f"{key}={value}\n" for key, value in values.items())
