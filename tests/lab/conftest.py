"""One edge and one portal for all lab tests that one process runs; make test runs two side by side.

MEC_TEST_LAB and MEC_TEST_PORT give them another name and port, so that two people can run them on one machine.
"""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.lab.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Site]:
    """An edge with three hosts and a portal that knows them and the recipes."""
    number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    lab, port = os.environ.get("MEC_TEST_LAB", "labsite"), int(os.environ.get("MEC_TEST_PORT", "8190"))
    site = Site(tmp_path_factory.mktemp("site"), port=port + number, lab=f"{lab}{number}")
    try:
        site.bring_up()
        yield site
    finally:
        site.end()


@pytest.fixture(scope="module")
def guest(site: Site) -> Iterator[str]:
    """One guest for all of it, booted once; each test must leave it well enough for the next."""
    site.ok(
        "service", "deploy", "guest", "--application", "no-application", "--kind", "kvm", "--host", "mec-1", limit_s=900
    )
    for host in ("mec-2", "mec-3"):
        site.ok("application", "build", "no-application", "--kind", "kvm", "--host", host)
    yield "guest"
    site.ok("service", "remove", "guest")
    assert site.where("guest") == []


@pytest.fixture(scope="module")
def oci(site: Site) -> Iterator[str]:
    """An OCI container for all of it: each test must leave it well enough for the next."""
    site.ok(
        "service", "deploy", "oci", "--application", "no-application", "--kind", "oci", "--host", "mec-1", limit_s=300
    )
    yield "oci"
    site.ok("service", "remove", "oci")
    assert site.where("oci") == []


@pytest.fixture
def deployed(site: Site, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Deploys services for one test, and removes them after it."""
    names: list[str] = []

    def deploy(
        application: str = "no-application", host: str = "mec-1", storage: str = "overlay", kind: str = "lxc"
    ) -> str:
        name = f"s{len(names)}-{abs(hash(request.node.name)) % 100_000}"
        names.append(name)
        where = ["--host", host, "--storage", storage, "--kind", kind]
        site.ok("service", "deploy", name, "--application", application, *where, limit_s=900)
        return name

    yield deploy
    for name in names:
        site.ok("service", "remove", name)
