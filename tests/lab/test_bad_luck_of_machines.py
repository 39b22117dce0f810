"""Faults of virtual machines, saved and live, really done: the guest goes on, on one host, with its counter intact."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.lab import faults
from tests.lab.site import Site

pytestmark = pytest.mark.lab
How = tuple[str, ...]
SAVED: How = ()
LIVE: How = ("--method", "live")
SLOW_MBIT = 60.0  # a guest's memory takes six seconds then
SLOWEST_MBIT = 15.0  # and here longer than any command takes to start

FIRST = ["prepare", "clone_app_as_instance"]
LAST = ["announce", "verify", "clean_up_source"]
SUSPENDED = ["suspend_instance", "rsync_instance_filesystem", "rsync_instance_memory"]
OF_SAVED = ["clone_base_as_app", "rsync_app_filesystem", *FIRST, *SUSPENDED, "restore_instance", *LAST]
OF_LIVE = [*FIRST, "live_copy", "switch_over", *LAST]
EVERY_STAGE = [(stage, SAVED) for stage in OF_SAVED] + [(stage, LIVE) for stage in OF_LIVE]
BEFORE_THE_COMMIT = [(stage, SAVED) for stage in ("rsync_app_filesystem", *FIRST, *SUSPENDED)] + [
    (stage, LIVE) for stage in (*FIRST, "live_copy")
]


def named(value: str | How) -> str:
    return value if isinstance(value, str) else "live" if value else "saved"


@pytest.fixture
def slow(site: Site) -> Iterator[None]:
    with faults.links_of(site, SLOW_MBIT):
        yield


@pytest.mark.parametrize(("stage", "how"), EVERY_STAGE, ids=named)
def test_the_backhaul_goes_down(site: Site, guest: str, stage: str, how: How) -> None:
    with faults.links_for(site, stage, SLOW_MBIT):
        faults.cut_the_backhaul(site, guest, stage, *how)


@pytest.mark.parametrize(("stage", "how"), EVERY_STAGE, ids=named)
def test_the_worker_is_killed(site: Site, guest: str, stage: str, how: How) -> None:
    with faults.links_for(site, stage, SLOW_MBIT):
        faults.kill_the_worker(site, guest, stage, *how)


@pytest.mark.parametrize(("stage", "how"), BEFORE_THE_COMMIT, ids=named)
def test_a_cancel_leaves_the_guest_where_it_was(site: Site, guest: str, stage: str, how: How) -> None:
    with faults.links_of(site, SLOWEST_MBIT):
        faults.cancel(site, guest, stage, *how)


@pytest.mark.parametrize("end", ["source", "target"])
@pytest.mark.parametrize(
    ("stage", "how"), [("rsync_instance_memory", SAVED), ("live_copy", LIVE), ("switch_over", LIVE)], ids=named
)
def test_libvirtd_is_killed(site: Site, guest: str, slow: None, stage: str, how: How, end: str) -> None:
    counted = site.count(guest)
    migration, source, target = faults.begin(site, guest, stage, *how)
    site.shell(source if end == "source" else target, "kill -KILL $(cat /run/libvirtd.pid)")
    ended = site.wait_for_end(migration)
    faults.assert_survived(site, guest, ended, counted)


def test_a_full_disk_at_the_source_fails_the_saving_and_the_guest_goes_on(site: Site, guest: str) -> None:
    counted, source = site.count(guest), site.where(guest)[0]
    # the checks see enough room; it is gone a moment later
    fill = (
        "until ls -d /var/lib/mec/migrations/*/keys; do sleep 0.01; done\n"
        "free=$(df -P -B1 /var/lib/mec | awk 'NR==2{print $4}')\n"
        "fallocate -l $((free - 20000000)) /var/lib/mec/full\n"
    )
    site.shell(source, f"cat >/tmp/fill <<'END'\n{fill}END\nsetsid sh /tmp/fill >/dev/null 2>&1 &")
    site.migrate(guest, faults.other(source))
    site.shell(source, "rm /var/lib/mec/full")
    faults.assert_it_stayed(site, guest, source, site.last_migration(), counted, "disk is full")


def test_a_memory_image_that_arrives_damaged_is_not_restored(site: Site, guest: str) -> None:
    faults.damage_the_state(site, guest, "memory", at=10_000_000)


def broken_before_the_restoration(site: Site, guest: str, why: str, make: str, unmake: str) -> None:
    """Both hosts passed the checks; then this is done to the target, and undone when the migration has ended."""
    counted = site.count(guest)
    migration, source, target = faults.begin(site, guest, "rsync_instance_memory")
    site.shell(target, make)
    try:
        ended = site.wait_for_end(migration)
    finally:
        site.shell(target, unmake)
    faults.assert_it_stayed(site, guest, source, ended, counted, why)


def test_a_missing_layer_below_the_disk_is_named_and_the_guest_goes_on(site: Site, guest: str, slow: None) -> None:
    layer = "/var/lib/mec/layers/kvm/base/debian-13/image/disk.qcow2"
    why = "a layer below its disk is missing"
    broken_before_the_restoration(site, guest, why, f"mv {layer} {layer}.away", f"mv {layer}.away {layer}")


def test_a_processor_that_the_targets_libvirt_does_not_know_is_named_and_the_guest_goes_on(
    site: Site, guest: str, slow: None
) -> None:
    """Its model is taken out of libvirt's list, as another version of it would lack it."""
    domain = site.shell(site.where(guest)[0], f"virsh -q dumpxml {guest}")
    model = re.search(r"<model fallback=[^>]*>([^<]+)<", domain)
    assert model, domain
    models, restart = "/usr/share/libvirt/cpu_map/index.xml", "kill $(cat /run/libvirtd.pid); sleep 2"
    make = f"cp {models} /tmp/index.xml; sed -i '/x86_{model[1]}\\.xml/d' {models}; {restart}"
    unmake = f"cp /tmp/index.xml {models}; {restart}"
    broken_before_the_restoration(site, guest, "processor model is unknown", make, unmake)


