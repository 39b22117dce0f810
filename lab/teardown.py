"""Removal of everything an edge made on this machine, found by its name and not by what a state file remembers."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from pyroute2 import netns

from lab import cgroups
from lab.errors import LabError
from lab.layout import prefix
from lab.machine import Places
from lab.network import sockets
from lab.shell import run

NETNS_DIR = Path("/run/netns")
GONE_TIMEOUT_S = 15.0


def take_down(lab: str, places: Places, *, disks: bool = False) -> None:
    """Remove all that an edge made, its run state included, and wait until it is gone.

    Keys and disks stay unless `disks`. May be called at any time, also twice. Raises LabError for what does not go.
    """
    cgroups.kill(lab, processes_in_namespaces(lab))
    _remove_links(lab)
    _remove_namespaces(lab)
    _unmount_below(places.root)
    cgroups.remove(lab)
    shutil.rmtree(places.run, ignore_errors=True)
    if disks:
        shutil.rmtree(places.root / "disks", ignore_errors=True)
    _wait_for_links(lab)


def left_over(lab: str, places: Places) -> list[str]:
    """What of an edge is there on this machine, by name."""
    found = [f"namespace {path.name}" for path in _namespaces(lab)]
    found += [f"link {name}" for name in _links(lab)]
    found += [f"mount {path}" for path in _mounts_below(places.root)]
    found += [f"group {path}" for path in cgroups.groups(lab)]
    return found


def processes_in_namespaces(lab: str) -> set[int]:
    """Processes in the edge's network namespaces, also those that are in none of its control groups yet."""
    wanted = set()
    for path in _namespaces(lab):
        with suppress(OSError):
            wanted.add(path.stat().st_ino)
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and wanted:
            with suppress(OSError):
                if (entry / "ns/net").stat().st_ino in wanted:
                    found.add(int(entry.name))
    return found - {os.getpid()}


def _namespaces(lab: str) -> list[Path]:
    return sorted(NETNS_DIR.glob(f"{prefix(lab)}*")) if NETNS_DIR.is_dir() else []


def _remove_namespaces(lab: str) -> None:
    for path in _namespaces(lab):
        try:
            netns.remove(path.name)
        except OSError:
            # Made halfway: the file is there, and nothing is mounted on it.
            path.unlink(missing_ok=True)


def _links(lab: str) -> list[str]:
    with sockets() as ipr:
        names = [str(link.get_attr("IFLA_IFNAME")) for link in ipr.get_links()]
    return [name for name in names if name == f"mec-{lab}" or name.startswith(prefix(lab))]


def _remove_links(lab: str) -> None:
    with sockets() as ipr:
        for name in _links(lab):
            for number in ipr.link_lookup(ifname=name):
                ipr.link("del", index=number)


def _wait_for_links(lab: str) -> None:
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while left := _links(lab):
        if time.monotonic() > deadline:
            raise LabError(f"Network links stay behind: {', '.join(left)}.")
        time.sleep(0.02)


def _mounts_below(root: Path) -> list[Path]:
    rows = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    paths = [Path(row[4].replace("\\040", " ")) for row in rows]
    return [path for path in paths if root in path.parents]


def _unmount_below(root: Path) -> None:
    for path in reversed(_mounts_below(root)):
        run(["umount", "--lazy", str(path)])
