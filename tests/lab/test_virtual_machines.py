"""Virtual machines move through the same skeleton: saved and sent, and live, there and back, and whatever breaks."""

import sqlite3
import time
from collections.abc import Iterator

import pytest

from tests.lab.faults import assert_it_lives, begin, other, slow_links
from tests.lab.site import Site

pytestmark = pytest.mark.lab
LIVE = ("--method", "live")
SLOW_MBIT = 60.0  # a guest's memory takes six seconds then


@pytest.fixture(scope="module")
def guest(site: Site) -> Iterator[str]:
    """One guest for all of it, booted once; each test must leave it well enough for the next."""
    site.ok(
        "service", "deploy", "guest", "--application", "no-application", "--kind", "kvm", "--host", "mec-1", limit_s=300
    )
    for host in ("mec-2", "mec-3"):
        site.ok("application", "build", "no-application", "--kind", "kvm", "--host", host)
    yield "guest"
    site.ok("service", "remove", "guest")
    assert site.where("guest") == []


@pytest.fixture
def slow(site: Site) -> Iterator[None]:
    with slow_links(site, SLOW_MBIT):
        yield


def agent(site: Site, guest: str, command: str) -> str:
    """What the guest's agent answers."""
    return site.shell(site.where(guest)[0], f'virsh -q qemu-agent-command {guest} \'{{"execute":"{command}"}}\'')


def clock_offset_s(site: Site, guest: str) -> float:
    """By how much the guest's clock is off this machine's."""
    nanoseconds = agent(site, guest, "guest-get-time").split(":")[1].strip(" }\n")
    return int(nanoseconds) / 1e9 - time.time()


def test_a_guest_moves_there_and_back_three_times_saved_and_live_with_its_counter_and_clock(
    site: Site, guest: str
) -> None:
    counter = site.count(guest)
    felt: dict[tuple[str, ...], list[float]] = {(): [], LIVE: []}
    for _lap in range(3):
        for how in ((), LIVE):
            target = other(site.where(guest)[0])
            moved = site.migrate(guest, target, *how)
            assert (moved["outcome"], moved["error"]) == ("succeeded", "")
            assert site.where(guest) == [target]
            now = site.count(guest)
            assert now > counter, "it goes on where it stopped: a guest that had booted anew would count from one"
            counter = now
            felt[how].append(moved["probe_downtime_s"])
            assert abs(clock_offset_s(site, guest)) < 1
    assert max(felt[LIVE]) < min(felt[()]) / 2
    names = [stage["name"] for stage in moved["stages"] if stage["seconds"]]
    assert names == ["clone_app_as_instance", "live_copy", "switch_over", "other"]
    site.assert_nothing_is_left()


def test_memory_sent_as_a_difference_to_the_idle_applications_takes_fewer_bytes(site: Site, guest: str) -> None:
    sent = []
    for how in ((), ("--idle-memory",)):
        moved = site.migrate(guest, other(site.where(guest)[0]), *how)
        assert (moved["outcome"], moved["error"]) == ("succeeded", "")
        sent.append(next(stage["bytes"] for stage in moved["stages"] if stage["name"] == "rsync_instance_memory"))
    assert sent[1] < 0.9 * sent[0]


def test_two_layers_send_the_application_within_the_downtime(site: Site, guest: str) -> None:
    moved = site.migrate(guest, other(site.where(guest)[0]), layers=2)
    assert (moved["outcome"], moved["error"]) == ("succeeded", "")
    back = site.migrate(guest, other(site.where(guest)[0]), layers=3)
    assert (back["outcome"], back["error"]) == ("succeeded", ""), (
        "what came inside the instance can be told apart again"
    )
    site.assert_nothing_is_left()


def test_full_copies_move_too_and_end_by_themselves_when_stopped(site: Site) -> None:
    where = ["--application", "no-application", "--kind", "kvm", "--host", "mec-1", "--storage", "directory"]
    site.ok("service", "deploy", "copied", *where, limit_s=300)
    counter = site.count("copied")
    for layers in (2, 3):
        moved = site.migrate("copied", other(site.where("copied")[0]), layers=layers)
        assert (moved["outcome"], moved["error"]) == ("succeeded", "")
    assert site.count("copied") > counter
    refused = site.command("live_migrate", "copied", "--to", other(site.where("copied")[0]), *LIVE)
    assert "is a full copy" in refused.stderr
    host = site.where("copied")[0]
    site.ok("service", "stop", "copied")
    assert "reason=shutdown" in site.shell(host, "tail -n1 /var/log/libvirt/qemu/copied.log"), "by itself, not by force"
    site.ok("service", "remove", "copied")
    site.assert_nothing_is_left()


def survived(site: Site, guest: str, migration: int, counted: int, *outcomes: str) -> sqlite3.Row:
    ended = site.wait_for_end(migration)
    assert ended["status"] in outcomes, ended["error"]
    assert_it_lives(site, guest, ended, counted)
    return ended


@pytest.mark.parametrize(
    ("stage", "how"),
    [("suspend_instance", ()), ("rsync_instance_memory", ()), ("live_copy", LIVE), ("switch_over", LIVE)],
)
def test_the_backhaul_goes_down(site: Site, guest: str, slow: None, stage: str, how: tuple[str, ...]) -> None:
    counted = site.count(guest)
    migration, source, _target = begin(site, guest, stage, *how)
    site.link(source, up=False)
    site.wait_for_end(migration)
    site.link(source, up=True)
    survived(site, guest, migration, counted, "rolled_back", "succeeded", "finished_with_problems")


