"""What the target is known to hold: a copy of each page that was sent to it, by its place."""

import mmap
from collections.abc import Iterator
from typing import NamedTuple

from .pagemap import PAGE

CHUNK_PAGES = 512
CHUNK = CHUNK_PAGES * PAGE
Stream = tuple[str, int]  # ("", process) or ("shmem-", inode): as CRIU names its images


class Span(NamedTuple):
    """Pages one after the other, from a number on, that are all the same as the target's, or all not."""

    first: int
    length: int
    known: bool


class Chunk:
    """So many pages, of which some are known. Memory is taken for those alone."""

    def __init__(self) -> None:
        self.data = mmap.mmap(-1, CHUNK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.known = bytearray(CHUNK_PAGES)  # a page: 1 when the target holds it as it is in `data`


class Basis:
    """Copies of pages by stream and page number (address or offset / 4096)."""

    def __init__(self) -> None:
        self._chunks: dict[Stream, dict[int, Chunk]] = {}

    def streams(self) -> list[Stream]:
        """All of which at least one page was ever sent."""
        return list(self._chunks)

    def differing(self, stream: Stream, first: int, data: bytes, *, learn: bool) -> Iterator[Span]:
        """Compare pages with what the target holds, in order. `learn`: those that differ are about to be sent, and known then."""
        for number, offset, piece in _pieces(first, data):
            chunks = self._chunks.setdefault(stream, {}) if learn else self._chunks.get(stream, {})
            chunk = chunks.get(number)
            if chunk is None:
                if learn:
                    chunk = chunks[number] = Chunk()
                else:
                    yield Span(number * CHUNK_PAGES + offset, len(piece) // PAGE, False)
                    continue
            for start, count, known in _spans(chunk, offset, piece):
                if learn and not known:
                    chunk.data[(offset + start) * PAGE : (offset + start + count) * PAGE] = piece[
                        start * PAGE : (start + count) * PAGE
                    ]
                    chunk.known[offset + start : offset + start + count] = b"\1" * count
                yield Span(number * CHUNK_PAGES + offset + start, count, known)

    def held(self, stream: Stream) -> Iterator[tuple[int, int]]:
        """The pages that the target holds of a stream: (first, count), in order."""
        for number, chunk in sorted(self._chunks.get(stream, {}).items()):
            at = chunk.known.find(1)
            while at >= 0:
                end = chunk.known.find(0, at)
                end = CHUNK_PAGES if end < 0 else end
                yield number * CHUNK_PAGES + at, end - at
                at = chunk.known.find(1, end)


def _pieces(first: int, data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Pages cut at the borders of chunks: (chunk, first page in it, data)."""
    at = 0
    while at < len(data):
        number, offset = divmod(first + at // PAGE, CHUNK_PAGES)
        end = at + (CHUNK_PAGES - offset) * PAGE
        yield number, offset, data[at:end]
        at = end


def _spans(chunk: Chunk, offset: int, piece: bytes) -> Iterator[tuple[int, int, bool]]:
    """Within one chunk: (first page of the piece, count, whether the target holds them so)."""
    pages = len(piece) // PAGE
    known = chunk.known[offset : offset + pages]
    held = chunk.data[offset * PAGE : offset * PAGE + len(piece)]
    # most chunks did not change at all, and memory is compared fastest as a whole
    if held == piece and 0 not in known:
        yield 0, pages, True
        return
    start, same = 0, None
    for page in range(pages):
        at = page * PAGE
        now = known[page] == 1 and held[at : at + PAGE] == piece[at : at + PAGE]
        if now is not same:
            if same is not None:
                yield start, page - start, same
            start, same = page, now
    if same is not None:
        yield start, pages - start, same
