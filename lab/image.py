"""The cached images: the system of a MEC host, and the base layers that containers and virtual machines start from.

The first two come from one debootstrap of Debian 13, the third from the script by which real hosts build theirs. They are
built in a temporary directory and renamed into place, so that a directory with the final name is always whole.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.ownership import shift_ids
from lab.shell import run

Say = Callable[[str], None]

SUITE = "trixie"
BASE_NAME = "debian-13"
BASE_PACKAGES = ("python3-minimal", "iproute2", "ca-certificates")
HOST_PACKAGES = (
    *("openssh-server", "tini", "lxc", "rsync", "iptables", "nftables", "iputils-arping", "iputils-ping", "procps"),
    *("python3", "python3-pip", "xxhash", "zstd", "debootstrap", "sudo", "uidmap", "kmod", "util-linux-extra"),
    *("qemu-system-x86", "qemu-utils", "libvirt-daemon", "libvirt-daemon-driver-qemu"),
    *("libvirt-clients", "e2fsprogs", "socat", "podman", "runc", "netavark"),
)
# CRIU of trixie (4.1.1) fails on any socket on kernel 6.16 and later; the one of forky does not.
CRIU_SUITE = "forky"
FIRST_UID, UID_COUNT = 100_000, 65_536
# To be raised when the steps below change without any of the values above changing.
STEPS_VERSION = 8
# Besides root, a host has someone who works through sudo, as hosts of users do.
SUDO_USER = "admin"
BUILD_TIMEOUT_S = 1800.0
WORKERS = Path(__file__).resolve().parent.parent / "workers"
# the technologies whose base layers are built by the scripts that hosts of users run
BUILT = ("kvm", "oci")
# The emulated hosts have no systemd, and on some machines nobody may raise a limit, as Podman's defaults do
CONTAINERS_CONFIG = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]
"""


@dataclass(frozen=True)
class Images:
    """Directories of the cached roots. `host` is read-only by agreement: every host's overlay stands on it."""

    host: Path
    base: Path
    built: Path


def cache_dir() -> Path:
    """Where images are kept: MEC_CACHE_DIR, or /var/cache/mecportal."""
    return Path(os.environ.get("MEC_CACHE_DIR") or "/var/cache/mecportal")


def version() -> str:
    """A short hash of the recipe: another recipe is another image."""
    recipe = [SUITE, BASE_PACKAGES, HOST_PACKAGES, CRIU_SUITE, FIRST_UID, UID_COUNT, SUDO_USER, STEPS_VERSION]
    recipe += [CONTAINERS_CONFIG, *(_scripts(kind)[-1].read_text() for kind in BUILT)]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]


def images() -> Images:
    """The places of the images of this recipe, whether they are built or not."""
    root = cache_dir() / f"{BASE_NAME}-{version()}"
    return Images(host=root / "host", base=root / "base", built=root / "built")


def build(say: Say) -> Images:
    """Build the images if they are not cached; takes one to three minutes. Raises LabError."""
    build_once(images().host.parent, lambda work: _build_into(work, debian_mirror(), say), say)
    return images()


def build_once(target: Path, steps: Callable[[Path], None], say: Say) -> None:
    """Let `steps` fill a temporary directory and give it the name `target`, unless that is there. Raises LabError."""
    if target.is_dir():
        return
    cache_dir().mkdir(parents=True, exist_ok=True)
    with _lock():
        if target.is_dir():
            return
        _remove_unfinished()
        work = cache_dir() / f"unfinished-{os.getpid()}"
        try:
            steps(work)
            work.rename(target)
        finally:
            if work.exists():
                shutil.rmtree(work, ignore_errors=True)
    say(f"Images are ready in {target}.")


def debian_mirror() -> str:
    """The Debian mirror that this machine's own apt uses. Raises LabError where it uses none."""
    rows = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"]).splitlines()
    targets = [row.split("|") for row in rows if row.count("|") == 2]
    named = [uri for origin, label, uri in targets if (origin, label) == ("Debian", "Debian")]
    # Before the first `apt-get update` a target has no origin yet: then its path tells.
    likely = [uri for _, _, uri in targets if uri.rstrip("/").endswith("/debian")]
    for uri in (*named, *likely):
        return uri.rstrip("/")
    raise LabError("This machine's apt uses no Debian mirror. Add one to /etc/apt/sources.list.")


