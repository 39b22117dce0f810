"""Faults, really done: wherever a migration breaks, the service answers afterwards on one host with its counter intact."""

from collections.abc import Iterator

import pytest

from tests.lab import faults
from tests.lab.faults import ALL_STAGES, BEFORE_COMMIT, SLOW_MBIT, SLOWEST_MBIT
from tests.lab.site import Site

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def echo(site: Site) -> Iterator[str]:
    """One service for all faults: each must leave it well enough for the next."""
    site.ok("service", "deploy", "echo", "--application", "no-application", "--host", "mec-1")
    yield "echo"
    site.ok("service", "remove", "echo")


@pytest.fixture
def slow(site: Site) -> Iterator[None]:
    with faults.links_of(site, SLOW_MBIT):
        yield


@pytest.mark.parametrize("stage", ALL_STAGES)
def test_the_backhaul_goes_down(site: Site, echo: str, stage: str) -> None:
    with faults.links_for(site, stage, SLOW_MBIT):
        faults.cut_the_backhaul(site, echo, stage)


@pytest.mark.parametrize("stage", ALL_STAGES)
def test_the_worker_is_killed(site: Site, echo: str, stage: str) -> None:
    with faults.links_for(site, stage, SLOW_MBIT):
        faults.kill_the_worker(site, echo, stage)


@pytest.mark.parametrize("stage", ["rsync_app_filesystem", *BEFORE_COMMIT])
def test_a_cancel_brings_the_service_back(site: Site, echo: str, stage: str) -> None:
    with faults.links_of(site, SLOWEST_MBIT):
        faults.cancel(site, echo, stage)


def test_valkey_restarts_in_the_middle(site: Site, echo: str, slow: None) -> None:
    counted = site.count(echo)
    migration, _source, target = faults.begin(site, echo, "rsync_instance_memory")
    site.kill("valkey")
    ended = site.wait_for_end(migration)
    assert ended["status"] == "succeeded", ended["error"]
    assert site.where(echo) == [target]
    faults.assert_it_lives(site, echo, ended, counted)


def test_criu_fails_to_save(site: Site, echo: str) -> None:
    counted, source = site.count(echo), site.where(echo)[0]
    target = faults.other(source)
    # a debugger holds the process, so that CRIU cannot
    pid = site.shell(source, f"lxc-info -P /var/lib/mec/instances -n {echo} -pH").strip()
    program = (
        "import ctypes, sys, time; libc = ctypes.CDLL(None); "
        f"print(libc.ptrace(0x4206, {pid}, 0, 0), flush=True); time.sleep(60)"  # PTRACE_SEIZE
    )
    site.shell(source, f'setsid python3 -c "{program}" >/tmp/seized 2>&1 & sleep 0.5; cat /tmp/seized')
    moved = site.migrate(echo, target)
    site.shell(source, "pkill -f '[l]ibc.ptrace' || true")
    assert (moved["outcome"], moved["exit_code"]) == ("rolled_back", 1)
    assert "save" in moved["error"]
    assert site.where(echo) == [source]
    faults.assert_it_lives(site, echo, site.last_migration(), counted)


def test_the_restoration_fails_on_the_target(site: Site, echo: str) -> None:
    counted, source = site.count(echo), site.where(echo)[0]
    target = faults.other(source)
    # its bridge is gone, so the container's cable cannot be made there
    site.shell(target, "ip link set br-access name br-away")
    moved = site.migrate(echo, target)
    site.shell(target, "ip link set br-away name br-access; ip link set br-access up")
    assert moved["outcome"] == "rolled_back", moved["error"]
    assert "restored" in moved["error"] or "restore" in moved["error"]
    assert site.where(echo) == [source]
    faults.assert_it_lives(site, echo, site.last_migration(), counted)


def test_a_source_whose_processes_were_ended_while_they_stood_frozen_is_resumed_from_what_was_saved(
    site: Site, echo: str, slow: None
) -> None:
    counted = site.count(echo)
    migration, source, _target = faults.begin(site, echo, "rsync_instance_memory")
    # as after its reboot: none of them is there, and the state that was saved is
    site.shell(source, f"lxc-stop -P /var/lib/mec/instances -n {echo} -k")
    site.link(source, up=False)
    ended = site.wait_for_end(migration)
    site.link(source, up=True)
    assert ended["status"] == "rolled_back", ended["error"]
    assert site.where(echo) == [source]
    faults.assert_it_lives(site, echo, ended, counted)


def test_a_state_image_that_arrives_damaged_is_not_restored(site: Site, echo: str) -> None:
    faults.damage_the_state(site, echo, "pages-1.img", at=0)


def test_a_disk_that_fills_up_during_the_transfer_loses_nothing(site: Site, echo: str, slow: None) -> None:
    counted = site.count(echo)
    migration, source, target = faults.begin(site, echo, "rsync_instance_memory")
    ended = faults.end_with_a_full_disk(site, migration, target)
    faults.assert_it_stayed(site, echo, source, ended, counted, "disk is full")
