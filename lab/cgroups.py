"""Control groups of the machines, on cgroup v1 (also in its hybrid form) and on v2.

A group is also how the edge finds its own processes again: whatever a machine started is in it.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

ROOT = Path("/sys/fs/cgroup")
PARENT = "mecportal"
# liblxc leaves this last part out when it looks for the group in which it may make its own.
V2_LEAF = "init.scope"


@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup tree: where it is, and the mount options that give the same one inside a machine."""

    path: Path
    options: str
    v2: bool


def hierarchies() -> list[Hierarchy]:
    """The trees in which machines get groups: all of v1, or the one of v2.

    The unified tree of a hybrid machine is left out: with both inside a machine, liblxc 6.0.4 aborts in lxc-checkpoint.
    """
    if (ROOT / "cgroup.controllers").exists():
        return [Hierarchy(ROOT, "", True)]
    found = []
    for line in Path("/proc/mounts").read_text().splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == "cgroup" and Path(path).parent == ROOT:
            common = {"rw", "ro", "nosuid", "nodev", "noexec", "relatime"}
            wanted = [option for option in options.split(",") if option not in common]
            if any(option.startswith("name=") for option in wanted):
                wanted.insert(0, "none")
            found.append(Hierarchy(Path(path), ",".join(wanted), False))
    return found


def is_v2() -> bool:
    """Whether this machine has cgroup v2 alone."""
    return any(tree.v2 for tree in hierarchies())


def make(name: str) -> list[Path]:
    """Make a group in every tree, and return the files into which a process writes 0 to join."""
    files = []
    for tree in hierarchies():
        if tree.v2:
            files.append(_make_v2(name))
        else:
            files.append(_make_v1(tree.path, name))
    return files


def _make_v1(root: Path, name: str) -> Path:
    path = root
    for part in Path(name).parts:
        above, path = path, path / part
        path.mkdir(exist_ok=True)
        # A cpuset without processors and memory takes no process; containers' groups inherit through clone_children.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (path / file).exists() and not (path / file).read_text().strip():
                (path / file).write_text((above / file).read_text())
        if (path / "cpuset.cpus").exists():
            (path / "cgroup.clone_children").write_text("1")
    return path / "cgroup.procs"


def _make_v2(name: str) -> Path:
    path = ROOT
    for part in (*Path(name).parts, V2_LEAF):
        for controller in (path / "cgroup.controllers").read_text().split():
            with suppress(OSError):
                (path / "cgroup.subtree_control").write_text(f"+{controller}")
        path = path / part
        path.mkdir(exist_ok=True)
    return path / "cgroup.procs"


def groups(lab: str) -> list[Path]:
    """Every group of an edge's machines in every tree, without those inside them."""
    return [path for tree in hierarchies() for path in (tree.path / PARENT).glob(f"{lab}-*") if path.is_dir()]


def processes(group: Path) -> set[int]:
    """Numbers of the processes in a group and in all groups inside it."""
    found: set[int] = set()
    for folder, _, _ in os.walk(group):
        with suppress(OSError):
            found |= {int(line) for line in (Path(folder) / "cgroup.procs").read_text().split()}
    return found


def processes_of(name: str) -> set[int]:
    """Numbers of the processes in the group `name`, in whichever tree."""
    return {pid for tree in hierarchies() for pid in processes(tree.path / name)}


def kill(lab: str, more: set[int], *, timeout_s: float = 15) -> None:
    """End the processes of an edge, and those in `more`, and wait until they are gone. Raises LabError."""
    deadline = time.monotonic() + timeout_s
    while True:
        alive = {pid for group in groups(lab) for pid in processes(group)}
        alive |= {pid for pid in more if _is_alive(pid)}
        alive.discard(0)
        alive.discard(os.getpid())
        if not alive:
            return
        _thaw(lab)
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise LabError(f"Processes {sorted(alive)} of the edge do not end. Look at them with `ps`, then try again.")
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _thaw(lab: str) -> None:
    """A frozen process of v1 does not take even SIGKILL."""
    for group in groups(lab):
        for folder, _, _ in os.walk(group):
            for file, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                path = Path(folder) / file
                if path.exists():
                    with suppress(OSError):
                        path.write_text(word)


def remove(lab: str, *, timeout_s: float = 15) -> None:
    """Remove an edge's groups with all groups inside them; a group is busy for a moment after its last process.

    Raises LabError if one stays.
    """
    deadline = time.monotonic() + timeout_s
    while left := groups(lab):
        for group in left:
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()
        if time.monotonic() > deadline:
            raise LabError(f"Control groups stay behind: {', '.join(map(str, left))}.")
        time.sleep(0.02)
    for tree in hierarchies():
        with suppress(OSError):  # other edges may still be in it
            (tree.path / PARENT).rmdir()