@pytest.mark.parametrize(
    ("stage", "how"),
    [
        ("suspend_instance", ()),
        ("rsync_instance_memory", ()),
        ("restore_instance", ()),
        ("live_copy", LIVE),
        ("switch_over", LIVE),
    ],
)
def test_the_worker_is_killed(site: Site, guest: str, slow: None, stage: str, how: tuple[str, ...]) -> None:
    counted = site.count(guest)
    migration, _source, _target = begin(site, guest, stage, *how)
    site.kill("worker")
    survived(site, guest, migration, counted, "rolled_back", "succeeded", "finished_with_problems")


@pytest.mark.parametrize(("stage", "how"), [("rsync_instance_memory", ()), ("live_copy", LIVE)])
def test_a_cancel_leaves_the_guest_where_it_was(
    site: Site, guest: str, slow: None, stage: str, how: tuple[str, ...]
) -> None:
    counted = site.count(guest)
    migration, source, _target = begin(site, guest, stage, *how)
    site.ok("cancel_migration", str(migration))
    survived(site, guest, migration, counted, "cancelled")
    assert site.where(guest) == [source]


@pytest.mark.parametrize(
    ("stage", "how", "end"),
    [("rsync_instance_memory", (), "target"), ("live_copy", LIVE, "source"), ("live_copy", LIVE, "target")],
)
def test_libvirtd_is_killed(site: Site, guest: str, slow: None, stage: str, how: tuple[str, ...], end: str) -> None:
    counted = site.count(guest)
    migration, source, target = begin(site, guest, stage, *how)
    site.shell(source if end == "source" else target, "kill -KILL $(cat /run/libvirtd.pid)")
    survived(site, guest, migration, counted, "rolled_back", "succeeded", "finished_with_problems")


def test_a_full_disk_at_the_source_fails_the_saving_and_the_guest_goes_on(site: Site, guest: str) -> None:
    counted, source = site.count(guest), site.where(guest)[0]
    # the checks see enough room; it is gone a moment later
    fill = (
        "until ls -d /var/lib/mec/migrations/*/keys; do sleep 0.01; done\n"
        "free=$(df -P -B1 /var/lib/mec | awk 'NR==2{print $4}')\n"
        "fallocate -l $((free - 20000000)) /var/lib/mec/full\n"
    )
    site.shell(source, f"cat >/tmp/fill <<'END'\n{fill}END\nsetsid sh /tmp/fill >/dev/null 2>&1 &")
    moved = site.migrate(guest, other(source))
    site.shell(source, "rm /var/lib/mec/full")
    assert moved["outcome"] == "rolled_back"
    assert "disk is full" in moved["error"]
    assert_it_lives(site, guest, site.last_migration(), counted)


def test_a_memory_image_that_arrives_damaged_is_not_restored(site: Site, guest: str) -> None:
    counted, source = site.count(guest), site.where(guest)[0]
    target = other(source)
    damage = (
        "import glob, time\n"
        "end = time.time() + 40\n"
        "while time.time() < end:\n"
        "    for path in glob.glob('/var/lib/mec/incoming/*/files/instance/saved/state/memory'):\n"
        "        with open(path, 'r+b') as image:\n"
        "            image.seek(10_000_000); byte = image.read(1); image.seek(10_000_000); image.write(bytes([byte[0] ^ 255]))\n"
        "        raise SystemExit\n"
        "    time.sleep(0.0005)\n"
    )
    site.shell(target, f'setsid python3 -c "{damage}" >/dev/null 2>&1 & sleep 0.3')
    moved = site.migrate(guest, target)
    assert (moved["outcome"], site.where(guest)) == ("rolled_back", [source]), moved["error"]
    assert "digest differs" in moved["error"]
    assert_it_lives(site, guest, site.last_migration(), counted)


def test_a_missing_backing_file_is_named_and_the_guest_goes_on(site: Site, guest: str) -> None:
    counted, source = site.count(guest), site.where(guest)[0]
    target = other(source)
    layer = "/var/lib/mec/layers/kvm/base/debian-13/image/disk.qcow2"
    site.shell(target, f"mv {layer} {layer}.away")
    try:
        moved = site.migrate(guest, target)
    finally:
        site.shell(target, f"mv {layer}.away {layer}")
    assert moved["outcome"] in ("rolled_back", "rejected")
    assert "base" in moved["error"] or "layer" in moved["error"]
    assert_it_lives(site, guest, site.last_migration(), counted)


@pytest.mark.parametrize(
    ("make", "unmake", "words"),
    [
        (
            "qemu-img create -q -f qcow2 /var/lib/mec/extra.qcow2 1M;"
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
        moved = site.migrate(guest, other(source))
    finally:
        site.shell(source, unmake.format(guest))
    assert moved["outcome"] == "rejected"
    assert words in moved["error"]
    assert site.where(guest) == [source]


def test_a_guest_that_panicked_is_not_migrated(site: Site) -> None:
    site.ok("service", "deploy", "doomed", "--application", "no-application", "--kind", "kvm", "--host", "mec-1")
    panic = '{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","echo c > /proc/sysrq-trigger"]}}'
    site.shell("mec-1", f"virsh -q qemu-agent-command doomed '{panic}' >/dev/null 2>&1 || true")
    site.wait("the guest's panic", lambda: "crashed" in site.shell("mec-1", "virsh -q domstate doomed"), 20)
    moved = site.migrate("doomed", "mec-2")
    assert moved["outcome"] == "rejected"
    assert "crashed" in moved["error"]
    site.ok("service", "remove", "doomed")
