"""What all tests of bad luck do alike: slow links, a migration caught in a stage, and what must be true afterwards."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.lab.site import Site

HOSTS = ("mec-1", "mec-2", "mec-3")
LAYERS = {
    "lxc": "/var/lib/mec/layers/app/overlay",
    "oci": "/var/lib/mec/layers/oci/app/overlay",
    "kvm": "/var/lib/mec/layers/kvm/app/overlay",
}
LINK_MBIT, QUICK_MBIT = 100.0, 1000.0
TRANSFERS = ("rsync_app_filesystem", "rsync_instance_filesystem", "rsync_instance_memory", "live_copy")
SLOW_MBIT = 3.0  # stretches the rsync stages over seconds, so that a fault hits the stage it is meant for
SLOWEST_MBIT = 0.25  # and here over longer than any command takes to start
BEFORE_COMMIT = [
    "prepare",
    "clone_app_as_instance",
    "suspend_instance",
    "rsync_instance_filesystem",
    "rsync_instance_memory",
]
ALL_STAGES = ["rsync_app_filesystem", *BEFORE_COMMIT, "restore_instance", "announce", "verify", "clean_up_source"]
OUTCOMES_OF_A_FAULT = ("rolled_back", "succeeded", "finished_with_problems")


@contextmanager
def links_of(site: Site, bandwidth_mbit: float) -> Iterator[None]:
    """Slow ones stretch what is sent over seconds, so that a fault hits the stage it is meant for."""
    for host in HOSTS:
        site.link(host, bandwidth_mbit=bandwidth_mbit)
    try:
        yield
    finally:
        for host in HOSTS:
            site.link(host, bandwidth_mbit=LINK_MBIT, up=True)


def links_for(site: Site, stage: str, slow_mbit: float) -> AbstractContextManager[None]:
    """Slow ones where the stage is a transfer that the fault is to hit; else what is not looked at is soon over."""
    return links_of(site, slow_mbit if stage in TRANSFERS else QUICK_MBIT)


def other(source: str) -> str:
    """A host that is not this one."""
    return next(host for host in HOSTS if host != source)


def begin(site: Site, service: str, stage: str, *how: str) -> tuple[int, str, str]:
    """Start a migration to some other host and wait for the stage: the migration, its source and its target."""
    about = site.rows(
        "select s.kind, a.name from migrations_app_service s"
        " join migrations_app_application a on a.id = s.application_id where s.name = ?",
        service,
    )[0]
    source = site.where(service)[0]
    target = other(source)
    if stage in ("clone_base_as_app", "rsync_app_filesystem"):
        site.shell(target, f"rm -rf {LAYERS[about['kind']]}/{about['name']}-*")
        site.ok("host", "check", target)  # what another test deploys there must not count on it
    last = site.rows("select coalesce(max(id), 0) as id from migrations_app_migration")[0]["id"]
    site.begin(service, target, *how)
    migration = site.wait_for_new_migration(after=last)
    site.wait_for_stage(migration, stage)
    return migration, source, target


def cut_the_backhaul(site: Site, service: str, stage: str, *how: str) -> None:
    """Take the source's link down in a stage, until the migration has ended."""
    counted = site.count(service)
    migration, source, _target = begin(site, service, stage, *how)
    site.link(source, up=False)
    try:
        ended = site.wait_for_end(migration)
    finally:
        site.link(source, up=True)
    assert_survived(site, service, ended, counted)


def kill_the_worker(site: Site, service: str, stage: str, *how: str) -> None:
    """Kill the worker in a stage; another one takes the migration over."""
    counted = site.count(service)
    migration, _source, _target = begin(site, service, stage, *how)
    site.kill("worker")
    assert_survived(site, service, site.wait_for_end(migration), counted)


def cancel(site: Site, service: str, stage: str, *how: str) -> None:
    """Cancel in a stage before the point of no return: the service goes on where it was."""
    counted = site.count(service)
    migration, source, _target = begin(site, service, stage, *how)
    site.ok("cancel_migration", str(migration))
    ended = site.wait_for_end(migration)
    assert ended["status"] == "cancelled", ended["error"]
    assert site.where(service) == [source]
    assert_it_lives(site, service, ended, counted)


def damage_the_state(site: Site, service: str, pattern: str, at: int, *how: str) -> None:
    """Turn a byte over in the first file of the saved state that matches, as soon as it lies on the target."""
    counted, source = site.count(service), site.where(service)[0]
    target = other(source)
    program = (
        "import glob, time\n"
        "end = time.time() + 40\n"
        "while time.time() < end:\n"
        f"    for path in glob.glob('/var/lib/mec/incoming/*/files/instance/saved/state/{pattern}'):\n"
        "        with open(path, 'r+b') as image:\n"
        f"            image.seek({at}); byte = image.read(1); image.seek({at}); image.write(bytes([byte[0] ^ 255]))\n"
        "        raise SystemExit\n"
        "    time.sleep(0.0005)\n"
    )
    site.shell(target, f'setsid python3 -c "{program}" >/dev/null 2>&1 & sleep 0.3')
    site.migrate(service, target, *how)
    assert_it_stayed(site, service, source, site.last_migration(), counted, "digest differs")


def end_with_a_full_disk(site: Site, migration: int, target: str) -> sqlite3.Row:
    """Fill the target's disk until the migration has ended; how it ended."""
    # what arrives meanwhile may leave less room than is asked for: then all that there is is taken, and it says so
    fill = "fallocate -l $(($(df -P -B1 /var/lib/mec | awk 'NR==2{print $4}') - 100000)) /var/lib/mec/full || true"
    try:
        site.shell(target, fill)
        return site.wait_for_end(migration)
    finally:
        site.shell(target, "rm -f /var/lib/mec/full")


def assert_survived(site: Site, service: str, ended: sqlite3.Row, counted: int) -> None:
    """It moved, or all was undone; either way it lives."""
    assert ended["status"] in OUTCOMES_OF_A_FAULT, f"{ended['status']}: {ended['error']} {ended['problems']}"
    assert_it_lives(site, service, ended, counted)


def assert_it_stayed(site: Site, service: str, source: str, ended: sqlite3.Row, counted: int, why: str) -> None:
    """All was undone, for the reason that is named, and it goes on where it was."""
    assert ended["status"] == "rolled_back", f"{ended['status']}: {ended['error']}"
    assert why in ended["error"]
    assert site.where(service) == [source]
    assert_it_lives(site, service, ended, counted)


def assert_it_lives(site: Site, service: str, ended: sqlite3.Row, counted: int) -> None:
    """On exactly one host, which is the one the portal says, with its counter intact, and nothing left over."""
    about = f"{ended['status']}: {ended['error']} {ended['problems']}"
    running = site.where(service)
    assert len(running) == 1, about
    query = (
        "select h.name from migrations_app_service s join migrations_app_host h on h.id = s.host_id where s.name = ?"
    )
    assert running == [site.rows(query, service)[0]["name"]], about
    assert site.count(service) > counted, about
    site.assert_nothing_is_left()
