"""Iterative migration, really done: in rounds, with each of its stages going wrong, and with what changes as fast as it is sent."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import faults
from tests.lab.faults import SLOW_MBIT, SLOWEST_MBIT
from tests.lab.recipes.memory import add_memory
from tests.lab.site import Site

pytestmark = pytest.mark.lab
HOW = ("--method", "iterative")
BEFORE_COMMIT = ["copy_rounds", "suspend_instance", "send_rest"]


@pytest.fixture(scope="module")
def echo(site: Site) -> Iterator[str]:
    """One service for all faults: each must leave it well enough for the next."""
    site.ok("service", "deploy", "echo", "--application", "no-application", "--host", "mec-1")
    yield "echo"
    site.ok("service", "remove", "echo")


def rounds_of(site: Site, migration: int) -> list[dict[str, Any]]:
    query = "select rounds from migrations_app_stagerun where migration_id = ? and name = 'copy_rounds'"
    found: list[dict[str, Any]] = json.loads(site.rows(query, migration)[0]["rounds"])
    return found


def test_a_service_goes_there_and_back_and_its_rounds_are_written_down(site: Site, echo: str) -> None:
    counter, here = site.count(echo), site.where(echo)[0]
    for target in (*(host for host in site.hosts if host != here), here):
        moved = site.migrate(echo, target, *HOW)
        assert (moved["outcome"], moved["exit_code"], moved["error"]) == ("succeeded", 0, "")
        assert moved["method"] == "iterative"
        assert site.where(echo) == [target]
        assert site.count(echo) > counter
        counter = site.count(echo)
        first = moved["rounds"][0]
        assert first["number"] == 1
        assert first["read"] == first["changed"] > 1_000_000, "the first round holds all that the service had written"
    site.assert_nothing_is_left()


def test_what_was_sent_in_rounds_is_not_sent_again(site: Site, deployed: Callable[..., str], tmp_path: Path) -> None:
    """64 MB of random memory, of which 1 MB changes each second: what is left when it stands still is less than a tenth."""
    service = deployed(add_memory(site, tmp_path, ram_mb=64, change_mb_per_s=1))
    moved = site.migrate(service, "mec-2", *HOW)
    assert (moved["outcome"], moved["error"]) == ("succeeded", "")
    first, *later = moved["rounds"]
    assert later, "one round is not enough for what it writes meanwhile"
    rest = next(stage for stage in moved["stages"] if stage["title"] == "rsync instance in-memory state")
    assert rest["bytes"] < first["sent"] / 10
    assert site.where(service) == ["mec-2"]
    site.count(service)
    site.assert_nothing_is_left()


def test_a_service_that_changes_as_fast_as_it_is_sent_is_slowed_down_and_has_its_processor_again(
    site: Site, deployed: Callable[..., str], tmp_path: Path
) -> None:
    """100 MB, all of them written anew within two seconds, while the link takes eight."""
    service = deployed(add_memory(site, tmp_path, ram_mb=100, change_mb_per_s=60))
    moved = site.migrate(service, "mec-2", *HOW)
    assert (moved["outcome"], moved["error"]) == ("succeeded", "")
    query = "select message from migrations_app_event where migration_id = ?"
    said = [row["message"] for row in site.rows(query, moved["migration"])]
    assert any("slowed down to" in message for message in said), said
    for host in ("mec-1", "mec-2"):
        limits = site.shell(host, f"cat /sys/fs/cgroup/cpu/lxc.payload.{service}*/cpu.cfs_quota_us 2>/dev/null || true")
        assert set(limits.split()) <= {"-1"}
    site.assert_nothing_is_left()


@pytest.mark.parametrize("stage", [*BEFORE_COMMIT, "restore_instance"])
def test_the_backhaul_goes_down(site: Site, echo: str, stage: str) -> None:
    with faults.links_of(site, SLOW_MBIT):
        faults.cut_the_backhaul(site, echo, stage, *HOW)


@pytest.mark.parametrize("stage", [*BEFORE_COMMIT, "restore_instance", "announce"])
def test_the_worker_is_killed(site: Site, echo: str, stage: str) -> None:
    with faults.links_of(site, SLOW_MBIT):
        faults.kill_the_worker(site, echo, stage, *HOW)


def test_a_cancel_in_a_round_ends_it_and_the_service_never_stopped(site: Site, echo: str) -> None:
    with faults.links_of(site, SLOWEST_MBIT):
        faults.cancel(site, echo, "copy_rounds", *HOW)
    assert site.last_migration()["probe_downtime_s"] in (None, 0)


@pytest.mark.parametrize("end", ["sender", "receiver"])
def test_a_program_that_is_killed_in_a_round_ends_the_migration_and_not_the_service(
    site: Site, echo: str, end: str
) -> None:
    counted = site.count(echo)
    with faults.links_of(site, SLOWEST_MBIT):
        migration, source, target = faults.begin(site, echo, "copy_rounds", *HOW)
        host, word = (source, "send") if end == "sender" else (target, "receive")
        site.wait(f"the {end}", lambda: site.shell(host, f"pgrep -f 'rounds.py[z] {word}' || true").strip(), 30)
        site.shell(host, f"pkill -KILL -f 'rounds.py[z] {word}'")
        ended = site.wait_for_end(migration)
    faults.assert_it_stayed(site, echo, source, ended, counted, source)


def test_a_state_that_arrives_damaged_is_not_restored(site: Site, echo: str) -> None:
    faults.damage_the_state(site, echo, "core-1.img", 40, *HOW)


def test_a_disk_that_fills_up_in_a_round_loses_nothing(site: Site, echo: str) -> None:
    counted = site.count(echo)
    with faults.links_of(site, SLOWEST_MBIT):
        migration, source, target = faults.begin(site, echo, "copy_rounds", *HOW)
        ended = faults.end_with_a_full_disk(site, migration, target)
    faults.assert_it_stayed(site, echo, source, ended, counted, "disk is full")


def test_a_virtual_machine_is_told_what_to_choose(site: Site, guest: str) -> None:
    refused = site.migrate(guest, "mec-2", *HOW)
    assert refused["outcome"] == "refused"
    assert "choose “Save and rsync” or “Live”" in refused["error"]