@pytest.mark.parametrize(
    ("make", "unmake", "words"),
    [
        (
            "qemu-img create -q -f qcow2 /var/lib/mec/extra.qcow2 1M; chown libvirt-qemu /var/lib/mec/extra.qcow2;"
            "virsh -q attach-disk {0} /var/lib/mec/extra.qcow2 vdb --subdriver qcow2 --live",
            "virsh -q detach-disk {0} vdb --live; sleep 2; rm /var/lib/mec/extra.qcow2",
            "a disk that is on no layer",
        ),
        (
            "virsh -q snapshot-create-as {0} s1 --memspec file=/tmp/s1,snapshot=external --diskspec vda,snapshot=no --live",
            "virsh -q snapshot-delete {0} s1 --metadata; rm /tmp/s1",
            "has snapshots",
        ),
    ],
    ids=["disk on no layer", "snapshot"],
)
def test_what_would_be_left_behind_is_refused(site: Site, guest: str, make: str, unmake: str, words: str) -> None:
    source = site.where(guest)[0]
    site.shell(source, make.format(guest))
    try:
        moved = site.migrate(guest, faults.other(source))
    finally:
        site.shell(source, unmake.format(guest))
    assert moved["outcome"] == "rejected"
    assert words in moved["error"]
    assert site.where(guest) == [source]


@pytest.fixture
def doomed(deployed: Callable[..., str]) -> str:
    """A guest on mec-1 for what cannot be undone; gone after the test, since no other test's left-overs may hide behind it."""
    return deployed(kind="kvm")


def test_a_guest_with_a_directory_of_its_host_passed_through_is_refused(site: Site, doomed: str) -> None:
    passed = "<filesystem type='mount' accessmode='mapped'><source dir='/srv'/><target dir='srv'/></filesystem>"
    again = f'virsh -q dumpxml {doomed} | sed "s|</devices>|{passed}</devices>|" >/tmp/passed.xml'
    site.shell("mec-1", f"{again}; virsh -q destroy {doomed}; virsh -q create /tmp/passed.xml")
    moved = site.migrate(doomed, "mec-2")
    assert moved["outcome"] == "rejected"
    assert "is passed through to the guest" in moved["error"]
    assert site.where(doomed) == ["mec-1"]


def test_a_guest_that_panicked_is_not_migrated(site: Site, doomed: str) -> None:
    ping = f'virsh -q qemu-agent-command {doomed} \'{{"execute":"guest-ping"}}\' 2>/dev/null || true'
    site.wait("the guest's agent", lambda: "return" in site.shell("mec-1", ping), 120)
    panic = '{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","echo c > /proc/sysrq-trigger"]}}'
    site.shell("mec-1", f"virsh -q qemu-agent-command {doomed} '{panic}' >/dev/null 2>&1 || true")
    site.wait("the guest's panic", lambda: "crashed" in site.shell("mec-1", f"virsh -q domstate {doomed}"), 90)
    moved = site.migrate(doomed, "mec-2")
    # by the checks, or before them where the portal has looked at the host since
    assert moved["outcome"] in ("rejected", "refused")
    assert "crashed" in moved["error"]
