"""The checks before a migration that need no host asked: all faults at once, from what the database knows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migrations_app.actions.migrations import refusals
from migrations_app.models import Host, HostStatus, Kind, LayerCopy, Method, Service
from migrations_app.plan import sizes_of

# Room beyond what travels: unpacking, logs, and the saved state beside the layers
SPARE_BYTES = 200_000_000
# A virtual machine has its own kernel, and QEMU around it
LEAST_GUEST_BYTES, QEMU_BYTES = 256_000_000, 150_000_000
TOOLS = {
    Kind.LXC: {"criu_version": "CRIU", "lxc_version": "LXC"},
    Kind.KVM: {"qemu_version": "QEMU", "libvirt_version": "libvirt"},
}


@dataclass(frozen=True)
class Check:
    """One check: `state` is ok, warning (it may go wrong) or fault (it cannot be); `mend` is what the page offers."""

    state: str
    sentence: str
    mend: str = ""


def checks(
    service: Service, target: Host, layers: int, method: str = Method.SAVE, idle_memory: bool = False
) -> list[Check]:
    """Everything that speaks for and against this migration, faults first."""
    refused = refusals(service=service, target=target, layers=layers, method=method, idle_memory=idle_memory)
    found = [Check("fault", sentence) for sentence in refused]
    found += _host(target) + _host(service.host)
    found += _base(service, target)
    source, there = _facts(service.host), _facts(target)
    if source and there:
        found += _versions(service, target, source, there)
        alike = _processor if service.kind == Kind.LXC else _acceleration
        found += alike(service, target, source, there)
    if there:
        found += _room(service, target, there)
    order = {"fault": 0, "warning": 1, "ok": 2}
    return sorted(found, key=lambda check: order[check.state])


def forbidden(found: list[Check]) -> bool:
    """Whether any check forbids the migration."""
    return any(check.state == "fault" for check in found)


def _facts(host: Host) -> dict[str, Any]:
    facts = host.facts_or_none
    return facts.values if facts else {}


def _host(host: Host) -> list[Check]:
    status = host.shown_status
    if status == HostStatus.READY:
        return [Check("ok", f"{host} was ready at its last check.")]
    if status == HostStatus.UNREACHABLE:
        return [
            Check("fault", f"{host} was not reachable at its last check: mend the connection, then check it.", "check")
        ]
    if status == HostStatus.PROBLEM:
        return [Check("warning", f"{host} has problems: its page lists them, each with what mends it.", "host")]
    return [Check("fault", f"{host} has not been checked yet: check it first.", "check")]


def _base(service: Service, target: Host) -> list[Check]:
    name = service.application.base_name
    copies = LayerCopy.objects.filter(base__name=name, kind=service.kind)
    here, there = copies.filter(host=service.host).first(), copies.filter(host=target).first()
    if there is None:
        what = f"the base {name} for {service.get_kind_display()}"
        return [Check("fault", f"{target} does not hold {what}: provision it.", "provision")]
    if here is not None and here.digest != there.digest:
        return [
            Check(
                "fault",
                f"The base {name} on {target} differs from that on {service.host}: provision it anew.",
                "provision",
            )
        ]
    return [Check("ok", f"{target} holds the base {name} with the same digest.")]


def _versions(service: Service, target: Host, here: dict[str, Any], there: dict[str, Any]) -> Iterator[Check]:
    for key, title in TOOLS[Kind(service.kind)].items():
        ours, theirs = here.get(key), there.get(key)
        if theirs == "":
            continue  # the refusals name it
        if not theirs:
            yield Check("fault", f"{title} was not found on {target}: install it, then check the host.", "host")
        elif ours and ours != theirs:
            yield Check(
                "warning", f"{title} is {ours} on {service.host} and {theirs} on {target}: the restore may be refused."
            )
        elif ours:
            yield Check("ok", f"{title} {ours} on both hosts.")


def _acceleration(service: Service, target: Host, here: dict[str, Any], there: dict[str, Any]) -> Iterator[Check]:
    ours, theirs = here.get("acceleration"), there.get("acceleration")
    if ours and theirs and ours != theirs:
        yield Check(
            "fault",
            f"Guests run with {ours.upper()} on {service.host} and with {theirs.upper()} on {target}: a running one cannot "
            "change over. Choose another target.",
        )
    elif ours:
        yield Check(
            "ok", f"Guests run with {ours.upper()} on both hosts; libvirt compares the processors when it begins."
        )


def _processor(service: Service, target: Host, here: dict[str, Any], there: dict[str, Any]) -> Iterator[Check]:
    ours, theirs = _words(here.get("cpu_flags")), _words(there.get("cpu_flags"))
    if not ours or not theirs:
        return
    if missing := sorted(ours - theirs):
        shown = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
        yield Check("fault", f"The processor of {target} lacks {shown}: a process that uses it cannot go on there.")
    else:
        yield Check("ok", f"The processor of {target} has all features of that of {service.host}.")


def _words(value: Any) -> set[str]:
    return set(value.split() if isinstance(value, str) else value or [])


def _room(service: Service, target: Host, there: dict[str, Any]) -> Iterator[Check]:
    sizes = sizes_of(service)
    disk = sizes.application + sizes.instance + sizes.memory + SPARE_BYTES
    memory = service.application.recipe.get("memory_mb", 256) * 1_000_000
    if service.kind == Kind.KVM:
        memory = max(memory, LEAST_GUEST_BYTES) + QEMU_BYTES
    for key, needed, title in (("disk_free_bytes", disk, "disk"), ("memory_free_bytes", memory, "memory")):
        free = there.get(key)
        if free is None:
            continue
        state = f"{free / 1e6:,.0f} MB of {title} are free on {target}, {needed / 1e6:,.0f} MB are needed"
        yield Check("ok", f"{state}.") if free >= needed else Check("fault", f"{state}: make room there.")
