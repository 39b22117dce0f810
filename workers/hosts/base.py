"""The protocol of a host, and what a command on it can end in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from workers.engine import MigrationError

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@dataclass(frozen=True)
class Target:
    """How the portal reaches a host, and how other hosts do."""

    name: str
    address: str
    port: int
    user: str
    key_file: str
    host_key: str
    backhaul_address: str
    bandwidth_mbit: int
    access_bridge: str


class HostUnreachable(MigrationError):
    """No connection to the host, or it broke."""


class CommandFailed(MigrationError):
    """A command ended with another status than 0; the last line that it wrote is the reason."""

    def __init__(self, host: str, script: str, status: int | None, output: str) -> None:
        reason = (output.strip().splitlines() or ["it wrote nothing"])[-1]
        super().__init__(f"{host}: {reason}", log=output)
        self.host, self.script, self.status = host, script, status


class CommandTimedOut(MigrationError):
    """A command took longer than its limit; the host was told to end it."""

    def __init__(self, host: str, script: str, limit_s: float) -> None:
        super().__init__(f"{host}: {script} took longer than {limit_s:g} s and was ended.")


class MecHost(Protocol):
    """A host as the engine's stages see it. Scripts are named files in workers/scripts; arguments are never shell."""

    @property
    def name(self) -> str: ...

    @property
    def target(self) -> Target: ...

    async def call(self, script: str, *arguments: str | int, stdin: str = "", limit_s: float = 30) -> dict[str, str]:
        """Run a script as root with a time limit and return the `key=value` lines that it printed.

        Raises CommandFailed, CommandTimedOut or HostUnreachable, each with a sentence.
        """
        ...

    def stream(self, script: str, *arguments: str | int, program: str = "") -> AsyncIterator[str]:
        """Run a script and yield its lines while it runs; closing the iterator ends it."""
        ...


@cache
def script_text(name: str) -> str:
    """The text of a script, behind the functions that all scripts share."""
    return (SCRIPTS / "common.sh").read_text() + (SCRIPTS / f"{name}.sh").read_text()


def parse_values(output: str) -> dict[str, str]:
    """The `key=value` lines of a script's output."""
    pairs = (line.partition("=") for line in output.splitlines() if "=" in line)
    return {key: value for key, _equals, value in pairs}
