"""A guest's definition as its source tells it, before the target's libvirt acts on it.

The source could write anything into it: a disk of the target's, another emulator, a user to run as, words for QEMU's command
line. So each element and attribute must be one that the portal's own definition (kvm.py) has, or that libvirt adds to it, and
each path must be the service's own. What a host decides for itself is left out, and the target decides it anew.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from workers.engine import MigrationError
from workers.specs import InstanceSpec

LONGEST = 200_000  # characters; libvirt writes some 7,000
EMULATOR = "/usr/bin/qemu-system-x86_64"
WORD, NUMBER, ANY = "[A-Za-z0-9_.:+-]*", "[0-9]+", r"(?s:.*)"
# whom a guest runs as, in which control group, below which layers, at which socket and card: the host's own affair
LEFT_OUT = {
    "seclabel",
    "resource",
    "devices/disk/backingStore",
    "devices/channel/source",
    "devices/interface/target",
}


@dataclass(frozen=True)
class Allowed:
    """What one element may hold: attributes by name and a text, each as a regular expression for the whole of it."""

    attributes: dict[str, str] = field(default_factory=dict)
    text: str = r"\s*"


def _words(*names: str, text: str = r"\s*", **fixed: str) -> Allowed:
    return Allowed({**dict.fromkeys(names, WORD), **fixed}, text)


_ADDRESS = _words(
    *("type", "domain", "bus", "slot", "function", "multifunction", "controller", "target", "unit", "port", "iobase")
)
_DEVICES = {
    "disk": Allowed({"type": "file", "device": "disk"}),
    "disk/driver": _words("cache", "discard", "io", name="qemu", type="qcow2"),
    "disk/target": _words("dev", bus="virtio"),
    "controller": _words("type", "index", "model", "ports"),
    "controller/model": _words("name"),
    "controller/target": _words("chassis", "port", "hotplug"),
    "interface": Allowed({"type": "bridge"}),
    "interface/source": _words("bridge"),
    "interface/model": Allowed({"type": "virtio"}),
    "interface/rom": Allowed({"enabled": "no"}),
    "interface/link": _words("state"),
    "serial": Allowed({"type": "file"}),
    "serial/target": _words("type", "port"),
    "serial/target/model": _words("name"),
    "console": Allowed({"type": "file"}),
    "console/target": _words("type", "port"),
    "channel": Allowed({"type": "unix"}),
    "channel/target": _words("state", type="virtio", name=r"org\.qemu\.guest_agent\.0"),
    "input": _words("type", "bus"),
    "audio": Allowed({"id": NUMBER, "type": "none"}),
    "video": Allowed(),
    "video/model": Allowed({"type": "none"}),
    "watchdog": Allowed({"model": "itco", "action": "reset"}),
    "memballoon": _words("autodeflate", "freePageReporting", model="virtio"),
    "memballoon/stats": Allowed({"period": NUMBER}),
    "rng": Allowed({"model": "virtio"}),
    "rng/backend": Allowed({"model": "random"}, "/dev/urandom"),
    "panic": _words("model"),
}
_ANY_DEVICE = {"alias": _words("name"), "address": _ADDRESS}
_DOMAIN = {
    "": Allowed({"type": "kvm|qemu", "id": NUMBER}),
    "uuid": Allowed(text="[0-9a-f-]{36}"),
    "memory": Allowed({"unit": "KiB|MiB"}, NUMBER),
    "currentMemory": Allowed({"unit": "KiB|MiB"}, NUMBER),
    "vcpu": Allowed({"placement": "static"}, NUMBER),
    "os": Allowed(),
    "os/type": _words("arch", "machine", text="hvm"),
    "os/cmdline": Allowed(text=ANY),  # the guest's kernel reads it, and nobody on the host
    "os/boot": Allowed({"dev": "hd"}),
    "features": Allowed(),
    "features/acpi": Allowed(),
    "features/apic": Allowed(),
    "cpu": _words("mode", "match", "check", "migratable"),
    "cpu/model": _words("fallback", text=WORD),
    "cpu/vendor": Allowed(text=WORD),
    "cpu/feature": _words("policy", "name"),
    "cpu/topology": _words("sockets", "dies", "clusters", "cores", "threads"),
    "cpu/maxphysaddr": _words("mode", "bits", "limit"),
    "clock": Allowed({"offset": "utc"}),
    "clock/timer": _words("name", "tickpolicy", "present"),
    "on_poweroff": Allowed(text="destroy"),
    "on_reboot": Allowed(text="restart"),
    "on_crash": Allowed(text="preserve"),
    "devices": Allowed(),
    "devices/emulator": Allowed(text=EMULATOR),
    **{f"devices/{path}": allowed for path, allowed in _DEVICES.items()},
    **{f"devices/{device}/{name}": allowed for device in _DEVICES for name, allowed in _ANY_DEVICE.items()},
}


def decoded(said: str) -> str:
    """A definition as a host's script prints it. Raises MigrationError."""
    try:
        return b64decode(said, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise MigrationError(f"What a host says of a guest's definition cannot be read: {error}.") from error


def vetted(definition: str, instance: InstanceSpec, bridge: str) -> str:
    """The definition as the target may have it, on the target's bridge.

    Raises MigrationError with what is in it that the portal gives no guest, or that belongs to another service or to the host.
    """
    root = _read(definition, instance.service)
    rules = _DOMAIN | _own(instance)
    for path, element in list(_elements(root, LEFT_OUT)):
        _check(path, element, rules, instance.service)
    missing = {"name", "uuid", "devices/disk/source", "devices/emulator"} - {path for path, _ in _elements(root, set())}
    if missing:
        raise _refusal(instance.service, f"lacks {', '.join(sorted(missing))}")
    for source in root.iterfind("devices/interface/source"):
        source.set("bridge", bridge)
    root.attrib.pop("id", None)
    return ElementTree.tostring(root, encoding="unicode")


def _read(definition: str, service: str) -> Element:
    """No document type: with it, a few lines become gigabytes, and files of the portal's become text."""
    if len(definition) > LONGEST or "<!DOCTYPE" in definition:
        raise _refusal(service, "is too long or has a document type")
    try:
        root = ElementTree.fromstring(definition)
    except ElementTree.ParseError as error:
        raise _refusal(service, f"is no XML ({error})") from error
    if root.tag != "domain":
        raise _refusal(service, f"is no domain but {root.tag[:80]}")
    return root


def _own(instance: InstanceSpec) -> dict[str, Allowed]:
    """What only this service's definition may hold."""
    layer = f"/var/lib/mec/layers/kvm/base/{instance.base}/image"
    folder = f"/var/lib/mec/instances/{instance.service}"
    console = Allowed({"path": re.escape(f"{folder}/console.log"), "append": "on|off"})
    return {
        "name": Allowed(text=re.escape(instance.service)),
        "os/kernel": Allowed(text=re.escape(f"{layer}/vmlinuz")),
        "os/initrd": Allowed(text=re.escape(f"{layer}/initrd.img")),
        "devices/disk/source": Allowed({"file": re.escape(f"{folder}/image/disk.qcow2"), "index": NUMBER}),
        "devices/interface/mac": Allowed({"address": f"(?i:{re.escape(instance.hardware_address)})"}),
        "devices/serial/source": console,
        "devices/console/source": console,
    }


def _elements(parent: Element, left_out: set[str], above: str = "") -> Iterator[tuple[str, Element]]:
    """Each element with its path below the domain; those that are `left_out` are taken out of the tree."""
    yield above, parent
    for child in list(parent):
        path = f"{above}/{child.tag}".lstrip("/")
        if path in left_out:
            parent.remove(child)
        else:
            yield from _elements(child, left_out, path)


def _check(path: str, element: Element, rules: dict[str, Allowed], service: str) -> None:
    allowed = rules.get(path)
    if allowed is None:
        raise _refusal(service, f"has {path!r}")
    for name, value in element.attrib.items():
        if name not in allowed.attributes or not re.fullmatch(allowed.attributes[name], value):
            raise _refusal(service, f"has {name}={value[:80]!r} in {path or 'domain'!r}")
    # the emulator's name and the like may stand between spaces for libvirt, and would be another file then
    if not re.fullmatch(allowed.text, element.text or ""):
        raise _refusal(service, f"has {(element.text or '')[:80]!r} in {path or 'domain'!r}")
    if (element.tail or "").strip():
        raise _refusal(service, f"has text behind {path!r}")


def _refusal(service: str, what: str) -> MigrationError:
    return MigrationError(
        f"The definition of {service}, as its host tells it, {what}, which the portal gives no guest: stop the service and "
        "start it again, and look at its host if you did not change the guest yourself."
    )
