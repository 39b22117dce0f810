"""How much a migration has sent so far, by what its source's interface counts."""

import contextlib

from workers.engine import MigrationError
from workers.hosts.base import MecHost


class Meter:
    """The bytes that left the source's backhaul interface, as a running count."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.last = 0

    def sent(self) -> int:
        """Bytes since the first reading."""
        return self.last - (self.first or 0)

    async def read(self, source: MecHost, interface: str) -> None:
        """Read until cancelled; a source that is gone stands still."""
        with contextlib.suppress(MigrationError):
            async for line in source.stream("hosts/meter", interface):
                self.last = int(line)
                self.first = self.last if self.first is None else self.first
