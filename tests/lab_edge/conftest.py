"""One edge of its own for all tests of the lab, so that they never disturb another one."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab import edge, requirements
from lab.machine import enter_argv
from lab.shell import run
from lab.state import Wanted
from lab.status import status

LAB = "labtest"
Inside = Callable[..., str]


@pytest.fixture(scope="module")
def labtest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The status of a running edge of two hosts, taken down with its disks at the end."""
    kept = {name: os.environ.get(name) for name in ("MEC_LAB", "MEC_LAB_DIR")}
    os.environ |= {"MEC_LAB": LAB, "MEC_LAB_DIR": "/var/lib/mecportal-labtest"}
    try:
        # What is missing is a failure: these tests are nothing without the edge.
        assert requirements.missing(edge.places_of(LAB).root) == []
        edge.up(Wanted(hosts=2), print)
        yield status()
    finally:
        edge.down(disks=True)
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def inside(labtest: dict[str, Any]) -> Inside:
    """Runs a command in a machine and returns what it printed."""

    def run_inside(machine: str, *argv: str, timeout_s: float = 30) -> str:
        return run(enter_argv(LAB, machine, argv), timeout_s=timeout_s)

    return run_inside
