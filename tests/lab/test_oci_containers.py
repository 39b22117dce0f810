"""OCI containers move between real hosts, by real Podman, runc and CRIU: there and back, and wherever a migration breaks."""

import json
from collections.abc import Callable

import pytest

from tests.lab import faults
from tests.lab.faults import ALL_STAGES, BEFORE_COMMIT, SLOW_MBIT, SLOWEST_MBIT
from tests.lab.site import Site

pytestmark = pytest.mark.lab
Deploy = Callable[..., str]


def about(site: Site, service: str) -> dict[str, object]:
    """What Podman says of a service's container where it runs."""
    host = site.where(service)[0]
    found: dict[str, object] = json.loads(site.shell(host, f"podman container inspect {service} 2>/dev/null"))[0]
    return found


def test_it_goes_round_twice_and_keeps_its_counter_its_limits_and_its_files(site: Site, oci: str) -> None:
    counter, source = site.count(oci), site.where(oci)[0]
    change = "echo kept >/dev/shm/kept; echo kept >/root/kept; rm /etc/debian_version"
    site.shell(source, f"podman exec {oci} sh -c '{change}'")
    group = f"/sys/fs/cgroup/memory/libpod_parent/libpod-$(cat /var/lib/mec/instances/{oci}/container)"
    for lap in range(2):
        for target in ("mec-2", "mec-3", "mec-1"):
            moved = site.migrate(oci, target)
            assert (moved["outcome"], moved["error"]) == ("succeeded", ""), f"lap {lap}: {moved}"
            now = site.count(oci)
            assert now > counter
            counter = now
            assert int(site.shell(target, f"cat {group}/memory.limit_in_bytes")) == 64 * 2**20
    assert moved["app_found"] is True
    said = site.shell(
        "mec-1", f"podman exec {oci} sh -c 'cat /dev/shm/kept /root/kept; ls /etc/debian_version 2>&1 || true'"
    )
    assert said.split("\n")[:2] == ["kept", "kept"]
    assert "No such file" in said, "a file that it deleted from its image stays deleted"
    site.assert_nothing_is_left()


def test_it_goes_there_and_back_in_rounds(site: Site, oci: str) -> None:
    counter, source = site.count(oci), site.where(oci)[0]
    for target in (faults.other(source), source):
        moved = site.migrate(oci, target, "--method", "iterative")
        assert (moved["outcome"], moved["error"]) == ("succeeded", "")
        assert site.where(oci) == [target]
        assert moved["rounds"][0]["changed"] > 1_000_000
        now = site.count(oci)
        assert now > counter
        counter = now
    site.assert_nothing_is_left()


def test_of_the_image_only_the_layer_that_the_target_lacks_travels(site: Site, oci: str) -> None:
    source = site.where(oci)[0]
    target = faults.other(source)
    site.shell(target, f"rm -rf {faults.LAYERS['oci']}/no-application-*")
    site.ok("host", "check", target)
    moved = site.migrate(oci, target)
    assert (moved["outcome"], moved["app_found"]) == ("succeeded", False), moved
    app = next(stage for stage in moved["stages"] if stage["title"] == "rsync app filesystem")
    assert 0 < app["bytes"] < 5_000_000, "the base's blob has 160 MB"


def test_with_two_layers_the_image_travels_within_the_downtime(site: Site, oci: str) -> None:
    source = site.where(oci)[0]
    target = faults.other(source)
    counted = site.count(oci)
    moved = site.migrate(oci, target, layers=2)
    assert moved["outcome"] == "succeeded", moved
    assert site.count(oci) > counted
    back = site.migrate(oci, source)
    assert back["outcome"] == "succeeded", back
    site.assert_nothing_is_left()


def test_podman_has_it_like_any_other_container(site: Site, oci: str) -> None:
    site.migrate(oci, faults.other(site.where(oci)[0]))
    found = about(site, oci)
    assert found["State"]["Restored"] is True  # type: ignore[index]
    site.ok("service", "stop", oci)
    assert site.where(oci) == []
    site.ok("service", "start", oci)
    assert len(site.where(oci)) == 1


@pytest.mark.parametrize("stage", ALL_STAGES)
def test_the_worker_is_killed(site: Site, oci: str, stage: str) -> None:
    with faults.links_for(site, stage, SLOW_MBIT):
        faults.kill_the_worker(site, oci, stage)


@pytest.mark.parametrize(
    "stage", ["clone_app_as_instance", "rsync_instance_memory", "restore_instance", "clean_up_source"]
)
def test_the_backhaul_goes_down(site: Site, oci: str, stage: str) -> None:
    with faults.links_for(site, stage, SLOW_MBIT):
        faults.cut_the_backhaul(site, oci, stage)


@pytest.mark.parametrize("stage", ["rsync_app_filesystem", *BEFORE_COMMIT])
def test_a_cancel_brings_the_service_back(site: Site, oci: str, stage: str) -> None:
    with faults.links_of(site, SLOWEST_MBIT):
        faults.cancel(site, oci, stage)


def test_a_state_that_arrives_damaged_is_not_restored(site: Site, oci: str) -> None:
    faults.damage_the_state(site, oci, "pages-1.img", at=0)


def test_what_cannot_be_restored_goes_on_where_it_was(site: Site, oci: str) -> None:
    counted, source = site.count(oci), site.where(oci)[0]
    target = faults.other(source)
    # its bridge is gone, so the container cannot join it there
    site.shell(target, "ip link set br-access name br-away")
    moved = site.migrate(oci, target)
    site.shell(target, "ip link set br-away name br-access; ip link set br-access up")
    assert moved["outcome"] == "rolled_back", moved["error"]
    faults.assert_it_lives(site, oci, site.last_migration(), counted)
    assert site.where(oci) == [source]


def test_a_source_whose_processes_were_ended_while_they_stood_frozen_is_resumed_from_what_was_saved(
    site: Site, oci: str
) -> None:
    counted = site.count(oci)
    with faults.links_of(site, SLOW_MBIT):
        migration, source, _target = faults.begin(site, oci, "rsync_instance_memory")
        # as after its reboot: none of them is there, and the state that was saved is
        group = f"/sys/fs/cgroup/freezer/libpod_parent/libpod-$(cat /var/lib/mec/instances/{oci}/container)"
        site.shell(source, f"kill -KILL $(cat {group}/cgroup.procs); echo THAWED >{group}/freezer.state")
        site.link(source, up=False)
        ended = site.wait_for_end(migration)
        site.link(source, up=True)
    assert ended["status"] == "rolled_back", ended["error"]
    assert site.where(oci) == [source]
    faults.assert_it_lives(site, oci, ended, counted)


def test_another_container_of_that_name_is_not_touched(site: Site) -> None:
    site.shell("mec-2", "podman import -q /etc/hostname localhost/stranger >/dev/null 2>&1 || true")
    image = "$(podman images -q | head -n1)"
    site.shell("mec-2", f"podman --runtime runc create --name stranger --network none {image} /bin/sh >/dev/null 2>&1")
    try:
        words = ("service", "deploy", "stranger", "--application", "no-application", "--kind", "oci", "--host", "mec-2")
        refused = site.command(*words)
        assert refused.returncode != 0
        assert "stranger" in refused.stderr
        assert "stranger" in site.shell("mec-2", "podman ps -a --format '{{.Names}}' 2>/dev/null")
        site.ok("service", "remove", "stranger")
        assert "stranger" in site.shell("mec-2", "podman ps -a --format '{{.Names}}' 2>/dev/null")
    finally:
        site.shell("mec-2", "podman rm -f -t 0 stranger >/dev/null 2>&1")
    site.assert_nothing_is_left()
