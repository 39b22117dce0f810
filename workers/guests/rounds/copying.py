"""Iterative migration as the portal drives it: a conversation with the sender on the source."""

import time
from contextlib import AsyncExitStack
from typing import Any

from workers.convergence import Round
from workers.engine import MigrationError
from workers.guests.base import Rest, Rounds
from workers.hosts.base import Conversation, MecHost
from workers.specs import MigrationSpec
from workers.transfer.rsync import COMPRESS_BELOW_MBIT, Sent

from . import program

ROUND_LIMIT_S = 3600.0


class SentRounds:
    """The rounds of one migration: a Rounds of memory that is read from outside (program/memory.py)."""

    def __init__(self, source: MecHost, target: MecHost, spec: MigrationSpec, interface: str) -> None:
        self.interface = interface
        self.bandwidth_mbit = min(source.endpoint.bandwidth_mbit, target.endpoint.bandwidth_mbit)
        self.bytes_on_wire = 0  # so far, at the source's backhaul interface
        self._source, self._target, self._spec = source, target, spec
        self._number = 0
        self._stack = AsyncExitStack()
        self._talk: Conversation | None = None

    async def open(self) -> None:
        """Start the sender, and the receiver at the other end of the migration's connection."""
        there, spec = self._target.endpoint, self._spec
        level = 1 if self.bandwidth_mbit < COMPRESS_BELOW_MBIT else 0
        login = f"{there.user}@{there.backhaul_address}"
        words = (spec.migration, spec.service, login, there.port, level, self.interface)
        talking = self._source.talk(f"{spec.instance.kind}/rounds/send", *words, stdin=program())
        self._talk = await self._stack.enter_async_context(talking)

    async def copy(self, files: Sent) -> Round:
        """One round of memory, after that of the files."""
        self._number += 1
        began = time.monotonic()
        said = await self._ask(f"round {self._number}")
        seconds = time.monotonic() - began
        self.bytes_on_wire += int(said["wire"]) + files.bytes_on_wire
        sent = int(said["sent"]) + files.bytes_rsync
        return Round(self._number, int(said["read"]), int(said["changed"]), sent, round(seconds, 3))

    async def slow_down(self, percent: int) -> None:
        """As in Rounds (scripts/rounds/slow.sh)."""
        spec = self._spec
        await self._source.call(f"{spec.instance.kind}/rounds/slow", spec.migration, spec.service, percent)

    async def send_rest(self) -> Rest:
        """Send the saved state, of its pages those that the target does not hold."""
        said = await self._ask("rest")
        return Rest(str(said["digest"]), int(said["bytes"]), int(said["wire"]))

    async def close(self) -> None:
        """End both programs."""
        await self._stack.aclose()
        self._talk = None

    async def _ask(self, line: str) -> dict[str, Any]:
        if self._talk is None:
            raise MigrationError(f"The rounds of {self._spec.service} have ended already.")
        return await self._talk.ask(line, limit_s=ROUND_LIMIT_S)


class Iterating:
    """What guests have whose memory is copied so."""

    def receiver(self) -> str:
        return program()

    def between(self, source: MecHost, target: MecHost, spec: MigrationSpec, interface: str) -> Rounds:
        return SentRounds(source, target, spec, interface)


ITERATING = Iterating()
