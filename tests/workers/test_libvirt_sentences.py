"""What libvirt and QEMU write when a guest cannot be saved or restored becomes one sentence: cause and fix."""

import pytest

from workers.guests import GUESTS


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "error: Cannot access backing file '/var/lib/mec/layers/kvm/base/debian-13/image/disk.qcow2' of storage file "
            "'/var/lib/mec/instances/guest/image/disk.qcow2' (as uid:0, gid:0): No such file or directory",
            "a layer below its disk is missing",
        ),
        (
            "Could not open '/var/lib/mec/layers/kvm/base/debian-13/image/disk.qcow2': No such file or directory",
            "a layer below its disk is missing",
        ),
        ("qemu-system-x86_64: No space left on device", "the disk is full"),
        ("error: internal error: Unknown CPU model EPYC", "its processor model is unknown there"),
    ],
)
def test_known_faults_have_a_sentence(log: str, words: str) -> None:
    assert words in (GUESTS["kvm"].explain(log) or "")


def test_what_is_not_known_has_none() -> None:
    assert GUESTS["kvm"].explain("error: something new") is None
