"""What passes from the sender to the receiver: pieces of files, each behind one line that says whose it is; and the answers."""

import json
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

# a file of a round or of the saved state; nothing else of the receiver's host can be named
NAME = re.compile(r"(round-[1-9][0-9]{0,3}|state)/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
PIECE = 256 * 1024
LONGEST_LINE = 4096
# what is random does not become less, and trying costs a processor as much as the link
WORTH = 0.95
TRIED_AGAIN_AFTER = 8


class Garbled(ValueError):
    """What came is not what a sender of this program says."""


class Piece(NamedTuple):
    """Bytes to be appended to a file; `asks` when the sender waits for the file's digest so far, or, without a name, for a word."""

    name: str
    data: bytes
    asks: bool


class Packer:
    """Bytes as they pass: compressed at a level of zlib's (0: not at all), as long as that makes them less."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._in_vain = 0  # pieces that will not be tried, since one was not worth it

    def pack(self, name: str, data: bytes) -> Iterator[bytes]:
        """A file's next bytes, piece by piece; no bytes make an empty file."""
        for at in range(0, len(data), PIECE) or (0,):
            plain = data[at : at + PIECE]
            packed = self._packed(plain)
            head = {"name": name, "bytes": len(packed or plain), "packed": packed is not None}
            yield json.dumps(head).encode() + b"\n" + (packed or plain)

    def _packed(self, plain: bytes) -> bytes | None:
        self._in_vain -= 1
        if not self._level or not plain or self._in_vain > 0:
            return None
        packed = zlib.compress(plain, self._level)
        if len(packed) < len(plain) * WORTH:
            return packed
        self._in_vain = TRIED_AGAIN_AFTER
        return None


def question(name: str = "") -> bytes:
    """Ask for the digest of a file, or for a word that all so far has come."""
    return json.dumps({"name": name, "asks": True}).encode() + b"\n"


def pieces(stream: BinaryIO) -> Iterator[Piece]:
    """What comes, until the connection ends. Raises Garbled."""
    while line := stream.readline(LONGEST_LINE):
        try:
            head = json.loads(line)
            name, size = str(head["name"]), int(head.get("bytes", 0))
            asks, packed = bool(head.get("asks")), bool(head.get("packed"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Garbled(f"no head of a piece: {line[:80]!r}") from error
        if not 0 <= size <= 2 * PIECE or not (NAME.fullmatch(name) or (asks and not name)):
            raise Garbled(f"a piece of {size} bytes for {name!r}")
        body = stream.read(size)
        if len(body) < size:
            raise Garbled("it ends in the midst of a piece")
        yield Piece(name, _unpacked(body) if packed else body, asks)


def _unpacked(body: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(body, PIECE + 1)
    except zlib.error as error:
        raise Garbled(f"a piece that is not whole: {error}") from error
    if len(data) > PIECE or not unpacking.eof:
        raise Garbled("a piece that is larger than pieces are")
    return data
