"""The disk image of a virtual machine: a stock Debian 13, prepared by the script that operators run on their hosts.

Built from packages and cached like the other images: another recipe is another image. Machines get overlays over it.
"""

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import image
from lab.image import BASE_NAME, BUILD_TIMEOUT_S, SUITE, WORKERS, Say
from lab.shell import run

# what a system has before an operator begins: that of Debian's installer, and no more
PACKAGES = (
    *("systemd-sysv", "dbus", "udev", "apparmor", "kmod", "procps", "nftables", "iputils-ping", "ca-certificates"),
    *(
        "openssh-server",
        "sudo",
        "iproute2",
        "ifupdown",
        "initramfs-tools",
        "linux-image-cloud-amd64",
        "python3",
        "zstd",
    ),
)
PREPARE_SCRIPT = WORKERS.parent / "deploy" / "prepare-host.sh"
PREPARE_OPTIONS = ("--access-card", "eth2", "--oci")
# what the disk and the cards need to be found; all of them would take half a minute to unpack without acceleration
BOOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")
DISK_BYTES = 10_000_000_000
MEMORY_MB = 1024
STEPS_VERSION = 3
# what must not be the same on each machine goes again
FIRST_START = "/root/first-start.sh"
FIRST_START_SCRIPT = f"""\
#!/bin/sh
: >/etc/machine-id
rm -rf /var/log/journal /var/lib/systemd/random-seed {FIRST_START}
sync
"""

# A machine of an edge differs from the image by a few files, which it unpacks from its second disk at its first start. The disk
# is there since the initial RAM disk; systemd may take minutes on a slow machine to hear of it.
SEED_UNIT = """\
[Unit]
Description=The files that make this machine one of an edge
DefaultDependencies=no
ConditionPathExists=/dev/vdb
ConditionPathExists=!/etc/mec-edge
After=systemd-remount-fs.service
Before=network-pre.target sysinit.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/tar -x -C / -f /dev/vdb

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True)
class VmImage:
    """Where an image's files are: the raw disk that every machine's overlay stands on, the kernel, the initial RAM disk."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"


def version() -> str:
    """A short hash of the recipe."""
    recipe = [SUITE, PACKAGES, PREPARE_OPTIONS, BOOT_MODULES, DISK_BYTES, SEED_UNIT, STEPS_VERSION, image.version()]
    recipe.append(PREPARE_SCRIPT.read_text())
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]


def vm_image() -> VmImage:
    """The place of the image of this recipe, whether it is built or not."""
    return VmImage(image.cache_dir() / f"vm-{BASE_NAME}-{version()}")


def build(say: Say) -> VmImage:
    """Build the image if it is not cached, and the layers that it holds; takes two to five minutes. Raises LabError."""
    images = image.build(say)

    def steps(work: Path) -> None:
        say(
            f"Building the virtual machines' system with debootstrap ({SUITE}) and deploy/prepare-host.sh; this happens once."
        )
        _build_into(work, images)

    image.build_once(vm_image().folder, steps, say)
    return vm_image()


def _build_into(work: Path, images: image.Images) -> None:
    root, mirror = work / "root", image.debian_mirror()
    work.mkdir(mode=0o755)
    run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root), mirror],
        timeout_s=BUILD_TIMEOUT_S,
    )
    (root / "etc/apt/sources.list").write_text(f"deb {mirror} {SUITE} main\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 errors=remount-ro 0 0\n")
    (root / "etc/systemd/system/mec-edge.service").write_text(SEED_UNIT)
    (root / FIRST_START.lstrip("/")).write_text(FIRST_START_SCRIPT)
    (root / FIRST_START.lstrip("/")).chmod(0o755)
    _prepare(root)
    _add_base_layer(root, images.base)
    oci = root / "var/lib/mec/layers/oci/base" / BASE_NAME
    oci.parent.mkdir(parents=True, mode=0o711)
    run(["cp", "-a", str(images.built / "oci"), str(oci)], timeout_s=BUILD_TIMEOUT_S)
    _make_initrd(root)
    found = VmImage(work)
    shutil.copyfile(next((root / "boot").glob("vmlinuz-*")), found.kernel)
    shutil.copyfile(next((root / "boot").glob("initrd.img-*")), found.initrd)
    with found.disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-d", str(root), str(found.disk)], timeout_s=BUILD_TIMEOUT_S)
    shutil.rmtree(root)
    _start_once(found)


