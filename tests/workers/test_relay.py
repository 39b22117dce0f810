"""The relay before the target's libvirt, fed with libvirt's own bytes: what a migration needs passes, all else ends it."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from workers.guests.kvm.live import RELAY

REMOTE, KEEPALIVE = 0x20008086, 0x6B656570
MEMORY, DISK = "unix:///run/memory", "unix:///run/disk"
OURS = "<domain>ours</domain>"
COOKIE = b"<qemu-migration><name>guest</name><uuid>1</uuid><nbd port='0'/></qemu-migration>\0"
FLAGS = 0x220A3  # live, peer to peer, paused, not shared, throttled, parallel


def opaque(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value + bytes(-len(value) % 4)


def message(procedure: int, body: bytes = b"", program: int = REMOTE, kind: int = 0) -> bytes:
    return struct.pack(">7I", 28 + len(body), program, 1, procedure, kind, 5, 0) + body


def parameters(**changed: str | int | None) -> bytes:
    """A list of typed parameters; None takes one out."""
    said: dict[str, str | int | None] = {
        "destination_xml": "<domain>theirs</domain>",
        "migrate_uri": MEMORY,
        "bandwidth": 10,
        "migrate_disks": "vda",
        "disks_uri": DISK,
        "compression": "zstd",
        "parallel.connections": 1,
    }
    left = {name: value for name, value in (said | changed).items() if value is not None}
    made = struct.pack(">I", len(left))
    for name, value in left.items():
        made += opaque(name.encode())
        if isinstance(value, str):
            made += struct.pack(">I", 7) + opaque(value.encode())
        elif name == "bandwidth":
            made += struct.pack(">IQ", 4, value)
        else:
            made += struct.pack(">Ii", 1, value)
    return made


def prepare(flags: int = FLAGS, cookie: bytes = COOKIE, **changed: str | int | None) -> bytes:
    return message(303, parameters(**changed) + opaque(cookie) + struct.pack(">I", flags))


def finish(name: str = "guest") -> bytes:
    return message(306, parameters(destination_name=name) + opaque(b"") + struct.pack(">II", FLAGS, 0))


def opened(name: str = "qemu:///system") -> bytes:
    return message(1, struct.pack(">I", 1) + opaque(name.encode()) + struct.pack(">I", 0))


class Libvirt:
    """A socket that answers each connection with one word and keeps what it was told; and the relay before it."""

    def __init__(self, place: Path) -> None:
        self.told, self._place, self._server = b"", place, socket.socket(socket.AF_UNIX)
        (place / "domain.xml").write_text(OURS)
        self._server.bind(str(place / "libvirt"))
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._server:
            connection, _ = self._server.accept()
        with connection, suppress(OSError):  # the relay may be gone before it has read this
            connection.sendall(b"welcome")
            while data := connection.recv(65536):
                self.told += data

    def relay(self, *said: bytes) -> "subprocess.CompletedProcess[bytes]":
        """Say this, piece by piece, and then nothing more."""
        words = ["guest", "domain.xml", MEMORY, DISK, "nowhere", "libvirt"]
        process = subprocess.Popen(
            [sys.executable, "-I", str(RELAY), *words],
            cwd=self._place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        assert process.stdin
        try:
            for piece in said:
                process.stdin.write(piece)
        except BrokenPipeError:
            pass
        answered, reason = process.communicate(timeout=20)
        self._thread.join(20)
        return subprocess.CompletedProcess(words, process.returncode, answered, reason)


@pytest.fixture
def libvirt(tmp_path: Path) -> Iterator[Libvirt]:
    yield Libvirt(tmp_path)


def test_what_a_migration_needs_passes_with_the_portals_definition_in_place_of_the_sources(libvirt: Libvirt) -> None:
    asked = [
        message(66),
        opened(),
        message(60, struct.pack(">i", 5)),
        message(360),
        message(1, program=KEEPALIVE, kind=2),
    ]
    said = [*asked, prepare(), finish(), message(361), message(2)]
    done = libvirt.relay(*said)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"welcome", b"")
    assert b"theirs" not in libvirt.told
    ours = [message(303, parameters(destination_xml=OURS) + opaque(COOKIE) + struct.pack(">I", FLAGS))]
    ended = parameters(destination_xml=OURS, destination_name="guest") + opaque(b"") + struct.pack(">II", FLAGS, 0)
    assert libvirt.told == b"".join([*asked, *ours, message(306, ended), message(361), message(2)])


def test_a_message_may_come_in_pieces_and_several_in_one(libvirt: Libvirt) -> None:
    said = opened() + prepare() + message(2)
    assert libvirt.relay(*(said[at : at + 7] for at in range(0, len(said), 7))).returncode == 0
    assert OURS.encode() in libvirt.told


REFUSED = {
    "attaching a device": (message(8, opaque(b"<disk/>")), "procedure 8 "),
    "starting another guest": (message(10, opaque(b"<domain/>") + bytes(4)), "procedure 10 "),
    "preparing without parameters": (message(214), "procedure 214 "),
    "QEMU's monitor": (message(1, program=0x20008087), "program 0x20008087"),
    "the daemon itself": (message(1, program=0x06900690), "program 0x6900690"),
    "a message with files": (message(66, kind=4), "type 4"),
    "another driver": (opened("qemu+ssh://elsewhere/system"), "another driver"),
    "another guest's name": (finish("other"), "destination_name 'other'"),
    "another socket": (prepare(migrate_uri="unix:///run/docker.sock"), "migrate_uri 'unix:///run/docker.sock'"),
    "a port": (prepare(disks_uri="tcp://0.0.0.0:9999"), "disks_uri"),
    "another disk": (prepare(migrate_disks="sda"), "migrate_disks 'sda'"),
    "an unknown parameter": (prepare(listen_address="0.0.0.0"), "the parameter 'listen_address'"),
    "a definition to keep": (prepare(persistent_xml="<domain/>"), "the parameter 'persistent_xml'"),
    "a parameter of another type": (prepare(migrate_uri=5), "the parameter 'migrate_uri'"),
    "no definition": (prepare(destination_xml=None), "a migration without a definition"),
    "a guest that is defined for good": (prepare(flags=FLAGS | 8), "the flags"),
    "a guest that runs at once": (prepare(flags=FLAGS & ~32), "the flags"),
    "what is to be defined beside it": (
        prepare(cookie=b"<qemu-migration><name>guest</name><domain type='kvm'/></qemu-migration>"),
        "'domain' beside the guest",
    ),
    "another guest beside it": (prepare(cookie=b"<qemu-migration><name>x</name></qemu-migration>"), "another guest"),
    "a document type": (prepare(cookie=b"<!DOCTYPE a []><qemu-migration/>"), "a document type"),
    "no XML": (prepare(cookie=b"<a"), "no XML"),
    "more than belongs to it": (message(66, bytes(4)), "more in it"),
    "an endless message": (struct.pack(">I", 1 << 30) + bytes(64), "a message of 1073741820 bytes"),
    "no message": (struct.pack(">I", 8) + bytes(64), "a message of 4 bytes"),
    "a message that is cut off": (prepare()[:200], "cut off"),
    "a text that is longer than its message": (message(1, struct.pack(">II", 1, 1 << 20)), "cut off"),
    "a text that is none": (message(1, struct.pack(">I", 1) + opaque(b"\xff\xff")), "a text that is none"),
}


@pytest.mark.parametrize(("said", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_everything_else_ends_the_connection_with_its_reason_and_libvirt_hears_nothing_of_it(
    libvirt: Libvirt, said: bytes, why: str
) -> None:
    done = libvirt.relay(said, message(2))
    assert done.returncode == 1
    assert done.stderr.decode().startswith("the source asked for ")
    assert why in done.stderr.decode()
    assert libvirt.told == b""
