"""What the source of a live migration may say to this host's libvirt: what the migration of this one guest needs.

Stands between the source (standard input and output) and libvirt's socket. Whoever may write to that socket can do here what root
can, so each message is read, and ends the connection unless it is on the lists below; the guest's definition in it is replaced by
the one that the portal gave. What libvirt answers passes as it is.

Arguments: service, file of its definition, URIs of the memory's and the disk's socket, libvirt's sockets (the first that is there).

A message is 4 bytes of length, 6 numbers (program, version, procedure, type, serial, status), and then XDR.
Sources: libvirt's src/rpc/virnetprotocol.x and src/remote/remote_protocol.x, the same in 9.0 and 11.3; what is asked of a
destination is in src/qemu/qemu_migration.c, qemuMigrationSrcPerformPeer2Peer3.
"""

import os
import socket
import struct
import sys
import threading
import xml.parsers.expat
from pathlib import Path

LONGEST = 1 << 20  # bytes of a message; the longest has the definition, some 10,000
REMOTE, KEEPALIVE = (0x20008086, 1), (0x6B656570, 1)
CALL, MESSAGE, OK = 0, 2, 0
CONNECT_OPEN, CONNECT_CLOSE, SUPPORTS_FEATURE, AUTH_LIST = 1, 2, 60, 66
REGISTER_CLOSE, UNREGISTER_CLOSE = 360, 361
PREPARE3_PARAMS, FINISH3_PARAMS = 303, 306
EMPTY = {CONNECT_CLOSE, AUTH_LIST, REGISTER_CLOSE, UNREGISTER_CLOSE}
DRIVER = "qemu:///system"
# typed parameters: the codes of their types, and the sizes of those that are numbers
INT, ULLONG, STRING = 1, 4, 7
SIZES = {INT: 4, 2: 4, 3: 8, ULLONG: 8, 5: 8, 6: 4}
NUMBERS = {"bandwidth": ULLONG, "compression.zstd.level": INT, "parallel.connections": INT}
DEFINITION = "destination_xml"
# VIR_MIGRATE_ LIVE, PEER2PEER, PAUSED, NON_SHARED_INC, AUTO_CONVERGE (some libvirts tell the destination, too), PARALLEL
PAUSED = 1 << 5
FLAGS = 1 << 0 | 1 << 1 | PAUSED | 1 << 7 | 1 << 13 | 1 << 17
# what libvirts tell each other beside: not a definition to keep, nor ports of switches, nor leases of lock managers
COOKIE = {"name", "uuid", "hostname", "hostuuid", "feature", "nbd", "statistics", "cpu", "capabilities"}


class RefusedError(Exception):
    """The source said what a migration of this guest does not need."""


