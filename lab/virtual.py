"""Virtual machines: their own kernel, systemd, cgroup v2 and AppArmor, by QEMU with KVM, or without where that does not work.

QEMU runs in the machine's network namespace, in which a bridge for each network joins its card to the cable.
"""

import io
import json
import shlex
import socket
import sys
import tarfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lab import cgroups, network, vm_image
from lab.errors import LabError
from lab.image import Say
from lab.kind import Kind, Site
from lab.layout import Layout, Machine, group, namespace
from lab.machine import CA_BUNDLE, Places, make_key, spawn, wait_for_ssh
from lab.shell import run
from lab.state import Wanted

MEMORY_MB = 1024
# without acceleration a start takes a minute and a half, and another one at the same time half as much again
START_TIMEOUT_S = 400.0
SYNC_TIMEOUT_S = 30.0
# in the order of the machine's cards: eth0, eth1, eth2
CARDS = ("mgmt", "backhaul", "access")
# an address that nobody has: names are asked for in vain, as on many a real backhaul
RESOLVER_HOST = 253


class Virtual(Kind):
    """A whole Debian 13, prepared as operators prepare theirs."""

    def build(self, say: Say) -> None:
        found = vm_image.build(say)
        if not vm_image.kernel_accelerates(found.kernel):
            say(
                "KVM does not work on this machine: without it virtual machines are many times slower, and start in minutes."
            )

    def refuse(self, wanted: Wanted) -> None:
        if wanted.disk_mb:
            raise LabError("A virtual machine's disk has one size: leave --disk-mb out, or use emulated machines.")

    def boot(self, site: Site, machine: Machine) -> None:
        network.join_virtual_machine(site.layout, machine, site.wanted.bandwidth_mbit)
        prepare_disk(site.places, machine)
        write_seed(site.places, site.layout, machine)
        start(site.places, site.layout, machine)
        network.join_taps(site.layout, machine, CARDS)
        wait_for_ssh(site.places, machine, timeout_s=START_TIMEOUT_S)

    def is_running(self, lab: str, machine: str) -> bool:
        return bool(cgroups.processes_of(group(lab, machine)))

    def enter_argv(self, places: Places, lab: str, machine: Machine, argv: Sequence[str]) -> list[str]:
        if not self.is_running(lab, machine.name):
            raise LabError(f"{machine.name} is not running. Start the edge with `lab up`.")
        words = [
            "ssh",
            "-F",
            "none",
            "-i",
            str(places.operator_key),
            "-o",
            f"UserKnownHostsFile={known_hosts(places, machine)}",
        ]
        words += ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", *(["-t"] if sys.stdin.isatty() else [])]
        return [*words, f"root@{machine.management}", shlex.join(argv)]

    def set_carrier(self, places: Places, machine: Machine, *, up: bool) -> None:
        tell(places, machine, "set_link", name="backhaul", up=up)

    def write_back(self, places: Places, lab: str, machine: Machine) -> None:
        with suppress(LabError):  # one that does not answer loses its power all the same
            run(self.enter_argv(places, lab, machine, ["sync"]), timeout_s=SYNC_TIMEOUT_S)


def prepare_disk(places: Places, machine: Machine) -> None:
    """A machine's host key, and its disk: an overlay over the image, made anew where the image is another one."""
    make_key(places.host_key(machine.name), machine.name)
    folder, base = places.disk(machine.name), vm_image.vm_image().disk
    disk, made_for = folder / "disk.qcow2", folder / "image"
    if disk.exists() and made_for.exists() and made_for.read_text() == str(base):
        return
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(disk)])
    made_for.write_text(str(base))


def known_hosts(places: Places, machine: Machine) -> Path:
    """The file that pins a machine's host key."""
    return places.run / machine.name / "known_hosts"


def write_seed(places: Places, layout: Layout, machine: Machine) -> None:
    """The machine's second disk: an archive of the files that make the common image this machine."""
    folder = places.run / machine.name
    folder.mkdir(parents=True, exist_ok=True)
    key = places.host_key(machine.name)
    public = key.with_suffix(".pub").read_text()
    known_hosts(places, machine).write_text(f"{machine.management} {public}")
    files = {
        "etc/hostname": f"{machine.name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {machine.name}\n",
        "etc/resolv.conf": f"nameserver {layout.address(0, RESOLVER_HOST)}\n",
        "etc/network/interfaces": interfaces(machine),
        "etc/ssh/ssh_host_ed25519_key": key.read_text(),
        "etc/ssh/ssh_host_ed25519_key.pub": public,
        "root/.ssh/authorized_keys": places.operator_key.with_suffix(".pub").read_text(),
        # The proxy answers pipelined requests only after a pause of many seconds.
        "etc/apt/apt.conf.d/90proxy": f'Acquire::http::Proxy "{layout.proxy}";\nAcquire::http::Pipeline-Depth "0";\n',
        "etc/pip.conf": f"[global]\nproxy = {layout.proxy}\ncert = /{CA_BUNDLE}\n",
        "etc/mec-edge": f"{layout.lab}\n",
    }
    bundle = Path("/") / CA_BUNDLE
    if bundle.exists():
        files[CA_BUNDLE] = bundle.read_text()
    with tarfile.open(folder / "seed.tar", "w") as archive:
        for name, text in files.items():
            _add(archive, name, text, 0o600 if name.endswith(("_key", "authorized_keys")) else 0o644)


