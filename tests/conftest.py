"""What all tests share."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.engine.clock import LoopWithItsOwnTime

LONGEST = (
    "test_real_hosts",
    "test_bad_luck_of_machines",
    "test_bad_luck",
    "test_virtual_machines",
    "test_experiments",
)
FLAGS = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update disable-sync"

# Three processes share two cores: a page may take its time, and what never comes is found out all the same
SOON_MS = 60_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. For a module only: Playwright's event loop runs as long as it does, and others need their own."""
    expect.set_options(timeout=SOON_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[f"--{flag}" for flag in FLAGS.split()]
        )
        yield browser
        browser.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then all that need an edge: processes that share them out end at about the same time."""

    def place(item: pytest.Item) -> tuple[int, bool]:
        name = item.path.stem
        return LONGEST.index(name) if name in LONGEST else len(LONGEST), item.get_closest_marker("lab") is None

    items.sort(key=place)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The engine's table waits for nothing."""
    own = item.path.parent.name == "engine"
    return {"own_time": LoopWithItsOwnTime} if own else {"asyncio": asyncio.new_event_loop}
