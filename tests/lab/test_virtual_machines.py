"""Virtual machines move through the same skeleton: saved and sent, and live, there and back."""

import time

import pytest

from tests.lab import faults
from tests.lab.faults import other
from tests.lab.site import Site

pytestmark = pytest.mark.lab
LIVE = ("--method", "live")


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


def test_a_live_migrations_source_reaches_nothing_of_its_target_but_the_guests_streams(site: Site, guest: str) -> None:
    """By trying, as root on the source, with the migration's own connection."""
    counted = site.count(guest)
    with faults.links_of(site, 5.0):  # so that all of it is tried before the guest has gone
        migration, source, target = faults.begin(site, guest, "live_copy", *LIVE)
        kept = f"/var/lib/mec/migrations/{migration}"
        site.wait("the streams", lambda: site.shell(source, f"ls {kept}/live/libvirt 2>/dev/null || true"), 20)
        way = f"ssh -F none -S {kept}/keys/socket -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false"
        assert site.shell(source, f"{way} x 'virsh list' </dev/null || true").startswith("@RSYNCD:")
        listed = "virsh -c 'qemu+unix:///system?socket={}' list >/dev/null 2>&1 && echo listed || true"
        assert site.shell(source, listed.format(f"{kept}/live/libvirt")) == ""
        refused = f"cat /var/lib/mec/incoming/{migration}/relay.log"
        assert "the source asked for procedure " in site.shell(target, refused)
        site.shell(source, f"{way} -O forward -L /tmp/forwarded:/run/libvirt/libvirt-sock x")
        assert site.shell(source, f"{listed.format('/tmp/forwarded')}; rm -f /tmp/forwarded") == ""
    ended = site.wait_for_end(migration)
    assert (ended["status"], ended["error"]) == ("succeeded", "")
    assert site.where(guest) == [target]
    faults.assert_it_lives(site, guest, ended, counted)


def test_a_guests_qemu_runs_as_libvirts_own_user_and_changes_no_layers_owner(site: Site, guest: str) -> None:
    own = f"/proc/$(cat /run/libvirt/qemu/{guest}.pid) /var/lib/mec/instances/{guest}/image/disk.qcow2"
    look = f"stat -c %U {own}; find /var/lib/mec/layers/kvm -type f ! -user root"
    assert site.shell(site.where(guest)[0], look).split() == ["libvirt-qemu", "libvirt-qemu"]


def test_memory_sent_as_a_difference_to_the_idle_applications_takes_fewer_bytes(site: Site, guest: str) -> None:
    sent = []
    for how in ((), ("--idle-memory",)):
        moved = site.migrate(guest, other(site.where(guest)[0]), *how)
        assert (moved["outcome"], moved["error"]) == ("succeeded", "")
        sent.append(next(stage["bytes"] for stage in moved["stages"] if stage["name"] == "rsync_instance_memory"))
    assert sent[1] < 0.9 * sent[0]


def test_the_idle_applications_memory_travels_only_where_it_is_asked_for_and_lacking(site: Site, guest: str) -> None:
    """A target that lacks the layer gets it without; asked to start from idle memory, it gets that alone."""
    sent, idle = [], "ls /var/lib/mec/layers/kvm/app/overlay/no-application-*/idle/memory 2>/dev/null || true"
    source = site.where(guest)[0]
    target = other(source)
    site.shell(target, "rm -rf /var/lib/mec/layers/kvm/app/overlay/no-application-*")
    for how, there in (((), False), (("--idle-memory",), True), (("--idle-memory",), True)):
        moved = site.migrate(guest, target, *how)
        assert (moved["outcome"], moved["error"]) == ("succeeded", "")
        assert bool(site.shell(target, idle)) == there
        sent.append(sum(stage["bytes"] for stage in moved["stages"] if stage["name"] == "rsync_app_filesystem"))
        site.migrate(guest, source)
    layer, memory, nothing = sent
    assert nothing == 0 < layer < memory
    site.assert_nothing_is_left()


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