def _prepare(root: Path) -> None:
    """What an operator does on a host, done in the image."""
    with image.no_daemons(root):
        shutil.copyfile(PREPARE_SCRIPT, root / "root/prepare-host.sh")
        image.in_root(root, f"sh /root/prepare-host.sh {' '.join(PREPARE_OPTIONS)}")
        image.in_root(root, "systemctl -q enable mec-edge.service")
    image.clean(root)
    # each machine brings its own
    for name in ("etc/machine-id", "etc/hostname", "etc/resolv.conf", *_host_keys(root)):
        (root / name).unlink(missing_ok=True)
    (root / "etc/machine-id").touch()


def _host_keys(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in (root / "etc/ssh").glob("ssh_host_*")]


def _add_base_layer(root: Path, base: Path) -> None:
    """The layer that all hosts hold, with the digest that a check would otherwise take: minutes without acceleration."""
    layer = root / "var/lib/mec/layers/base" / BASE_NAME
    layer.mkdir(parents=True, mode=0o711)
    layer.parent.chmod(0o711)
    run(["cp", "-a", str(base), str(layer / "rootfs")], timeout_s=BUILD_TIMEOUT_S)
    script = (
        WORKERS / "scripts/common.sh"
    ).read_text() + 'tree_digest "$1/rootfs" >"$1/digest"; tree_bytes "$1/rootfs" >"$1/bytes"\n'
    # in the machine, whose tools these are, and not here
    (root / "digest.sh").write_text(script)
    image.in_root(root, f"sh -eu /digest.sh /{layer.relative_to(root)}")
    (root / "digest.sh").unlink()


def _make_initrd(root: Path) -> None:
    settings = root / "etc/initramfs-tools"
    (settings / "conf.d/lab").write_text("MODULES=list\nCOMPRESS=zstd\n")
    (settings / "modules").write_text("\n".join(BOOT_MODULES) + "\n")
    image.in_root(root, "update-initramfs -u -k all")


def _start_once(image: VmImage) -> None:
    """Let the system do what it does at its first start only: AppArmor's profiles alone take a minute without acceleration."""
    words = f"systemd.run={FIRST_START} systemd.run_success_action=poweroff systemd.run_failure_action=poweroff"
    disk = ["-drive", f"file={image.disk},if=virtio,format=raw,cache=unsafe"]
    run([*computer_argv(image, words), *disk, "-no-reboot"], timeout_s=BUILD_TIMEOUT_S)


def computer_argv(image: VmImage, kernel_words: str) -> list[str]:
    """QEMU's command line for a computer with this system's kernel, without its disks. What it prints is the console."""
    accelerates = kernel_accelerates(image.kernel)
    words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"]
    words += ["-machine", f"q35,accel={'kvm' if accelerates else 'tcg'}", "-smp", "1", "-m", str(MEMORY_MB)]
    # without acceleration five levels of page tables cost more than four
    words += [
        "-cpu",
        "host" if accelerates else "max,la57=off",
        "-kernel",
        str(image.kernel),
        "-initrd",
        str(image.initrd),
    ]
    # card names that are the same with every machine type, and nobody to sign in on the console
    kernel_words += " root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 systemd.mask=serial-getty@ttyS0.service"
    # an emulated processor has nothing to mitigate, and the limits of systemd's units are made for machines
    kernel_words += "" if accelerates else " mitigations=off systemd.default_timeout_start_sec=900"
    return [*words, "-append", kernel_words]


def kernel_accelerates(kernel: Path) -> bool:
    """Whether KVM really works here: a tiny guest starts with it. That /dev/kvm opens proves nothing."""
    if not Path("/dev/kvm").exists():
        return False
    words = ["-accel", "kvm", "-cpu", "host", "-m", "128", "-nodefaults", "-display", "none", "-no-reboot"]
    words += ["-kernel", str(kernel), "-append", "console=ttyS0 panic=-1", "-serial", "stdio"]
    try:
        # without a root it panics at the end of its start, which is all that is asked of it
        done = subprocess.run(
            ["qemu-system-x86_64", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"Kernel panic - not syncing: VFS" in done.stdout
