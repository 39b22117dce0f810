"""What a host says of an instance that ended: its own last lines, and nothing of the host's."""

from pathlib import Path

import pytest

from tests.workers.this_machine import ThisMachine


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    here = ThisMachine(tmp_path)
    here.tool("dmesg", "exit 0")
    (here.place / "instances/echo/rootfs/var/log").mkdir(parents=True)
    return here


def log_of(here: ThisMachine) -> Path:
    return here.place / "instances/echo/rootfs/var/log/mec-service.log"


async def lines(here: ThisMachine) -> list[str]:
    said = await here.call("hosts/crash_log", "echo")
    return [line for _number, line in sorted(said.items())]


async def test_a_container_that_ended_is_explained_by_its_own_last_lines(here: ThisMachine) -> None:
    log_of(here).write_text("".join(f"step {number}\n" for number in range(30)) + "Traceback: a=b \x1b[31m\x00é\n")
    said = await lines(here)
    assert said[0] == "step 11"
    assert said[-1] == "Traceback: a=b [31mé"


async def test_a_link_that_a_container_made_of_its_log_shows_no_file_of_the_host(here: ThisMachine) -> None:
    (here.place / "secret").write_text("root's own\n")
    log_of(here).symlink_to(here.place / "secret")
    assert await lines(here) == []
    log_of(here).unlink()
    log_of(here).parent.rmdir()
    log_of(here).parent.symlink_to(here.place)
    (here.place / "mec-service.log").write_text("root's own\n")
    assert await lines(here) == []


async def test_a_guests_last_lines_are_those_of_its_console(here: ThisMachine) -> None:
    (here.place / "instances/echo/console.log").write_text("Out of cheese\r\n")
    assert await lines(here) == ["Out of cheese"]
