"""What the machine lacks is said all at once, without anything being made."""

from dataclasses import replace

from lab.layout import VIRTUAL
from lab.requirements import COMMANDS, COMMANDS_FOR, FREE_BYTES, VM_FREE_BYTES, Facts, Unmet, judge

WELL_EQUIPPED = Facts(
    uid=0,
    has_checkpoint_restore=True,
    filesystems=frozenset({"ext4", "overlay"}),
    has_tun=True,
    has_cgroups=True,
    commands=frozenset(COMMANDS),
    free_bytes={"/var/cache/mecportal": FREE_BYTES},
)


def test_a_well_equipped_machine_lacks_nothing() -> None:
    assert judge(WELL_EQUIPPED) == []


def test_everything_that_is_missing_is_listed_with_its_fix() -> None:
    bare = Facts(
        uid=1000,
        has_checkpoint_restore=False,
        filesystems=frozenset({"ext4"}),
        has_tun=False,
        has_cgroups=False,
        commands=frozenset(COMMANDS) - {"debootstrap", "unshare", "nsenter"},
        free_bytes={"/var/cache/mecportal": 1},
    )
    missing = judge(bare)
    assert len(missing) == 8
    assert all(item.fix for item in missing)
    text = str(Unmet(missing))
    for word in ("root", "CONFIG_CHECKPOINT_RESTORE", "overlay", "/dev/net/tun", "apt-get install debootstrap", "GB"):
        assert word in text


def test_commands_of_one_package_are_asked_for_once() -> None:
    missing = judge(replace(WELL_EQUIPPED, commands=frozenset(COMMANDS) - {"unshare", "nsenter"}))
    assert [item.fix for item in missing] == ["run `apt-get install util-linux`"]


def test_virtual_machines_need_qemu_and_more_room() -> None:
    missing = judge(WELL_EQUIPPED, VIRTUAL)
    assert sorted(item.fix.split(":")[0] for item in missing) == [
        "6.0 of 12 GB free",
        "run `apt-get install openssh-client`",
        "run `apt-get install qemu-system-x86`",
        "run `apt-get install qemu-utils`",
    ]
    equipped = replace(
        WELL_EQUIPPED,
        commands=frozenset(COMMANDS_FOR[VIRTUAL]),
        free_bytes={"/var/cache/mecportal": VM_FREE_BYTES},
    )
    assert judge(equipped, VIRTUAL) == []