@contextmanager
def _lock() -> Iterator[None]:
    """One build at a time in a cache: a second one waits, and then finds the images there."""
    with (cache_dir() / "build.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_unfinished() -> None:
    for left_over in cache_dir().glob("unfinished-*"):
        shutil.rmtree(left_over, ignore_errors=True)


def _build_into(work: Path, mirror: str, say: Say) -> None:
    base, host = work / "base", work / "host"
    work.mkdir(mode=0o755)
    say(f"Building the base layer with debootstrap ({SUITE}, from {mirror}); this happens once.")
    run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", SUITE, str(base), mirror],
        timeout_s=BUILD_TIMEOUT_S,
    )
    (base / "etc/apt/sources.list").write_text(f"deb {mirror} {SUITE} main\n")
    clean(base)
    run(["cp", "-a", f"{base}/.", str(host)], timeout_s=BUILD_TIMEOUT_S)
    say("Building the hosts' system on it: LXC, sshd, rsync.")
    _install_host_packages(host, mirror)
    say("Building the base layers of virtual machines and OCI containers.")
    for kind in BUILT:
        _build_base(host, kind, work / "built" / kind)
    (host / "etc/resolv.conf").unlink()
    say("Shifting the base layer's owners into the containers' range.")
    _make_device_nodes(base / "dev")
    shift_ids(base, FIRST_UID)


def _install_host_packages(host: Path, mirror: str) -> None:
    apt = host / "etc/apt"
    (apt / "sources.list.d" / f"{CRIU_SUITE}.list").write_text(
        # A mirror that lags behind would otherwise stop `apt-get update` for all that is not from there, too.
        f"deb [check-valid-until=no] {mirror} {CRIU_SUITE} main\n"
    )
    (apt / "preferences.d" / CRIU_SUITE).write_text(f"Package: *\nPin: release n={CRIU_SUITE}\nPin-Priority: 100\n")
    install = "apt-get -q -y --no-install-recommends install"
    with no_daemons(host):
        in_root(host, "apt-get -q update")
        in_root(host, f"{install} {' '.join(HOST_PACKAGES)}")
        in_root(host, f"{install} -t {CRIU_SUITE} criu")
    clean(host)
    # Each machine brings its own host key and name; shared ones would be a lie about identity.
    for key in (host / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    # No password, but not locked either: sshd without PAM refuses a locked user even with a key.
    in_root(host, f"useradd --create-home --shell /bin/bash --password '*' {SUDO_USER}")
    (host / "etc/sudoers.d" / SUDO_USER).write_text(f"{SUDO_USER} ALL=(ALL) NOPASSWD: ALL\n")
    config = host / "etc/containers/containers.conf.d/lab.conf"
    config.parent.mkdir(parents=True)
    config.write_text(CONTAINERS_CONFIG)


def _scripts(kind: str) -> list[Path]:
    """By the last one a host builds a technology's base layer, behind the functions that it uses."""
    own = WORKERS / "guests" / kind / "scripts"
    return [WORKERS / "scripts/common.sh", own / "common.sh", own / "layers/common.sh", own / "layers/build_base.sh"]


def _build_base(host: Path, kind: str, place: Path) -> None:
    """By the script that hosts of users run; the emulated host's system has all that it needs."""
    (host / "build_base.sh").write_text("".join(script.read_text() for script in _scripts(kind)))
    in_root(host, f"sh -eu /build_base.sh {BASE_NAME}")
    (host / "build_base.sh").unlink()
    place.parent.mkdir(exist_ok=True)
    shutil.move(host / "var/lib/mec/layers" / kind / "base" / BASE_NAME, place)
    shutil.rmtree(host / "var/lib/mec")
    (host / "var/lib/mec").mkdir()
    shutil.rmtree(host / "var/lib/containers", ignore_errors=True)


@contextmanager
def no_daemons(root: Path) -> Iterator[None]:
    """Packages may be installed in `root` by this machine's own resolver, and no maintainer script starts a daemon there."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    yield
    policy.unlink()


def in_root(root: Path, command: str) -> None:
    """Run a shell command with `root` as its root, in namespaces of its own: nothing stays mounted or running."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc"]
    # a mount of its own and not a chroot, in which Podman unpacks nothing
    script = (
        'mount --rbind "$0" "$0"; mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"; '
        'cd "$0"; pivot_root . mnt; cd /; umount -l /mnt; exec sh -c "$1"'
    )
    run([*argv, script, str(root), command], timeout_s=BUILD_TIMEOUT_S, env=env)


def clean(root: Path) -> None:
    for pattern in ("var/lib/apt/lists/*", "var/cache/apt/archives/*.deb", "var/cache/apt/*.bin", "var/log/*.log"):
        for path in root.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _make_device_nodes(dev: Path) -> None:
    """Nodes that a container without lxc.autodev needs; an unprivileged one could not make them itself."""
    for path in dev.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    nodes = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
    for name, (major, minor) in nodes.items():
        subprocess.run(["mknod", "-m", "666", str(dev / name), "c", str(major), str(minor)], check=True)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    (dev / "shm").chmod(0o1777)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0"}
    links |= {"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
    for name, target in links.items():
        (dev / name).symlink_to(target)
