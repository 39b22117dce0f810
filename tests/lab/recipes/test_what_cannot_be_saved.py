"""What CRIU cannot save stays where it is, goes on, and says in one sentence why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab
HERE = Path(__file__).parent
REFUSED = {
    "io-uring": "it uses io_uring",
    "large-deleted-file": "it holds the deleted file /tmp/large",
    "nested-users": "it makes a user namespace of its own",
}


def tell(site: Site, service: str, word: str) -> str:
    """Send the hoarder a datagram; its answer."""
    address = site.rows("select address from migrations_app_service where name = ?", service)[0]["address"]
    program = (
        "import socket; s = socket.socket(2, 2); s.settimeout(10); "
        f"s.sendto({word.encode()!r}, ('{address}', 7000)); print(s.recv(4096).decode())"
    )
    return site.inside("user", "python3", "-c", program).strip()


def test_what_criu_refuses_is_explained_and_the_service_goes_on(site: Site, deployed: Callable[..., str]) -> None:
    site.ok("application", "add", str(HERE / "hoarder.toml"))
    service = deployed("hoarder")
    for kind, cause in REFUSED.items():
        before = tell(site, service, f"hold {kind}")
        assert before.startswith("count "), f"{kind}: {before}"
        refused = site.migrate(service, "mec-2")
        assert refused["outcome"] == "rolled_back", refused
        assert cause in refused["error"]
        assert site.where(service) == ["mec-1"]
        after = tell(site, service, "drop")
        assert int(after.split()[1]) > int(before.split()[1])
    assert site.migrate(service, "mec-2")["outcome"] == "succeeded"
    site.assert_nothing_is_left()


def test_a_file_that_is_open_under_a_name_it_lost_moves_with_its_service(
    site: Site, deployed: Callable[..., str]
) -> None:
    site.ok("application", "add", str(HERE / "hoarder.toml"))
    service = deployed("hoarder")
    before = tell(site, service, "hold renamed-file")
    moved = site.migrate(service, "mec-2")
    assert (moved["outcome"], moved["error"]) == ("succeeded", "")
    assert int(tell(site, service, "count").split()[1]) > int(before.split()[1])
    names = site.shell("mec-2", f"find /var/lib/mec/instances/{service}/upper -name '*link_remap*'")
    assert not names, "CRIU's own names are gone"
    site.assert_nothing_is_left()
