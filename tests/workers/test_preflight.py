"""What the checks say of two hosts, without any host."""

from dataclasses import replace

import pytest

from migrations_app.technologies.findings import Side
from tests.engine.fakes import FakeHost
from tests.engine.world import World
from workers.context import place
from workers.engine import Location
from workers.guests.kvm.guest import KvmGuest
from workers.guests.lxc.guest import LxcGuest, config, interface_index, veth_name
from workers.preflight import faults_of
from workers.specs import InstanceState, MigrationSpec

SOURCE = {
    "state": "RUNNING",
    "base_digest": "b1",
    "app_digest": "d1",
    "app_bytes": "1000",
    "instance_bytes": "1000",
    "memory_bytes": "50000000",
    "disk_free_bytes": "9000000000",
    "criu_version": "4.2.1",
    "lxc_version": "6.0.4",
    "cpu_flags": "sse avx avx512f",
    "interface_index": "1000002",
}
TARGET = {
    "state": "ABSENT",
    "instance": "free",
    "base_digest": "b1",
    "app_digest": "",
    "disk_free_bytes": "9000000000",
    "memory_free_bytes": "9000000000",
    "criu_version": "4.2.3",
    "lxc_version": "6.0.4",
    "cpu_flags": "sse avx avx512f aes",
}


HOST = FakeHost("mec-2")


def sides(source: dict[str, str], target: dict[str, str]) -> tuple[Side, Side]:
    return Side("mec-1", source), Side("mec-2", target)


KVM_SOURCE = SOURCE | {
    "qemu_version": "10.0.13",
    "libvirt_version": "11.3.0",
    "machine": "pc-q35-10.0",
    "virttype": "qemu",
    "cpu": "<cpu/>",
}
KVM_TARGET = TARGET | {
    "qemu_version": "10.0.13",
    "libvirt_version": "11.3.0",
    "machines": "q35 pc-q35-9.2 pc-q35-10.0",
    "acceleration": "tcg",
}


@pytest.fixture
def spec() -> MigrationSpec:
    return World().context().spec


async def test_two_good_hosts_have_no_faults(spec: MigrationSpec) -> None:
    assert faults_of(spec, *sides(SOURCE, TARGET)) + await LxcGuest().faults(HOST, *sides(SOURCE, TARGET)) == []


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ({}, {"base_digest": ""}, "does not hold the base debian-13 for LXC: provision it"),
        ({}, {"base_digest": "b2"}, "differs from that on mec-1"),
        ({"state": "STOPPED"}, {}, "start it first"),
        ({"state": "FROZEN"}, {}, "stands frozen on mec-1, as a migration left it: docs/migrating.md"),
        ({}, {"instance": "exists"}, "already has something at"),
        ({}, {"disk_free_bytes": "1000000"}, "mec-2 has 1 MB of disk free and needs 250 MB: make room there"),
        ({"disk_free_bytes": "1000000"}, {}, "to save the state"),
        ({}, {"memory_free_bytes": "1000000"}, "mec-2 has 1 MB of memory free and needs 50 MB: make room there"),
        ({}, {"criu_version": "4.1.1"}, "CRIU is 4.2.1 on mec-1 and 4.1.1 on mec-2"),
        ({}, {"lxc_version": ""}, "mec-2 has no LXC: install"),
        ({}, {"cpu_flags": "sse avx"}, "processor of mec-2 lacks avx512f"),
        ({"interface_index": "2"}, {}, "its interface has number 2, as a network card has"),
    ],
)
async def test_each_fault_is_one_sentence_with_what_to_do(
    spec: MigrationSpec, source: dict[str, str], target: dict[str, str], words: str
) -> None:
    here, there = {**SOURCE, **source}, {**TARGET, **target}
    faults = faults_of(spec, *sides(here, there)) + await LxcGuest().faults(HOST, *sides(here, there))
    assert len(faults) == 1
    assert words in faults[0]


def test_rounds_need_memory_for_a_copy_at_the_source() -> None:
    iterative = World(method="iterative").context().spec
    short = sides(SOURCE | {"memory_free_bytes": "100000000"}, TARGET)
    assert faults_of(World().context().spec, *short) == []
    assert faults_of(iterative, *short) == [
        "mec-1 has 100 MB of memory free and needs 250 MB to copy it in rounds: make room there, then check the host."
    ]


def test_all_faults_come_at_once(spec: MigrationSpec) -> None:
    there = {**TARGET, "base_digest": "", "instance": "exists", "disk_free_bytes": "0"}
    assert len(faults_of(spec, *sides(SOURCE, there))) == 3


