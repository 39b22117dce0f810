"""KVM virtual machines, run by QEMU through libvirt."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .base import Technology, Tool, Work
from .findings import FAULT, OK, Finding, Side
from .versions import not_older

# a virtual machine has its own kernel, and QEMU around it
LEAST_GUEST_BYTES, QEMU_BYTES = 256_000_000, 150_000_000
ACCELERATIONS = {"kvm": "KVM", "qemu": "QEMU's TCG", "tcg": "QEMU's TCG", "": "nothing"}


def acceleration(source: Side, target: Side, ours: str, theirs: str) -> Iterator[Finding]:
    """Whether virtual machines run with the same on both: a running one cannot change over."""
    here, there = ACCELERATIONS.get(ours, ours), ACCELERATIONS.get(theirs, theirs)
    if here != there:
        yield Finding(
            FAULT,
            f"Guests run with {here} on {source.name} and with {there} on {target.name}, and a running one cannot change over: "
            "choose another target.",
        )
    else:
        yield Finding(OK, f"Guests run with {here} on both hosts; libvirt compares the processors when it begins.")


def _accelerated_alike(source: Side, target: Side) -> Iterator[Finding]:
    if (ours := source.values.get("acceleration")) and (theirs := target.values.get("acceleration")):
        yield from acceleration(source, target, ours, theirs)


def _described(facts: Mapping[str, Any], papers: Mapping[str, Any]) -> str:
    slow = facts.get("acceleration") == "tcg"
    runs = "emulated by QEMU's TCG, since hardware acceleration does not work here" if slow else "accelerated by KVM"
    return (
        f"Virtual machines: QEMU {facts.get('qemu_version')}, {runs}; guests are as small as the recipe allows, the paper's "
        f"base layer had {papers['base_layer_mb']['kvm']:,} MB."
    )


def machine(here: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What runs guests on a host, and the processors that a guest started there has to do with; `hosts` are all hosts' facts."""
    runs = str(here.get("acceleration", ""))
    alike = [facts for facts in hosts if str(facts.get("acceleration", "")) == runs]
    return {
        "acceleration": runs,
        # the oldest of the newest: each host's QEMU still builds its forerunners' machines
        "machine_type": min((str(facts.get("machine_type", "")) for facts in alike), key=_by_number, default=""),
        "processors": tuple(sorted({str(facts.get("cpu_kvm", "")) for facts in alike} - {""})),
    }


def _by_number(machine_type: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", machine_type))


KVM = Technology(
    key="kvm",
    label="KVM",
    noun="a virtual machine",
    tools=(
        Tool("libvirt_version", "libvirt", not_older, "libvirt-daemon-system"),
        Tool("qemu_version", "QEMU", not_older, "qemu-system-x86"),
    ),
    facts=(
        ("qemu_version", "QEMU"),
        ("libvirt_version", "libvirt"),
        ("acceleration", "Virtual machines run with"),
        ("cpu_model_kvm", "Their processor model"),
        ("machine_type", "Their newest machine type"),
    ),
    work=Work(0.6, 1.6, 1.1),
    clone="a qcow2 image over the application's",
    list_command="virsh list --all",
    remove_command="virsh destroy {name}; rm -rf --one-file-system /var/lib/mec/instances/{name}",
    layers_folder="kvm/",
    layer_content="image",
    first_answer_limit_s=300.0,
    memory_needed=lambda limit_bytes: max(limit_bytes, LEAST_GUEST_BYTES) + QEMU_BYTES,
    fits=_accelerated_alike,
    machine=machine,
    keeps_idle_memory=True,
    described=_described,
)
