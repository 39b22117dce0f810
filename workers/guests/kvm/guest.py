"""KVM virtual machines, through libvirt: `virsh` on the host, over the ssh connection that the migration has anyway."""

import re
import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from migrations_app.admission import rules
from migrations_app.technologies.findings import Side
from migrations_app.technologies.findings import faults as forbidding
from migrations_app.technologies.kvm import acceleration
from workers.engine import MigrationError
from workers.guests.base import LiveWay
from workers.guests.scripted import RESTORE_LIMIT_S, ScriptedGuest
from workers.hosts.base import MecHost
from workers.specs import InstanceSpec, MigrationSpec, SavedState
from workers.transfer.rsync import IMAGE_OPTIONS

from .live import LIVE
from .vetting import decoded, vetted

# A recipe's memory is what its processes may use; a guest's own kernel needs some, too
LEAST_MEMORY_MB = 256
VIRTTYPES = {"kvm": "kvm", "tcg": "qemu"}


class KvmGuest(ScriptedGuest):
    """Full virtual machines."""

    kind, state_options = "kvm", IMAGE_OPTIONS
    live: LiveWay | None = LIVE

    async def start(self, host: MecHost, instance: InstanceSpec) -> None:
        domain = definition(instance, host.endpoint.access_bridge)
        await self._call(host, "start", instance.service, processors(instance), stdin=domain, limit_s=60)

    async def _restore(self, target: MecHost, spec: MigrationSpec, saved: SavedState) -> dict[str, str]:
        domain = vetted(decoded(saved.definition), spec.instance, target.endpoint.access_bridge)
        words = (spec.migration, spec.service, saved.digest)
        return await self._call(target, "restore", *words, stdin=domain, limit_s=RESTORE_LIMIT_S)

    async def keep_idle(self, builder: MecHost, instance: InstanceSpec, number: int) -> None:
        domain = definition(instance, builder.endpoint.access_bridge, connected=False)
        words = (instance.app_layer, instance.storage, number, processors(instance))
        await builder.call("kvm/layers/keep_idle", *words, stdin=domain, limit_s=240)

    async def has_idle(self, host: MecHost, layer: str) -> bool:
        return (await host.call("kvm/layers/has_idle", layer))["idle"] == "yes"

    async def faults(self, target: MecHost, here: Side, there: Side) -> list[str]:
        found = [*rules.versions(self.kind, here, there)]
        machine, virttype = here.values.get("machine"), here.values.get("virttype")
        if virttype:
            found += acceleration(here, there, virttype, there.values["acceleration"])
        faults = forbidding(found) + _guest_faults(here.values)
        if machine and machine not in there.values["machines"].split():
            faults.append(
                f"The QEMU of {there.name} does not build the machine {machine}: install one there that does."
            )
        if (
            virttype
            and virttype == VIRTTYPES.get(there.values["acceleration"])
            and machine
            and (cpu := here.values.get("cpu"))
        ):
            said = await target.call("kvm/check_cpu", virttype, machine, stdin=cpu)
            if lacks := said.get("lacks"):
                faults.append(f"The guest's processor cannot be had on {there.name} ({lacks}): choose another target.")
        return faults

    def definition_faults(self, spec: MigrationSpec, source: Side) -> list[str]:
        definition = source.values.get("definition")
        try:
            if definition:
                vetted(decoded(definition), spec.instance, "any")
        except MigrationError as error:
            return [str(error)]
        return []

    def explain(self, log: str) -> str | None:
        return next((sentence for words, sentence in KNOWN if words in log), None)


LAYER_MISSING = "a layer below its disk is missing: provision it, and migrate again."
# what libvirt and QEMU write, the same fault in different words by when they look
KNOWN = (
    ("No space left on device", "the disk is full: free space there and migrate again."),
    ("unsupported migration cpu model", "its processor model is unknown there: install the same QEMU on both hosts."),
    ("CPU model", "its processor model is unknown there: install the same QEMU on both hosts."),
    ("Could not open backing file", LAYER_MISSING),
    ("Cannot access backing file", LAYER_MISSING),
    ("disk.qcow2': No such file", LAYER_MISSING),
    ("Unsupported machine type", "its machine type is unknown there: install the same QEMU on both hosts."),
    ("load of migration failed", "its memory image cannot be read there: both hosts need the same QEMU."),
)


def _guest_faults(said: Mapping[str, str]) -> list[str]:
    faults = []
    if disks := said.get("other_disks", "").strip():
        faults.append(f"The guest has a disk that is on no layer ({disks}): detach it, since it would stay behind.")
    if int(said.get("passed_through") or 0):
        faults.append("A device of the host is passed through to the guest: detach it, since it would stay behind.")
    if int(said.get("snapshots") or 0):
        faults.append("The guest has snapshots, which would be lost: delete them (virsh snapshot-delete).")
    return faults


# what no XML document can hold, not even written as a number
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _checked(word: str) -> str:
    """The processor is put into its place on the host, so no word may be that place's name."""
    if NOT_XML.search(word) or "@CPU@" in word:
        raise MigrationError(f"{word!r} cannot stand in a guest's definition: rename what is called so.")
    return word


def _text(word: str) -> str:
    """A word as an element's text."""
    return escape(_checked(word))


def _attribute(word: str) -> str:
    """A word as an attribute's value, with its quotes."""
    return quoteattr(_checked(word))


def processors(instance: InstanceSpec) -> str:
    """The processors of all hosts that the guest may move to, as one argument."""
    if not instance.processors:
        raise MigrationError("No host's processor is known to libvirt: check the hosts first.")
    return "".join(instance.processors)


def definition(instance: InstanceSpec, bridge: str, *, guest: str = "", connected: bool = True) -> str:
    """The domain's definition: a pinned machine type, and only devices that can be saved and moved.

    `guest` is the instance's name where it is not the service's own (the idle application); then it may stay unconnected.
    Every word in it is written as XML wants it, whoever has checked it before. Raises MigrationError where XML has no way to.
    """
    name = guest or instance.service
    layer, folder = f"/var/lib/mec/layers/kvm/base/{instance.base}/image", f"/var/lib/mec/instances/{name}"
    words = f"root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 init=/etc/mec/init mec.name={name}"
    words += f" mec.address={instance.address}/{instance.prefix_length}"
    state = "" if connected else "<link state='down'/>"
    return f"""\
<domain type='{VIRTTYPES[instance.acceleration]}'>
<name>{_text(name)}</name>
<uuid>{uuid.uuid5(uuid.NAMESPACE_OID, name + instance.hardware_address)}</uuid>
<memory unit='MiB'>{max(LEAST_MEMORY_MB, instance.memory_mb)}</memory>
<vcpu>1</vcpu>
<os><type arch='x86_64' machine={_attribute(instance.machine_type)}>hvm</type>
<kernel>{_text(layer)}/vmlinuz</kernel><initrd>{_text(layer)}/initrd.img</initrd><cmdline>{_text(words)}</cmdline></os>
<features><acpi/><apic/></features>
@CPU@
<clock offset='utc'/>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>preserve</on_crash>
<devices>
<emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
<source file={_attribute(f"{folder}/image/disk.qcow2")}/><target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><mac address={_attribute(instance.hardware_address)}/>
<source bridge={_attribute(bridge)}/>
<model type='virtio'/><rom enabled='no'/>{state}</interface>
<serial type='file'><source path={_attribute(f"{folder}/console.log")}/><target port='0'/></serial>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<memballoon model='virtio' freePageReporting='on'/>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
<panic model='isa'/>
<video><model type='none'/></video>
</devices>
</domain>"""
