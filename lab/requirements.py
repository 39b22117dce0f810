"""What this machine lacks for an edge: all of it at once, each with what to do about it."""

import gzip
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import image
from lab.errors import LabError
from lab.layout import EMULATED, VIRTUAL

# The images take 1 GB, each host's copy of the base layer 0.3, and services the rest.
FREE_BYTES = 6_000_000_000
# One image more, and each virtual machine's own disk.
VM_FREE_BYTES = 12_000_000_000
COMMANDS = {
    "debootstrap": "debootstrap",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ssh-keygen": "openssh-client",
    "mkfs.ext4": "e2fsprogs",
}
VM_COMMANDS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "ssh": "openssh-client"}
COMMANDS_FOR = {EMULATED: COMMANDS, VIRTUAL: COMMANDS | VM_COMMANDS}
FREE_BYTES_FOR = {EMULATED: FREE_BYTES, VIRTUAL: VM_FREE_BYTES}


@dataclass(frozen=True)
class Missing:
    """One thing that is missing, and what fixes it."""

    what: str
    fix: str


class Unmet(LabError):
    """This machine lacks something; nothing was made."""

    def __init__(self, missing: list[Missing]) -> None:
        self.missing = missing
        rows = "\n".join(f"- {item.what}: {item.fix}" for item in missing)
        super().__init__(f"This machine lacks {len(missing)} of what the edge needs:\n{rows}")


@dataclass(frozen=True)
class Facts:
    """What was found on this machine."""

    uid: int
    has_checkpoint_restore: bool
    filesystems: frozenset[str]
    has_tun: bool
    has_cgroups: bool
    commands: frozenset[str]
    free_bytes: dict[str, int]


def missing(root: Path, machines: str = EMULATED) -> list[Missing]:
    """All that this machine lacks for an edge of such hosts below `root`; empty where it lacks nothing."""
    return judge(gather(root), machines)


def gather(root: Path) -> Facts:
    """Look at this machine, and change nothing."""
    return Facts(
        uid=os.geteuid(),
        has_checkpoint_restore=_has_checkpoint_restore(),
        filesystems=frozenset(line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()),
        has_tun=Path("/dev/net/tun").exists(),
        has_cgroups=Path("/sys/fs/cgroup/cgroup.controllers").exists() or Path("/sys/fs/cgroup/freezer").exists(),
        commands=frozenset(name for name in COMMANDS_FOR[VIRTUAL] if shutil.which(name, path=_search_path())),
        free_bytes={str(path): _free_bytes(path) for path in dict.fromkeys((image.cache_dir(), root))},
    )


def judge(facts: Facts, machines: str = EMULATED) -> list[Missing]:
    """What the facts say is missing for an edge whose hosts are such machines."""
    found = []
    if facts.uid != 0:
        found.append(Missing("root", "run this command as root (`sudo`); only the emulated edge needs it"))
    if not facts.has_checkpoint_restore:
        found.append(Missing("checkpoint and restore in the kernel", "boot a kernel with CONFIG_CHECKPOINT_RESTORE=y"))
    if "overlay" not in facts.filesystems:
        found.append(Missing("overlayfs", "run `modprobe overlay`, or boot a kernel with CONFIG_OVERLAY_FS"))
    if not facts.has_tun:
        found.append(Missing("/dev/net/tun", "run `modprobe tun`, or boot a kernel with CONFIG_TUN"))
    if not facts.has_cgroups:
        found.append(Missing("control groups at /sys/fs/cgroup", "mount them: cgroup v2, or v1 with the freezer"))
    packages: dict[str, list[str]] = {}
    wanted = COMMANDS_FOR[machines]
    for command in sorted(wanted.keys() - facts.commands):
        packages.setdefault(wanted[command], []).append(command)
    for package, commands in packages.items():
        found.append(Missing(f"the command {', '.join(commands)}", f"run `apt-get install {package}`"))
    for place, free in facts.free_bytes.items():
        if free < FREE_BYTES_FOR[machines]:
            gigabytes = f"{free / 1e9:.1f} of {FREE_BYTES_FOR[machines] / 1e9:.0f} GB free"
            found.append(
                Missing(
                    f"disk space at {place}",
                    f"{gigabytes}: make room, or name another place by "
                    "MEC_CACHE_DIR (images) or MEC_LAB_DIR (hosts' disks)",
                )
            )
    return found


def _search_path() -> str:
    """A user's PATH often lacks the system's directories, in which root will find the commands."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])


def _has_checkpoint_restore() -> bool:
    """The kernel's own configuration where it can be read; a file that only such kernels have where not."""
    built_in = "CONFIG_CHECKPOINT_RESTORE=y"
    with suppress(OSError):
        return built_in in gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
    with suppress(OSError):
        return built_in in Path(f"/boot/config-{os.uname().release}").read_text()
    return Path("/proc/self/map_files").is_dir() and Path("/proc/self/timers").exists()


def _free_bytes(path: Path) -> int:
    """Free bytes where `path` is, or would be made."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
