"""One emulated machine: its disk, its own files, its namespaces, and the way into it."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import cgroups
from lab.errors import LabError
from lab.image import BASE_NAME, FIRST_UID, UID_COUNT, Images
from lab.layout import SSH_PORT, Layout, Machine, group, namespace
from lab.shell import run

CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
INSIDE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_SCRIPT = Path(__file__).with_name("boot.sh")
START_TIMEOUT_S = 20.0

SSHD_CONFIG = """\
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
MaxSessions 200
MaxStartups 200:30:400
MaxAuthTries 20
PerSourcePenalties no
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys
"""

# libvirt in namespaces that have no systemd and no control groups of its own to make; else as it comes
QEMU_CONFIG = """\
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
"""
LIBVIRTD_CONFIG = """\
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
"""


@dataclass(frozen=True)
class Places:
    """Directories of one edge on this machine. `run` holds what `lab down` removes."""

    root: Path

    @property
    def run(self) -> Path:
        """What lives only while the edge is up."""
        return self.root / "run"

    @property
    def operator_key(self) -> Path:
        """The private key that every machine of the edge lets in as root."""
        return self.root / "keys" / "operator"

    def disk(self, machine: str) -> Path:
        """What a machine keeps over `lab down`."""
        return self.root / "disks" / machine

    def host_key(self, machine: str) -> Path:
        """A machine's own private ssh key."""
        return self.disk(machine) / "ssh" / "ssh_host_ed25519_key"


def make_key(path: Path, comment: str) -> None:
    """An ed25519 key pair at `path`, unless there is one."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name("unfinished")
    for left_over in (unfinished, unfinished.with_suffix(".pub")):
        left_over.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(unfinished)])
    unfinished.with_suffix(".pub").rename(path.with_suffix(".pub"))
    unfinished.rename(path)


def prepare_disk(places: Places, machine: Machine, images: Images) -> None:
    """A machine's persistent directory, with its host key and, on a MEC host, the base layer."""
    make_key(places.host_key(machine.name), machine.name)
    if machine.role != "mec":
        return
    layers = places.disk(machine.name) / "mec" / "layers"
    _copy_base(images.base, layers / "base" / BASE_NAME / "rootfs")
    for place in sorted(images.built.iterdir()):
        _copy_base(place / "image", layers / place.name / "base" / BASE_NAME / "image")


def _copy_base(image: Path, place: Path) -> None:
    if place.is_dir():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    incoming = place.with_name("incoming")
    if incoming.exists():
        shutil.rmtree(incoming)
    run(["cp", "-a", "--reflink=auto", str(image), str(incoming)], timeout_s=600)
    incoming.rename(place)