def _add(archive: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    data = text.encode()
    about = tarfile.TarInfo(name)
    about.size, about.mode, about.mtime = len(data), mode, int(time.time())
    archive.addfile(about, io.BytesIO(data))


def interfaces(machine: Machine) -> str:
    """Debian's own configuration of networks; the card on the access network is the bridge's (deploy/prepare-host.sh)."""
    text = "auto lo\niface lo inet loopback\n"
    for card, address in (("eth0", machine.management), ("eth1", machine.backhaul)):
        text += f"auto {card}\niface {card} inet static\n    address {address}/{network.PREFIX_LENGTH}\n"
    return text


def start(places: Places, layout: Layout, machine: Machine) -> None:
    """Switch a machine on; returns at once."""
    join = " ".join(str(file) for file in cgroups.make(group(layout.lab, machine.name)))
    enter = ["nsenter", f"--net=/run/netns/{namespace(layout.lab, machine.name)}"]
    spawn([*enter, *qemu_argv(places, layout, machine)], join, places.run / machine.name / "boot.log")


def qemu_argv(places: Places, layout: Layout, machine: Machine) -> list[str]:
    """QEMU's command line. What it prints is the machine's console."""
    image, folder = vm_image.vm_image(), places.run / machine.name
    accelerates = vm_image.kernel_accelerates(image.kernel)
    words = ["qemu-system-x86_64", "-name", machine.name, "-nodefaults", "-no-user-config", "-display", "none"]
    words += ["-machine", f"q35,accel={'kvm' if accelerates else 'tcg'}"]
    # without acceleration five levels of page tables cost more than four, and an emulated processor has nothing to mitigate
    words += ["-cpu", "host" if accelerates else "max,la57=off"]
    words += ["-smp", "1", "-m", str(MEMORY_MB), "-serial", "stdio", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
    words += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", kernel_words(machine, accelerates)]
    # what a crash of this machine would lose, nobody needs
    disk = places.disk(machine.name) / "disk.qcow2"
    words += ["-drive", f"file={disk},if=virtio,format=qcow2,cache=unsafe,discard=unmap"]
    words += ["-drive", f"file={folder}/seed.tar,if=virtio,format=raw,readonly=on", "-device", "virtio-rng-pci"]
    for number, card in enumerate(CARDS):
        words += ["-netdev", f"tap,id={card}-tap,ifname=tap-{card},script=no,downscript=no"]
        mac = f"52:54:00:{layout.number:02x}:{machine.number:02x}:{number:02x}"
        words += ["-device", f"virtio-net-pci,id={card},netdev={card}-tap,mac={mac}"]
    return words


def kernel_words(machine: Machine, accelerates: bool) -> str:
    """The name before its file is there, card names that are the same with every machine type, and nobody to sign in there."""
    words = f"root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 systemd.hostname={machine.name}"
    words += " systemd.mask=serial-getty@ttyS0.service"
    # the limits of systemd's units are made for machines, too
    return words if accelerates else f"{words} mitigations=off systemd.default_timeout_start_sec=900"


def tell(places: Places, machine: Machine, command: str, **arguments: object) -> None:
    """Give QEMU an order by its monitor. Raises LabError."""
    try:
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(10)
            monitor.connect(str(places.run / machine.name / "qmp"))
            lines = monitor.makefile("rw")
            lines.readline()  # its greeting
            for order in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                lines.write(json.dumps(order) + "\n")
                lines.flush()
                while "event" in (answer := json.loads(lines.readline() or '{"error": "it hung up"}')):
                    pass
                if "error" in answer:
                    raise LabError(f"{machine.name}: QEMU refuses {command}: {answer['error']}")
    except OSError as error:
        raise LabError(f"{machine.name} is not running: {error}. Start the edge with `lab up`.") from error
