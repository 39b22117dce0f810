"""rsync over one ssh connection from source to target, with a key made for this one migration."""

import asyncio
from dataclasses import dataclass, replace

from workers.hosts.base import SCRIPTS, MecHost, raise_first

# above this bandwidth compressing costs more time than it saves (rsync with zstd at level 1 on one core)
COMPRESS_BELOW_MBIT = 1_000
# packs and lays out what is mostly holes
HOLES = SCRIPTS / "transfer/holes.py"
# For images of disks and memories. Times are ignored, because rsync takes two of one size and second for the same, and a guest
# would go on from an older state; small blocks, because a guest changes pages of 4 KiB; not --inplace, because pages move.
IMAGE_OPTIONS = "--ignore-times --no-whole-file --block-size=4096"
# For files that are sent into a clone, which has most of them: a service may change a file and give it the size and the time
# that it had. Both sides read all of them for that; --ignore-times would have them read, too, and the checksums of all blocks sent.
CLONE_OPTIONS = "--checksum"


@dataclass(frozen=True)
class Part:
    """A directory on the source (below /var/lib/mec) and its place in the migration's directory at the target."""

    path: str
    place: str
    options: str = ""  # of rsync, for this part alone


@dataclass(frozen=True)
class Sent:
    """What one sending cost: counted at the source's backhaul interface, and as rsync says."""

    bytes_on_wire: int
    bytes_rsync: int


class Transfer:
    """The way of one migration from source to target. The target takes writes into that migration's directory only."""

    def __init__(self, migration: str, source: MecHost, target: MecHost) -> None:
        self._migration = migration
        self._source = source
        self._target = target
        there = target.endpoint
        self._login = f"{there.user}@{there.backhaul_address}"

    async def open(self, *, live_service: str = "", relay: str = "", rounds: str = "") -> None:
        """Make the key, let the target accept it, connect and stay connected; a live migration's service has its streams, too.

        `relay` is the program that stands between such a migration's source and the target's own daemon; `rounds` the one that
        receives an iterative migration's (workers/guests/rounds).
        """
        made = await self._source.call("transfer/open_source", self._migration)
        await self._target.call(
            "transfer/open_target",
            self._migration,
            made["public_key"],
            self._source.endpoint.backhaul_address,
            self._target.endpoint.user,
            "rounds" if rounds else "live" if live_service else "",
            live_service,
            stdin=rounds or relay,
        )
        there = self._target.endpoint
        await self._source.call(
            "transfer/connect", self._migration, self._login, there.port, there.host_key, limit_s=15
        )

    async def send(
        self, parts: list[Part], interface: str, limit_s: float, *, changing: bool = False, every_byte: bool = False
    ) -> Sent:
        """Send directories, deleting what is not at the source; `interface` is the source's on the backhaul.

        `changing`: the files may change meanwhile, and will be sent once more; `every_byte`: then files of one size and time are
        compared, too, since one that is mapped into memory keeps its time for a while.

        Raises MigrationError when the target's disk is full, the backhaul is down or the limit is reached.
        """
        if every_byte:
            parts = [replace(part, options=f"{part.options} {CLONE_OPTIONS}") for part in parts]
        sent = await self._send(parts, interface, "ahead", limit_s, changing)
        numbers = sent.pop("holes", "").split()
        if numbers:  # files that are mostly holes went ahead, packed
            places = [word for number in numbers for word in (number, parts[int(number)].place)]
            await self._target.call(
                "transfer/fill_holes", self._migration, *places, stdin=HOLES.read_text(), limit_s=limit_s
            )
            more = await self._send(parts, interface, "there", limit_s, changing)
            sent = {key: str(int(value) + int(more[key])) for key, value in sent.items()}
        return Sent(bytes_on_wire=int(sent["bytes_on_wire"]), bytes_rsync=int(sent["bytes_rsync"]))

    async def _send(
        self, parts: list[Part], interface: str, holes: str, limit_s: float, changing: bool
    ) -> dict[str, str]:
        bandwidth = min(self._source.endpoint.bandwidth_mbit, self._target.endpoint.bandwidth_mbit)
        compression = "-zz --zc=zstd --zl=1" if bandwidth < COMPRESS_BELOW_MBIT else ""
        triples = [word for part in parts for word in (f"/var/lib/mec/{part.path}", part.place, part.options)]
        return await self._source.call(
            "transfer/send",
            self._migration,
            self._login,
            self._target.endpoint.port,
            interface,
            compression,
            holes,
            "changing" if changing else "still",
            *triples,
            stdin=HOLES.read_text(),
            limit_s=limit_s,
        )

    async def close_source(self) -> None:
        """End the connection and forget the key."""
        await self._source.call("transfer/close_source", self._migration)

    async def close_target(self, *, keep: bool = False) -> None:
        """Accept the key no longer and remove what was received and not used, unless a person is to look at it."""
        came = "keep" if keep else "remove"
        await self._target.call("transfer/close_target", self._migration, self._target.endpoint.user, came, limit_s=60)

    async def close(self, *, keep: bool = False) -> None:
        """Close both ends, the other one even when the first fails. Raises the first error."""
        ends = await asyncio.gather(self.close_source(), self.close_target(keep=keep), return_exceptions=True)
        raise_first(ends)
