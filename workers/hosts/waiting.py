"""A shell that is started on a host before its command is known: users wait for what sshd, a login shell and sudo take to start.

Within a suspension some five commands follow each other, each of which would start all of these anew.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh

# the builtin reads byte by byte, and so leaves the script that follows to the command
SHELL = ("sh", "-c", 'IFS= read -r line && eval "exec $line"')


class WaitingShell:
    """At most one shell of a connection waits. It ends by itself with its connection, and holds no lock meanwhile."""

    def __init__(self, start: Callable[[], Awaitable["asyncssh.SSHClientProcess[Any]"]]) -> None:
        self._start = start
        self._starting: asyncio.Future[asyncssh.SSHClientProcess[Any]] | None = None

    def prepare(self) -> None:
        """Start one in the background, unless one waits."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())

    async def run(self, command: str) -> "asyncssh.SSHClientProcess[Any] | None":
        """Let the one that waits become a command; None when there is none, or it cannot."""
        starting, self._starting = self._starting, None
        if starting is None:
            return None
        try:
            shell = await starting
        except (asyncssh.Error, OSError):
            return None
        if "\n" in command or shell.is_closing() or shell.exit_status is not None:
            _end(shell)
            return None
        shell.stdin.write(command + "\n")
        return shell

    async def close(self) -> None:
        """End the one that waits."""
        starting, self._starting = self._starting, None
        if starting is not None:
            with contextlib.suppress(asyncssh.Error, OSError):
                _end(await starting)


def _end(shell: "asyncssh.SSHClientProcess[Any]") -> None:
    with contextlib.suppress(OSError):
        shell.stdin.write_eof()
