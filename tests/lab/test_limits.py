"""A container's limits are its recipe's on every host that it comes to, read from the host."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.site import ROOT, Site

pytestmark = pytest.mark.lab
READ = """
pid=$(lxc-info -P /var/lib/mec/instances -n {service} -pH)
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    cd "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
    cat memory.max cpu.max pids.max
else
    group() {{ echo "/sys/fs/cgroup/$1$(sed -n "s/^[0-9]*:$1://p" "/proc/$pid/cgroup")/$2"; }}
    cat "$(group memory memory.limit_in_bytes)"
    cat "$(group cpu cpu.cfs_quota_us)" "$(group cpu cpu.cfs_period_us)" | tr '\\n' ' '
    echo
    cat "$(group pids pids.max)"
fi
"""
THE_RECIPES = [str(64 * 2**20), "50000 100000", "77"]


@pytest.fixture
def limited(site: Site, deployed: Callable[..., str], tmp_path: Path) -> str:
    """A service whose recipe names all limits."""
    for name in ("no-application.toml", "count.py"):
        text = (ROOT / "lab/applications" / name).read_text()
        text = text.replace('name = "no-application"', 'name = "limited"\ncpus = 0.5\npids = 77')
        (tmp_path / name).write_text(text)
    site.ok("application", "add", str(tmp_path / "no-application.toml"))
    return deployed("limited")


def read(site: Site, host: str, service: str) -> list[str]:
    return [line.strip() for line in site.shell(host, READ.format(service=service)).splitlines()]


def test_they_are_the_same_after_each_move_and_where_a_migration_was_undone(site: Site, limited: str) -> None:
    assert read(site, "mec-1", limited) == THE_RECIPES
    for target in ("mec-2", "mec-3"):
        moved = site.migrate(limited, target)
        assert (moved["outcome"], moved["error"]) == ("succeeded", "")
        assert read(site, target, limited) == THE_RECIPES
    # where its bridge is gone a container cannot be restored
    site.shell("mec-1", "ip link set br-access name br-away")
    moved = site.migrate(limited, "mec-1")
    site.shell("mec-1", "ip link set br-away name br-access; ip link set br-access up")
    assert moved["outcome"] == "rolled_back", moved["error"]
    assert read(site, "mec-3", limited) == THE_RECIPES