@pytest.mark.parametrize(
    ("source", "target", "location"),
    [
        (InstanceState(True), InstanceState(False), Location.SOURCE),
        (InstanceState(False), InstanceState(True), Location.TARGET),
        (InstanceState(True), InstanceState(True), Location.BOTH),
        (InstanceState(False, frozen=True), InstanceState(False), Location.SOURCE),
        (InstanceState(True), InstanceState(False, received=True), Location.SOURCE),
        (InstanceState(False, saved=True), InstanceState(False, received=True), Location.SOURCE),
        (InstanceState(False, saved=True), InstanceState(False), Location.SOURCE),
        (InstanceState(False, saved=True), InstanceState(False, went_on=True), Location.NOWHERE),
        (InstanceState(False), InstanceState(False), Location.NOWHERE),
    ],
)
def test_where_a_service_is(source: InstanceState, target: InstanceState, location: Location) -> None:
    assert place(source, target) is location


def test_the_containers_configuration_names_its_own_network_and_limit(spec: MigrationSpec) -> None:
    text = config(spec.instance, "br-users")
    assert "lxc.net.0.link = br-users" in text
    assert "lxc.cgroup2.memory.max = 64M" in text
    assert "cpu.max" not in text, "all of the host's processors"
    text = config(replace(spec.instance, cpus=0.5, pids=77), "br-users")
    assert "lxc.cgroup2.cpu.max = 50000 100000" in text
    assert "lxc.cgroup.cpu.cfs_quota_us = 50000" in text
    assert "lxc.cgroup2.pids.max = 77" in text
    assert "lxc.cgroup.pids.max = 77" in text
    assert "lxc.idmap = u 0 100000 65536" in text


@pytest.mark.parametrize(
    "address", ["02:4d:00:00:00:00", "02:4d:ff:ff:ff:ff", "02:4d:7f:ff:ff:ff", "02:4d:80:00:00:00"]
)
def test_a_containers_interface_has_a_number_that_no_host_has_and_that_the_kernel_takes(
    address: str, spec: MigrationSpec
) -> None:
    assert 1_000_000 <= interface_index(replace(spec.instance, hardware_address=address)) < 2**31


def test_a_containers_interface_has_the_same_number_wherever_it_runs_and_another_one_than_its_neighbours(
    spec: MigrationSpec,
) -> None:
    addresses = [f"02:4d:12:34:56:{last:02x}" for last in range(256)]
    numbers = [interface_index(replace(spec.instance, hardware_address=address)) for address in addresses]
    assert len(set(numbers)) == 256
    assert numbers == [interface_index(replace(spec.instance, hardware_address=address)) for address in addresses]


def test_a_cables_name_fits_into_an_interface_name(spec: MigrationSpec) -> None:
    assert len(veth_name(spec.instance)) <= 15


async def test_two_good_hosts_of_virtual_machines_have_no_faults(spec: MigrationSpec) -> None:
    assert (
        faults_of(spec, *sides(KVM_SOURCE, KVM_TARGET)) + await KvmGuest().faults(HOST, *sides(KVM_SOURCE, KVM_TARGET))
        == []
    )
    newer = KVM_TARGET | {"qemu_version": "10.1.0"}
    assert await KvmGuest().faults(HOST, *sides(KVM_SOURCE, newer)) == [], "a newer QEMU reads what an older one saved"


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ({"state": "CRASHED"}, {}, "does not run on mec-1 (it is crashed)"),
        (
            {},
            {"qemu_version": "9.2.1"},
            "QEMU is 10.0.13 on mec-1 and 9.2.1 on mec-2: the target's must not be older, so upgrade",
        ),
        ({}, {"libvirt_version": ""}, "has no libvirt"),
        ({}, {"machines": "q35 pc-q35-9.2"}, "does not build the machine pc-q35-10.0"),
        ({}, {"acceleration": "kvm"}, "Guests run with QEMU's TCG on mec-1 and with KVM on mec-2"),
        ({"other_disks": "/dev/sdb "}, {}, "a disk that is on no layer (/dev/sdb)"),
        ({"passed_through": "1"}, {}, "passed through to the guest"),
        ({"snapshots": "2"}, {}, "has snapshots"),
    ],
)
async def test_each_fault_of_a_virtual_machine_is_one_sentence_with_what_to_do(
    spec: MigrationSpec, source: dict[str, str], target: dict[str, str], words: str
) -> None:
    here, there = {**KVM_SOURCE, **source}, {**KVM_TARGET, **target}
    faults = faults_of(spec, *sides(here, there)) + await KvmGuest().faults(HOST, *sides(here, there))
    assert len(faults) == 1
    assert words in faults[0]
