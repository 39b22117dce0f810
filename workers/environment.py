"""Under what an experiment was made: machines, versions, links, the portal itself."""

import subprocess
from typing import Any

from django.conf import settings

from migrations_app.models import Host
from migrations_app.technologies import TECHNOLOGIES
from workers import host_check

OF_A_HOST = (
    *("kernel", "os", "machine", "cpu_model", "cores", "memory_total_bytes", "cgroup_mode"),
    *(key for technology in TECHNOLOGIES.values() for key, _label in technology.facts),
    *("rsync_version", "clock_offset_ms"),
)


def gathered(source: Host, target: Host) -> dict[str, Any]:
    """As JSON: facts of both hosts as they are now, the link between them, and the portal's commit."""
    for host in (source, target):
        host_check.check(host)
    return {
        "hosts": {host.name: _facts(host) for host in (source, target)},
        "link_mbit": min(source.bandwidth_mbit, target.bandwidth_mbit),
        "portal_commit": _commit(),
        "probe_interval_ms": settings.PROBE_INTERVAL_MS,
        "seeds": "none: the simulations fill their memory from the kernel's random source",
    }


def _facts(host: Host) -> dict[str, Any]:
    facts = type(host).objects.select_related("facts").get(pk=host.pk).facts_or_none
    return {key: facts.values.get(key, "") for key in OF_A_HOST} if facts else {}


def _commit() -> str:
    """The commit the portal runs from; with a mark when files differ from it. Empty outside a checkout."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip()
