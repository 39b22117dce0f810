"""Both ways of keeping layers and both models move a service, and several services move at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab
Deploy = Callable[..., str]


@pytest.mark.parametrize("storage", ["overlay", "directory"])
def test_a_service_moves_with_three_and_with_two_layers(site: Site, deployed: Deploy, storage: str) -> None:
    service = deployed("game-server", storage=storage)
    first = site.migrate(service, "mec-2", layers=3)
    found = site.migrate(service, "mec-1", layers=3)
    two = site.migrate(service, "mec-3", layers=2)
    again = site.migrate(service, "mec-1", layers=3)
    assert [m["outcome"] for m in (first, found, two, again)] == ["succeeded"] * 4, (first, found, two, again)
    assert (found["app_found"], two["app_found"]) == (True, None)
    in_downtime = {m["layers"]: sum(s["bytes"] for s in m["stages"] if s["in_downtime"]) for m in (found, two)}
    assert in_downtime[2] > in_downtime[3], "two layers send the application after the suspension"
    assert site.where(service) == ["mec-1"]
    site.assert_nothing_is_left()


def test_the_application_layer_stays_on_the_target_and_on_the_residency_map(site: Site, deployed: Deploy) -> None:
    service = deployed("no-application", host="mec-2")
    site.shell("mec-3", "rm -rf /var/lib/mec/layers/app/overlay/no-application-*")
    site.ok("host", "check", "mec-3")
    query = (
        "select c.origin, c.digest from migrations_app_layercopy c join migrations_app_host h on h.id = c.host_id"
        " join migrations_app_application a on a.id = c.application_id"
        " where h.name = 'mec-3' and a.name = 'no-application' and c.storage = 'overlay' and c.kind = 'lxc'"
    )
    assert site.rows(query) == []
    assert site.migrate(service, "mec-3")["app_found"] is False
    copies = site.rows(query)
    assert [copy["origin"] for copy in copies] == ["migrated"]
    assert site.migrate(service, "mec-2")["app_found"] is True


def test_several_services_move_at_once_between_different_hosts(site: Site, deployed: Deploy) -> None:
    moves = [(deployed(host="mec-1"), "mec-2"), (deployed(host="mec-2"), "mec-3"), (deployed(host="mec-3"), "mec-1")]
    counted = {service: site.count(service) for service, _target in moves}
    with ThreadPoolExecutor() as pool:
        moved = list(pool.map(lambda move: site.migrate(*move), moves))
    assert [m["outcome"] for m in moved] == ["succeeded"] * 3, [m["error"] for m in moved]
    for service, target in moves:
        assert site.where(service) == [target]
        assert site.count(service) > counted[service]
    site.assert_nothing_is_left()


def test_a_stopped_service_starts_again_where_it_was(site: Site, deployed: Deploy) -> None:
    service = deployed()
    site.ok("service", "stop", service)
    assert site.where(service) == []
    refused = site.command("live_migrate", service, "--to", "mec-2")
    assert "only a running service can be migrated live" in refused.stderr
    site.ok("service", "start", service)
    assert site.where(service) == ["mec-1"]
