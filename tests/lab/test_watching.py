"""Hosts and services are watched: what crashes, falls silent or reboots is seen, and starts again if it is to."""

from collections.abc import Iterator

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab
SOON_S = 90


@pytest.fixture(scope="module")
def watched(site: Site) -> Iterator[Site]:
    """A portal that looks every two seconds, and a service on the first host."""
    look_every(site, "2")
    site.ok("service", "deploy", "watched", "--application", "no-application", "--host", "mec-1")
    yield site
    site.ok("service", "remove", "watched")
    look_every(site, "30")


def look_every(site: Site, seconds: str) -> None:
    site.end_portal()
    site.environment["MEC_WATCH_SECONDS"] = seconds
    site.start_portal()


def status(site: Site, table: str, name: str) -> str:
    return str(site.rows(f"select status from migrations_app_{table} where name = ?", name)[0]["status"])


def becomes(site: Site, table: str, name: str, wanted: str) -> None:
    site.wait(f"{name} to be {wanted}", lambda: status(site, table, name) == wanted, SOON_S)


def be_on(site: Site, host: str) -> None:
    """Whatever the test before left: the hosts are known, and the service runs on this one."""
    for name in site.hosts:
        site.wait(f"{name} to be checked", lambda name=name: status(site, "host", name) in ("ready", "problem"), SOON_S)
    if site.where("watched") != [host]:
        moved = site.migrate("watched", host)
        assert moved["outcome"] == "succeeded", moved["error"]


def events(site: Site, kind: str) -> list[str]:
    rows = site.rows("select message, log from migrations_app_timelineevent where kind = ? order by id", kind)
    return [f"{row['message']}\n{row['log']}" for row in rows]


def test_a_service_whose_command_ends_is_crashed_and_can_be_started(watched: Site) -> None:
    be_on(watched, "mec-3")
    for how in (
        "",
        "ended on signal Killed(9)",
    ):  # liblxc writes nothing of the end of a container that it has restored
        watched.shell(
            "mec-3", "echo The disk is on fire. >>/var/lib/mec/instances/watched/rootfs/var/log/mec-service.log"
        )
        watched.shell("mec-3", "kill -KILL $(lxc-info -P /var/lib/mec/instances -n watched -pH)")
        becomes(watched, "service", "watched", "crashed")
        told = events(watched, "crashed")[-1]
        assert "watched ended on mec-3 without being asked to." in told
        assert "The disk is on fire." in told
        assert how in told
        watched.ok("service", "start", "watched")
        assert status(watched, "service", "watched") == "running"
        assert watched.where("watched") == ["mec-3"]


def test_a_host_that_falls_silent_is_unreachable_until_it_answers(watched: Site) -> None:
    be_on(watched, "mec-1")
    watched.shell("mec-1", "pkill -STOP -o sshd")
    try:
        becomes(watched, "host", "mec-1", "unreachable")
        becomes(watched, "service", "watched", "unreachable")
        refused = watched.migrate("watched", "mec-2")
        assert refused["outcome"] == "refused", refused
    finally:
        watched.shell("mec-1", "pkill -CONT -o sshd")
    becomes(watched, "service", "watched", "running")
    be_on(watched, "mec-2")


def test_what_ran_when_its_host_was_rebooted_is_started_again(watched: Site) -> None:
    be_on(watched, "mec-1")
    counted = [watched.count("watched") for _ in range(20)][-1]
    watched.ok("lab", "down")
    becomes(watched, "service", "watched", "unreachable")
    watched.ok("lab", "up", *watched.up, limit_s=600)
    becomes(watched, "service", "watched", "running")
    assert watched.where("watched") == ["mec-1"]
    assert watched.count("watched") < counted, "what it held in memory is lost"
    assert any("mec-1 was rebooted" in told for told in events(watched, "rebooted"))
    assert any("started again from its files" in told for told in events(watched, "autostarted"))
    be_on(watched, "mec-2")
