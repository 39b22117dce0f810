"""Recipes that the project has never seen move, and their users' TCP connections with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.recipes.connection import move_there_and_back
from tests.lab.site import Site

pytestmark = pytest.mark.lab
HERE = Path(__file__).parent


@pytest.mark.parametrize(("kind", "port"), [("postgresql", 5432), ("valkey", 6379), ("nginx", 80)])
def test_a_daemon_moves_there_and_back_and_a_connection_loses_nothing(
    site: Site, deployed: Callable[..., str], kind: str, port: int
) -> None:
    site.ok("application", "add", str(HERE / f"{kind}.toml"))
    service = deployed(kind)
    for method in ("save", "iterative"):
        move_there_and_back(site, service, kind, port, "--method", method)
    site.assert_nothing_is_left()
