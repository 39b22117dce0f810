"""What a host said of itself, and what is wrong with it. Pure."""

from dataclasses import dataclass, field
from typing import Any

from migrations_app.technologies import DEFAULT, TECHNOLOGIES

TOOL_PACKAGES = {
    "xxh128sum": "xxhash",
    "arping": "iputils-arping",
    "iptables-restore": "iptables",
    "flock": "util-linux",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "debootstrap": "debootstrap",
    "pip3": "python3-pip",
    "newuidmap": "uidmap",
    "socat": "socat",
}
MODULES = {"overlay": "the default storage needs", "veth": "containers need for their network"}
MIN_DISK_FREE_BYTES = 1_000_000_000
MIN_MEMORY_FREE_BYTES = 200_000_000
MAX_CLOCK_OFFSET_MS = 1_000
NUMBERS = ("disk_free_bytes", "memory_total_bytes", "memory_free_bytes", "cores")


@dataclass(frozen=True)
class Layer:
    """A layer found on a host: `path` is base/NAME or app/STORAGE/NAME, below its technology's folder."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Instance:
    """A container or virtual machine found on a host, with its state and the memory that it holds."""

    name: str
    kind: str
    state: str
    memory_bytes: int = 0


@dataclass(frozen=True)
class Facts:
    """A host's facts: plain values, the layers it holds, the instances on it, what ended migrations left."""

    values: dict[str, Any]
    layers: list[Layer] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    leftovers: dict[str, str] = field(default_factory=dict)


def clock_offset_ms(host_s: float, asked_s: float, answered_s: float) -> float:
    """By how much a host's clock is off the portal's, at least: read between asking and the answer, it may be anywhere there."""
    return (host_s - min(max(host_s, asked_s), answered_s)) * 1000


def parse(said: dict[str, str], clock_offset_ms: float) -> Facts:
    """From the facts script's lines to values."""
    values: dict[str, Any] = {"clock_offset_ms": round(clock_offset_ms, 1)}
    facts = Facts(values)
    for key, value in said.items():
        kind, _colon, name = key.partition(":")
        if kind == "layer":
            digest, _space, size = value.partition(" ")
            facts.layers.append(Layer(name, digest, int(size or 0)))
        elif kind == "instance":
            guest, state, memory = value.split()
            facts.instances.append(Instance(name, guest, state, int(memory)))
        elif kind == "leftover":
            facts.leftovers[name] = value
        elif key in NUMBERS:
            values[key] = int(value or 0)
        else:
            values[key] = value
    return facts


def problems_of(values: dict[str, Any], backhaul_address: str, bridge: str) -> list[dict[str, str]]:
    """Every problem, each with the command that fixes it."""
    problems = _tool_problems(values)

    def problem(what: str, fix: str) -> None:
        problems.append({"what": what, "fix": fix})

    for module in values["missing_modules"].split():
        problem(
            f"The kernel has no {module}, not as a module either, which {MODULES[module]}.",
            f"modprobe -v {module}  # says why; a host whose kernel was upgraded has to boot it first",
        )
    if not values["backhaul_interface"]:
        problem(
            f"No interface has the backhaul address {backhaul_address}.",
            f"ip addr add {backhaul_address}/24 dev BACKHAUL",
        )
    if values["bridge"] != "yes":
        problem(
            f"The bridge {bridge}, which services attach to, is missing.",
            f"ip link add {bridge} type bridge && ip link set {bridge} up",
        )
    if chain := values.get("dropping_firewall"):
        accept = f"iptables -I FORWARD -i {bridge} -o {bridge} -j ACCEPT"
        if chain != "iptables":
            accept = f"nft insert rule {chain} iifname {bridge} oifname {bridge} accept"
        problem(
            f"Its firewall ({chain}) drops what crosses the bridge {bridge}: services here would not be reached from outside.",
            f"{accept}  # on a host made by prepare-host.sh: systemctl reload mec-networks",
        )
    if values.get("own_name") == "no":
        problem(
            "It does not know its own name without asking a resolver, and sudo asks at each command.",
            'echo "127.0.1.1 $(uname -n)" >> /etc/hosts',
        )
    if values["disk_free_bytes"] < MIN_DISK_FREE_BYTES:
        problem(
            f"Only {values['disk_free_bytes'] // 10**6} MB of disk are free below /var/lib/mec.",
            "du -xh -d2 /var/lib/mec | sort -h | tail",
        )
    if values["memory_free_bytes"] < MIN_MEMORY_FREE_BYTES:
        problem(
            f"Only {values['memory_free_bytes'] // 10**6} MB of memory are free.", "ps -eo rss,args --sort=-rss | head"
        )
    if abs(values["clock_offset_ms"]) > MAX_CLOCK_OFFSET_MS:
        problem(
            f"Its clock differs from the portal's by {values['clock_offset_ms'] / 1000:.1f} s.",
            "timedatectl set-ntp true",
        )
    return problems


def _tool_problems(values: dict[str, Any]) -> list[dict[str, str]]:
    packages = [TOOL_PACKAGES[tool] for tool in values["missing_tools"].split()]
    packages += [] if values["rsync_version"] else ["rsync"]
    # a host for one technology alone needs nothing of what another needs
    wanted = [each for each in TECHNOLOGIES.values() if each.is_installed(values)] or [DEFAULT]
    packages += [tool.package for each in wanted for tool in each.tools if tool.package and not values.get(tool.key)]
    problems = [{"what": f"{name} is missing.", "fix": f"apt-get install {name}"} for name in packages]
    problems += [problem for each in wanted for problem in each.problems(values)]
    # what two technologies need is missing once
    return [problem for number, problem in enumerate(problems) if problem not in problems[:number]]
