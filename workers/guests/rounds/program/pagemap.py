"""CRIU's page maps: which pages an image holds, and which its parent image does.

An image is a magic of 8 bytes, then each message with its length before it (CRIU's images/pagemap.proto, criu/image.c): first the
head with the number of the file that holds the pages, then runs of pages in the order of their addresses.
Source: https://criu.org/Images.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

PAGE = 4096
IN_PARENT, LAZY, PRESENT = 1, 2, 4
MAGIC = struct.pack("<II", 0x54564319, 0x56084025)  # of all images, of page maps
LENGTH = struct.Struct("<I")


class Run(NamedTuple):
    """Pages one after the other: the address of the first, how many (`length`), and where they are (flags)."""

    address: int
    length: int
    flags: int

    @property
    def in_file(self) -> bool:
        """Whether the pages are in this image's own file, one behind those of the run before it."""
        return bool(self.flags & PRESENT) and not self.flags & IN_PARENT


class NotAPageMap(ValueError):
    """The bytes are no page map that this module understands: to be sent as they are."""


def decode(image: bytes) -> tuple[int, list[Run]]:
    """The number of the file of pages, and the runs. Raises NotAPageMap."""
    try:
        head, *entries = _messages(image)
        runs = [_run(dict(_fields(entry))) for entry in entries]
        return dict(_fields(head))[1], runs
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise NotAPageMap(str(error)) from error


def encode(pages: int, runs: Iterable[Run]) -> bytes:
    """The image of a page map, as CRIU of any version reads it."""
    messages = [_field(1, pages), *map(_entry, runs)]
    return MAGIC + b"".join(LENGTH.pack(len(message)) + message for message in messages)


def _entry(run: Run) -> bytes:
    parent = _field(3, 1) if run.flags & IN_PARENT else b""
    return _field(1, run.address) + _field(2, run.length) + parent + _field(4, run.flags) + _field(5, run.length)


def _run(fields: dict[int, int]) -> Run:
    # what an earlier CRIU leaves out (init_compat_pagemap_entry in its pagemap.c)
    flags = fields.get(4, 0 if fields.get(3) else PRESENT) | (IN_PARENT if fields.get(3) else 0)
    return Run(fields[1], fields.get(5, fields[2]), flags)


def _messages(image: bytes) -> Iterator[bytes]:
    if image[: len(MAGIC)] != MAGIC:
        raise NotAPageMap("another magic")
    at = len(MAGIC)
    while at < len(image):
        (length,) = LENGTH.unpack_from(image, at)
        at += LENGTH.size
        if at + length > len(image):
            raise NotAPageMap("cut off")
        yield image[at : at + length]
        at += length


def _field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _fields(message: bytes) -> Iterator[tuple[int, int]]:
    """The numbers and values of a message that has numbers alone, as page maps have."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        if key & 7:
            raise NotAPageMap(f"a field of type {key & 7}")
        value, at = _number(message, at)
        yield key >> 3, value


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise NotAPageMap("a number of more than 64 bits")
