"""LXC containers, saved by CRIU and restored by it through lxc-checkpoint."""

from migrations_app.admission import rules
from migrations_app.technologies.findings import Side, faults
from workers.guests import criu
from workers.guests.base import RoundsWay
from workers.guests.containers import require_one_line, veth_name
from workers.guests.rounds.copying import ITERATING
from workers.guests.scripted import RESTORE_LIMIT_S, ScriptedGuest
from workers.hosts.base import MecHost
from workers.specs import InstanceSpec, MigrationSpec, SavedState

# A container's users are unprivileged on the host: its root is nobody there, and CRIU has every right over its processes
ID_SHIFT, ID_COUNT = 100_000, 65_536
CPU_PERIOD_US = 100_000
# CRIU restores an interface only under a number that the host itself has free. The kernel counts up from 1, to an int's end
FIRST_INDEX, LAST_INDEX = 1_000_000, 2**31 - 1


class LxcGuest(ScriptedGuest):
    """Unprivileged containers with their own user namespace."""

    kind = "lxc"
    rounds: RoundsWay | None = ITERATING

    async def start(self, host: MecHost, instance: InstanceSpec) -> None:
        container = safe_config(instance, host.endpoint.access_bridge)
        await self._call(host, "start", instance.service, interface_index(instance), stdin=container)

    async def _restore(self, target: MecHost, spec: MigrationSpec, saved: SavedState) -> dict[str, str]:
        container = safe_config(spec.instance, target.endpoint.access_bridge)
        words = (spec.migration, spec.service, saved.digest)
        return await self._call(target, "restore", *words, stdin=container, limit_s=RESTORE_LIMIT_S)

    async def faults(self, target: MecHost, here: Side, there: Side) -> list[str]:
        found = faults([*rules.between(self.kind, here, there)])
        if (index := here.values.get("interface_index")) and int(index) < FIRST_INDEX:
            found.append(
                f"The service was started by an earlier version of the portal, or by hand: its interface has number {index}, "
                "as a network card has, and CRIU could not restore it beside that. Stop and start it, then migrate."
            )
        return found

    def explain(self, log: str) -> str | None:
        return criu.explain(log)


def interface_index(instance: InstanceSpec) -> int:
    """The number of the container's eth0: no host's own interface has one as high, and it is the same wherever it runs."""
    random_bits = int(instance.hardware_address.replace(":", "")[4:], 16)
    return FIRST_INDEX + random_bits % (LAST_INDEX + 1 - FIRST_INDEX)


def config(instance: InstanceSpec, bridge: str) -> str:
    """The container's configuration: only what CRIU can save and restore."""
    lines = [
        f"lxc.uts.name = {instance.service}",
        f"lxc.rootfs.path = dir:/var/lib/mec/instances/{instance.service}/rootfs",
        f"lxc.idmap = u 0 {ID_SHIFT} {ID_COUNT}",
        f"lxc.idmap = g 0 {ID_SHIFT} {ID_COUNT}",
        "lxc.init.cmd = /bin/sh /etc/mec/run",
        "lxc.signal.halt = SIGTERM",
        "lxc.tty.max = 0",
        "lxc.pty.max = 16",
        "lxc.console.path = none",
        "lxc.autodev = 0",
        "lxc.mount.auto = proc:rw sys:ro",
        "lxc.cgroup.devices.deny =",
        *limits(instance),
        "lxc.net.0.type = veth",
        f"lxc.net.0.link = {bridge}",
        "lxc.net.0.name = eth0",
        f"lxc.net.0.veth.pair = {veth_name(instance)}",
        f"lxc.net.0.hwaddr = {instance.hardware_address}",
        f"lxc.net.0.ipv4.address = {instance.address}/{instance.prefix_length}",
        "lxc.net.0.flags = up",
    ]
    return "\n".join(lines)


def limits(instance: InstanceSpec) -> list[str]:
    """The lines for both versions of control groups, of which a host takes its own; the scripts read them, too."""
    lines = [
        f"lxc.cgroup.memory.limit_in_bytes = {instance.memory_mb}M",
        f"lxc.cgroup2.memory.max = {instance.memory_mb}M",
    ]
    if instance.cpus is not None:
        quota_us = round(instance.cpus * CPU_PERIOD_US)
        lines += [
            f"lxc.cgroup.cpu.cfs_period_us = {CPU_PERIOD_US}",
            f"lxc.cgroup.cpu.cfs_quota_us = {quota_us}",
            f"lxc.cgroup2.cpu.max = {quota_us} {CPU_PERIOD_US}",
        ]
    if instance.pids is not None:
        lines += [f"lxc.cgroup.pids.max = {instance.pids}", f"lxc.cgroup2.pids.max = {instance.pids}"]
    return lines


def safe_config(instance: InstanceSpec, bridge: str) -> str:
    """The configuration as a host may have it. Raises MigrationError for a word that would add a line: a hook runs as root."""
    require_one_line((instance.service, instance.hardware_address, instance.address, bridge))
    return config(instance, bridge)
