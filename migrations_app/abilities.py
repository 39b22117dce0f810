"""Which kinds of guests a host can run, by what its last check found."""

from migrations_app.models import Host, Kind

# the facts that must be there, and what they are called
NEEDS = {
    Kind.LXC: {"lxc_version": "LXC", "criu_version": "CRIU"},
    Kind.KVM: {"libvirt_version": "libvirt", "qemu_version": "QEMU"},
}


def lacking(host: Host, kind: str) -> str:
    """One sentence why the host cannot run this kind; empty when it can, or when no check has looked yet."""
    facts = host.facts_or_none
    if facts is None:
        return ""
    missing = [title for key, title in NEEDS[Kind(kind)].items() if facts.values.get(key, "unknown") == ""]
    if not missing:
        return ""
    return f"{host} has no {' and no '.join(missing)}: install what docs/hosts.md names, then check the host."
