"""Which kinds of guests a host can run, by what its last check found."""

from typing import Any

from migrations_app.models import Host, Kind

# the facts that must be there, and what they are called
NEEDS = {
    Kind.LXC: {"lxc_version": "LXC", "criu_version": "CRIU"},
    Kind.KVM: {"libvirt_version": "libvirt", "qemu_version": "QEMU"},
}


def missing_for(kind: str, values: dict[str, Any]) -> list[str]:
    """What a host with these facts lacks for this kind."""
    return [title for key, title in NEEDS[Kind(kind)].items() if values.get(key, "unknown") == ""]


def lacking(host: Host, kind: str) -> str:
    """One sentence why the host cannot run this kind; empty when it can, or when no check has looked yet."""
    facts = host.facts_or_none
    if facts is None:
        return ""
    missing = missing_for(kind, facts.values)
    if not missing:
        return ""
    return f"{host} has no {' and no '.join(missing)}: install what docs/hosts.md names, then check the host."
