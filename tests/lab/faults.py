"""What all tests of bad luck do alike: slow links, a migration caught in a stage, and what must be true afterwards."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.site import Site

HOSTS = ("mec-1", "mec-2", "mec-3")


@contextmanager
def slow_links(site: Site, bandwidth_mbit: float) -> Iterator[None]:
    """Stretch what is sent over seconds, so that a fault hits the stage it is meant for."""
    for host in HOSTS:
        site.link(host, bandwidth_mbit=bandwidth_mbit)
    yield
    for host in HOSTS:
        site.link(host, bandwidth_mbit=100.0, up=True)


def other(source: str) -> str:
    """A host that is not this one."""
    return next(host for host in HOSTS if host != source)


def begin(site: Site, service: str, stage: str, *how: str) -> tuple[int, str, str]:
    """Start a migration to some other host and wait for the stage: the migration, its source and its target."""
    source = site.where(service)[0]
    target = other(source)
    if stage == "rsync_app_filesystem":
        site.shell(target, "rm -rf /var/lib/mec/layers/app/overlay/no-application-*")
    last = site.rows("select coalesce(max(id), 0) as id from migrations_app_migration")[0]["id"]
    site.begin(service, target, *how)
    migration = site.wait_for_new_migration(after=last)
    site.wait_for_stage(migration, stage)
    return migration, source, target


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
