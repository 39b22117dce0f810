"""The emulated edge as a portal and a user meet it."""

import os
import re
import signal
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from lab import cgroups, edge
from lab.errors import LabError, NotFound
from lab.machine import init_pid
from lab.shell import run
from lab.state import Wanted
from lab.status import status
from lab.teardown import left_over

from .conftest import LAB, Inside

pytestmark = pytest.mark.lab

RECEIVE = """
import socket, time
server = socket.create_server(("0.0.0.0", 9000))
connection, _ = server.accept()
total, began = len(connection.recv(1)), time.monotonic()
while data := connection.recv(1 << 20):
    total += len(data)
print(total / 1e6 / (time.monotonic() - began))
"""
SEND = """
import socket, sys, time
for _ in range(100):
    try:
        connection = socket.create_connection((sys.argv[1], 9000))
        break
    except OSError:
        time.sleep(0.05)
for _ in range(400):
    connection.sendall(bytes(1 << 16))
"""


def backhaul_of(name: str) -> str:
    return next(str(machine["backhaul"]) for machine in status()["machines"] if machine["name"] == name)


def send_over_backhaul(inside: Inside) -> float:
    """MB/s that mec-2 receives from mec-1."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(inside, "mec-2", "python3", "-c", RECEIVE)
        inside("mec-1", "python3", "-c", SEND, backhaul_of("mec-2"))
        return float(received.result())


def test_status_names_every_machine_with_its_addresses_and_key(labtest: dict[str, Any]) -> None:
    assert labtest["up"]
    assert [machine["name"] for machine in labtest["machines"]] == ["mec-1", "mec-2", "user"]
    for machine in labtest["machines"]:
        assert machine["running"]
        assert machine["link_up"]
        assert machine["host_key"].startswith("ssh-ed25519 AAAA")
    keys = {machine["host_key"] for machine in labtest["machines"]}
    assert len(keys) == 3
    assert Path(labtest["operator_key"]).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("user", ["root", "admin"])
def test_the_operators_key_opens_a_host_that_shows_its_own_key(
    labtest: dict[str, Any], tmp_path: Path, user: str
) -> None:
    host = labtest["machines"][0]
    known = tmp_path / "known"
    known.write_text(f"{host['management']} {host['host_key']}\n")
    ssh = ["ssh", "-i", labtest["operator_key"], "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes"]
    said = run([*ssh, f"{user}@{host['management']}", "hostname; sudo id -u; sudo criu check 2>&1"])
    assert said.split("\n")[:2] == ["mec-1", "0"]
    assert "Looks good" in said


def test_the_backhaul_has_the_bandwidth_it_was_given(inside: Inside) -> None:
    assert 8 < send_over_backhaul(inside) < 13


def test_a_host_is_like_a_real_one_where_that_has_mattered(inside: Inside) -> None:
    first = inside("mec-1", "sh", "-c", "cat /sys/class/net/*/ifindex | sort -n | sed -n 2p")
    assert first.strip() == "2", "a real host's network card has it"
    began = time.monotonic()
    assert inside("mec-1", "sh", "-c", f"getent hosts {backhaul_of('mec-2')} || echo no name") == "no name\n"
    assert time.monotonic() - began > 2, "its resolver does not answer at once"


def test_a_link_takes_another_bandwidth_and_says_so(inside: Inside) -> None:
    edge.link("mec-1", bandwidth_mbit=400)
    edge.link("mec-2", bandwidth_mbit=400)
    try:
        assert send_over_backhaul(inside) > 25
        assert [machine["bandwidth_mbit"] for machine in status()["machines"]][:2] == [400, 400]
    finally:
        edge.link("mec-1", bandwidth_mbit=100)
        edge.link("mec-2", bandwidth_mbit=100)


def test_the_user_is_delayed_each_way(labtest: dict[str, Any], inside: Inside) -> None:
    service = labtest["networks"]["access"].replace(".0/24", ".200/24")
    inside("mec-1", "ip", "address", "add", service, "dev", "br-access")
    said = inside("user", "ping", "-c", "20", "-i", "0.1", service.removesuffix("/24"))
    inside("mec-1", "ip", "address", "del", service, "dev", "br-access")
    # the median, since the first answer also waits for ARP, and a busy machine holds back some
    assert 40 < median(float(answer) for answer in re.findall(r"time=([\d.]+) ms", said)) < 65


def test_a_cut_link_passes_nothing_until_it_is_joined_again(inside: Inside) -> None:
    edge.link("mec-2", up=False)
    assert not status()["machines"][1]["link_up"]
    with pytest.raises(LabError, match="100% packet loss"):
        inside("mec-1", "ping", "-c", "1", "-W", "1", backhaul_of("mec-2"))
    edge.link("mec-2", up=True)
    assert status()["machines"][1]["link_up"]
    inside("mec-1", "ping", "-c", "1", "-W", "3", backhaul_of("mec-2"))


def test_a_host_has_the_base_layer_and_no_way_out_of_the_edge(inside: Inside) -> None:
    base = "/var/lib/mec/layers/base/debian-13/rootfs"
    assert inside("mec-1", "stat", "-c", "%u %a", f"{base}/usr/bin/passwd").split() == ["100000", "4755"]
    assert "default" not in inside("mec-1", "ip", "route")


def test_up_again_changes_nothing_and_other_values_are_refused(labtest: dict[str, Any]) -> None:
    before = init_pid(LAB, "mec-1")
    edge.up(Wanted(hosts=2), print)
    assert init_pid(LAB, "mec-1") == before
    with pytest.raises(LabError, match="lab down"):
        edge.up(Wanted(hosts=3), print)


def test_an_unknown_machine_is_refused_by_name(labtest: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match="mec-9"):
        edge.link("mec-9", up=False)


def test_down_removes_everything_also_after_hosts_were_killed(labtest: dict[str, Any]) -> None:
    places = edge.places_of(LAB)
    key = labtest["machines"][0]["host_key"]
    try:
        for machine in ("mec-1", "user"):
            pid = init_pid(LAB, machine)
            assert pid
            os.kill(pid, signal.SIGKILL)
        (places.root / "state.json").write_text("broken")
        assert edge.down()
        assert left_over(LAB, places) == []
        assert cgroups.groups(LAB) == []
        assert not places.run.exists()
        assert edge.down() == []
    finally:
        (places.root / "state.json").unlink(missing_ok=True)
        began = time.monotonic()
        edge.up(Wanted(hosts=2), print)
        # with its state it lost its network's number: another edge may have that by now
        labtest |= status()
    assert time.monotonic() - began < 60
    assert status()["machines"][0]["host_key"] == key