class Xdr:
    """Values one after the other; what is cut off is refused."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise RefusedError("a message that is cut off")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def opaque(self) -> bytes:
        value = self.take(self.number())
        self.take(-len(value) % 4)
        return value

    def text(self) -> str:
        try:
            return self.opaque().decode()
        except UnicodeDecodeError as error:
            raise RefusedError("a text that is none") from error

    def end(self) -> None:
        if self.at != len(self.data):
            raise RefusedError("a message with more in it than belongs to it")


def opaque(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value + bytes(-len(value) % 4)


class Filter:
    """Which messages of the source pass, and as what."""

    def __init__(self, service: str, definition: str, memory: str, disk: str) -> None:
        self.definition, self.service = definition, service
        self.texts = {
            "destination_name": service,
            "migrate_uri": memory,
            "disks_uri": disk,
            "migrate_disks": "vda",
            "compression": "zstd",
        }

    def passed(self, message: bytes) -> bytes:
        """The message as libvirt may have it, without its length. Raises RefusedError."""
        head = Xdr(message)
        program, version, procedure, kind, _serial, status = (head.number() for _ in range(6))
        header, body = message[:24], Xdr(message[24:])
        if (program, version) == KEEPALIVE and procedure in (1, 2) and (kind, status) == (MESSAGE, OK):
            body.end()
            return header
        if (program, version) != REMOTE or (kind, status) != (CALL, OK):
            raise RefusedError(f"a message of program {program:#x}, type {kind}")
        return header + self._arguments(procedure, body)

    def _arguments(self, procedure: int, body: Xdr) -> bytes:
        if procedure in EMPTY:
            made = b""
        elif procedure == SUPPORTS_FEATURE:
            made = body.take(4)
        elif procedure == CONNECT_OPEN:
            if body.number() != 1 or (name := body.text()) != DRIVER or body.number() != 0:
                raise RefusedError("another driver of libvirt's, or not as it is opened for a migration")
            made = struct.pack(">I", 1) + opaque(name.encode()) + struct.pack(">I", 0)
        elif procedure in (PREPARE3_PARAMS, FINISH3_PARAMS):
            made = self._parameters(body) + self._cookie(body) + self._flags(body)
            if procedure == FINISH3_PARAMS:
                made += body.take(4)  # whether the source gave up
        else:
            raise RefusedError(f"procedure {procedure} of libvirt's, which no migration needs")
        body.end()
        return made

    def _parameters(self, body: Xdr) -> bytes:
        count, names, made = body.number(), set(), b""
        for _ in range(count):
            name = body.text()
            names.add(name)
            made += opaque(name.encode()) + self._value(name, body)
        if DEFINITION not in names:
            raise RefusedError("a migration without a definition")
        return struct.pack(">I", count) + made

    def _value(self, name: str, body: Xdr) -> bytes:
        kind = body.number()
        code = struct.pack(">I", kind)
        if name in NUMBERS and kind == NUMBERS[name]:
            return code + body.take(SIZES[kind])
        if kind != STRING or name not in {*self.texts, DEFINITION}:
            raise RefusedError(f"the parameter {name[:80]!r}")
        value = body.text()
        if name == DEFINITION:
            value = self.definition
        elif value != self.texts[name]:
            raise RefusedError(f"{name} {value[:200]!r}, which is not this migration's")
        return code + opaque(value.encode())

    def _flags(self, body: Xdr) -> bytes:
        flags = body.number()
        if flags & ~FLAGS or not flags & PAUSED:
            raise RefusedError(f"the flags {flags:#x}")
        return struct.pack(">I", flags)

    def _cookie(self, body: Xdr) -> bytes:
        cookie = body.opaque()
        if cookie:
            self._look_into(cookie.rstrip(b"\0"))
        return opaque(cookie)

    def _look_into(self, cookie: bytes) -> None:
        path, name = [], []

        def begin(tag: str, _attributes: object) -> None:
            path.append(tag)
            if len(path) == 2 and tag not in COOKIE:
                raise RefusedError(f"{tag[:80]!r} beside the guest")

        def text(said: str) -> None:
            if path[1:] == ["name"]:
                name.append(said)

        def refuse(*_: object) -> None:
            raise RefusedError("a document type")

        parser = xml.parsers.expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = begin, lambda _tag: path.pop()
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, refuse
        try:
            parser.Parse(cookie, True)
        except xml.parsers.expat.ExpatError as error:
            raise RefusedError("what is no XML beside the guest") from error
        if "".join(name) != self.service:
            raise RefusedError(f"what is said of {''.join(name)[:80]!r}, another guest")


def relay_from_source(source: object, libvirt: socket.socket, rules: Filter) -> None:
    """Until the source says nothing more. Raises RefusedError."""
    while length := source.read(4):
        size = int.from_bytes(length, "big") - 4
        if len(length) < 4 or not 24 <= size <= LONGEST:
            raise RefusedError(f"a message of {size} bytes")
        message = source.read(size)
        if len(message) < size:
            raise RefusedError("a message that is cut off")
        made = rules.passed(message)
        libvirt.sendall(struct.pack(">I", len(made) + 4) + made)


def relay_to_source(libvirt: socket.socket) -> None:
    """Until libvirt has closed; then nothing is left to be said."""
    try:
        while data := libvirt.recv(65536):
            while data:
                data = data[os.write(1, data) :]
    except OSError:
        pass  # the source is gone
    os._exit(0)


def main() -> None:
    service, definition, memory, disk, *places = sys.argv[1:]
    rules = Filter(service, Path(definition).read_text(encoding="utf-8"), memory, disk)
    libvirt = socket.socket(socket.AF_UNIX)
    libvirt.connect(next(place for place in places if Path(place).exists()))
    answers = threading.Thread(target=relay_to_source, args=(libvirt,), daemon=True)
    answers.start()
    try:
        relay_from_source(sys.stdin.buffer, libvirt, rules)
    except RefusedError as error:
        sys.stderr.write(f"the source asked for {error}\n")
        sys.stderr.flush()
        os._exit(1)
    libvirt.shutdown(socket.SHUT_WR)
    answers.join(30)


if __name__ == "__main__":
    main()
