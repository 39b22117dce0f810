"""What CRIU saves and cannot restore on any host goes on where it was: its processes never ended."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import faults
from tests.lab.recipes.test_what_cannot_be_saved import tell
from tests.lab.site import Site

pytestmark = pytest.mark.lab
HERE = Path(__file__).parent
# what each says of itself besides its counter
WELL = {"link-local": "over fe80:", "firewall": "-A I", "siblings": "workers 6 dead 0"}
WORDS = {"firewall": "rules"}


def init_of(site: Site, service: str, host: str) -> str:
    return site.shell(host, f"lxc-info -P /var/lib/mec/instances -n {service} -pH").strip()


@pytest.mark.parametrize("recipe", WELL)
def test_it_goes_on_at_its_source_with_every_process_and_connection_as_it_was(
    site: Site, deployed: Callable[..., str], recipe: str
) -> None:
    site.ok("application", "add", str(HERE / f"{recipe}.toml"))
    service = deployed(recipe)
    word = WORDS.get(recipe, "count")
    assert WELL[recipe] in tell(site, service, word)
    counted, init = site.count(service), init_of(site, service, "mec-1")
    site.migrate(service, "mec-2")
    ended = site.last_migration()
    faults.assert_it_stayed(site, service, "mec-1", ended, counted, "restore")
    assert init_of(site, service, "mec-1") == init, "it was restored, not thawed"
    assert WELL[recipe] in tell(site, service, word)