def write_seed(places: Places, layout: Layout, machine: Machine) -> Path:
    """The files that make the common image this machine: name, keys, addresses, proxy. Returns their directory."""
    seed = places.run / machine.name / "seed"
    texts = {
        "etc/hostname": f"{machine.name}\n",
        # as Debian's installer writes it: no other machine's name, so that asking for one goes to the resolver
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {machine.name}\n",
        # nobody is there: who asks waits for seconds, as where a backhaul's addresses have no names
        "etc/resolv.conf": f"nameserver {layout.resolver}\n",
        "etc/ssh/sshd_config.d/10-lab.conf": SSHD_CONFIG,
        "etc/subuid": f"root:{FIRST_UID}:{UID_COUNT}\n",
        "etc/subgid": f"root:{FIRST_UID}:{UID_COUNT}\n",
        "root/.ssh/authorized_keys": places.operator_key.with_suffix(".pub").read_text(),
        # The same for the user with sudo: owned by root and readable, which sshd takes for any user.
        "etc/ssh/authorized_keys": places.operator_key.with_suffix(".pub").read_text(),
    }
    if machine.role == "mec":
        texts["etc/libvirt/qemu.conf"] = QEMU_CONFIG
        texts["etc/libvirt/libvirtd.conf"] = f'{LIBVIRTD_CONFIG}host_uuid = "{uuid.uuid4()}"\n'
        apt = f'Acquire::http::Proxy "{layout.proxy}";\nAcquire::https::Proxy "{layout.proxy}";\n'
        # The proxy answers pipelined requests only after a pause of many seconds.
        texts["etc/apt/apt.conf.d/90proxy"] = apt + 'Acquire::http::Pipeline-Depth "0";\n'
        texts["etc/pip.conf"] = f"[global]\nproxy = {layout.proxy}\ncert = /{CA_BUNDLE}\n"
    for name, text in texts.items():
        path = seed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # ssh looks at these modes; the portal adds its own key for a migration here.
    for folder in (seed / "root", seed / "root/.ssh"):
        folder.chmod(0o700)
    _copy(Path("/") / CA_BUNDLE, seed / CA_BUNDLE)
    key = places.host_key(machine.name)
    _copy(key, seed / "etc/ssh" / key.name)
    _copy(key.with_suffix(".pub"), seed / "etc/ssh" / f"{key.name}.pub")
    return seed


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def start(places: Places, layout: Layout, machine: Machine, images: Images) -> None:
    """Boot a machine; returns at once. `wait_for_ssh` tells when it is there."""
    join = " ".join(str(file) for file in cgroups.make(group(layout.lab, machine.name)))
    own_cgroups = [] if cgroups.is_v2() else ["--cgroup"]
    trees = "".join(f"{tree.path.name} {tree.options}\n" for tree in cgroups.hierarchies() if not tree.v2)
    (places.run / machine.name / "cgroups").write_text(trees)
    enter = ["nsenter", f"--net=/run/netns/{namespace(layout.lab, machine.name)}"]
    enter += ["unshare", "--mount", "--pid", "--uts", "--ipc", *own_cgroups, "--fork", "--kill-child"]
    boot = ["sh", "-eu", str(BOOT_SCRIPT), machine.name, str(images.host), str(places.run / machine.name)]
    mec = places.disk(machine.name) / "mec"
    boot.append(str(mec) if machine.role == "mec" else "")
    spawn([*enter, *boot], join, places.run / machine.name / "boot.log")


def spawn(argv: Sequence[str], join: str, log: Path) -> None:
    """Start a process of the edge in its control group, apart from this session, with a clean environment."""
    # In the background of a shell that ends at once: the process is then nobody's child here, and leaves no zombie.
    script = f'(for file in {join}; do echo 0 > "$file"; done; exec "$@") &'
    env = {"PATH": INSIDE_PATH, "LC_ALL": "C.UTF-8", "HOME": "/root"}
    with log.open("ab") as output:
        subprocess.run(
            ["sh", "-euc", script, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env=env,
            check=True,
        )


def wait_for_ssh(places: Places, machine: Machine, *, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until a machine's sshd greets. Raises LabError with what its boot said."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((machine.management, SSH_PORT), timeout=1) as connection:
            if connection.recv(4) == b"SSH-":
                return
        time.sleep(0.02)
    said = (places.run / machine.name / "boot.log").read_text(errors="replace")[-1000:]
    raise LabError(f"{machine.name} has not come up within {timeout_s:.0f} s. Its boot said:\n{said}")


def init_pid(lab: str, machine: str) -> int | None:
    """Number of the machine's first process as this machine sees it, or None where it does not run."""
    depth = len(_pid_in_namespaces(os.getpid())) + 1
    for pid in cgroups.processes_of(group(lab, machine)):
        numbers = _pid_in_namespaces(pid)
        if len(numbers) == depth and numbers[-1] == 1:
            return pid
    return None


def _pid_in_namespaces(pid: int) -> list[int]:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return [int(number) for number in line.split()[1:]]
    return []


def enter_argv(lab: str, machine: str, argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` inside a machine, in its control groups too. Raises LabError if it is down."""
    pid = init_pid(lab, machine)
    if pid is None:
        raise LabError(f"{machine} is not running. Start the edge with `lab up`.")
    join = " ".join(str(file) for file in cgroups.make(group(lab, machine)))
    script = f'for file in {join}; do echo 0 > "$file"; done; exec "$@"'
    spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", *([] if cgroups.is_v2() else ["--cgroup"])]
    environment = ["env", "-i", "--chdir=/root", f"PATH={INSIDE_PATH}", "HOME=/root", "LC_ALL=C.UTF-8"]
    environment.append(f"TERM={os.environ.get('TERM', 'dumb')}")
    return ["sh", "-euc", script, "sh", "nsenter", f"--target={pid}", *spaces, *environment, *argv]
