"""A running service moves between real hosts, by real LXC, CRIU and rsync."""

from collections.abc import Callable

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab
Deploy = Callable[..., str]

PAPER_TITLES = [
    "Clone base as app",
    "rsync app filesystem",
    "Clone app as instance",
    "Suspend instance",
    "rsync instance filesystem",
    "rsync instance in-memory state",
    "Restore instance",
    "Other remaining tasks",
]


def interface_number(site: Site, service: str, host: str) -> str:
    """Of eth0 inside the service's container."""
    pid = f"$(lxc-info -P /var/lib/mec/instances -n {service} -pH)"
    return site.shell(host, f"nsenter -t {pid} -n ip -o link show dev eth0 | cut -d: -f1").strip()


def bridge_address(site: Site, host: str) -> str:
    return site.shell(host, "cat /sys/class/net/br-access/address").strip()


def test_three_layers_move_a_service_whose_counter_goes_on(site: Site, deployed: Deploy) -> None:
    service = deployed()
    before = site.count(service)
    moved = site.migrate(service, "mec-2")
    assert (moved["outcome"], moved["exit_code"], moved["error"]) == ("succeeded", 0, "")
    assert site.where(service) == ["mec-2"]
    assert site.count(service) > before
    mark = site.shell("mec-2", f"cat /var/lib/mec/instances/{service}/went_on")
    assert mark.strip() == str(site.last_migration()["id"]), "CRIU's log said that it let the service go on"
    site.assert_nothing_is_left()


def test_the_stages_are_the_papers_and_add_up_to_the_total(site: Site, deployed: Deploy) -> None:
    moved = site.migrate(deployed(), "mec-3")
    assert [stage["title"] for stage in moved["stages"]] == PAPER_TITLES
    assert sum(stage["seconds"] for stage in moved["stages"]) == pytest.approx(moved["total_s"], abs=0.01)
    assert 0 < moved["downtime_s"] < moved["total_s"]
    assert moved["probe_downtime_s"] == pytest.approx(moved["downtime_s"], abs=0.3)
    memory = next(stage for stage in moved["stages"] if stage["title"] == "rsync instance in-memory state")
    assert memory["bytes"] > 100_000
    # the hosts' resolver does not answer: to ask it once for a name takes six seconds
    assert moved["downtime_s"] < 4


def test_a_service_goes_round_three_times_and_its_counter_never_goes_back(site: Site, deployed: Deploy) -> None:
    service = deployed()
    counter = site.count(service)
    number = interface_number(site, service, "mec-1")
    assert int(number) >= 1_000_000, "a host's own interfaces have low numbers"
    bridges = {host: bridge_address(site, host) for host in ("mec-1", "mec-2", "mec-3")}
    for lap in range(3):
        for target in ("mec-2", "mec-3", "mec-1"):
            moved = site.migrate(service, target)
            assert (moved["outcome"], moved["error"]) == ("succeeded", ""), f"lap {lap}: {moved}"
            assert interface_number(site, service, target) == number
            assert bridge_address(site, target) == bridges[target], "the host keeps its own hardware address"
            now = site.count(service)
            assert now > counter
            counter = now
    assert moved["app_found"] is True
    assert site.where(service) == ["mec-1"]
    site.assert_nothing_is_left()
