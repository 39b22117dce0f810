"""A guest's memory image is restored with the definition that the portal looked into, in place of the one that came with it."""

import struct
from pathlib import Path

import pytest

from tests.workers.test_images_from_elsewhere import image as qcow2
from tests.workers.this_machine import ThisMachine
from workers.hosts.base import CommandFailed

THEIRS = "<domain><name>echo</name><devices><emulator>/evil</emulator></devices></domain>"
OURS = "<domain>\n<name>echo</name></domain>"
COOKIE, MEMORY = "<cookie><cpu/></cookie>", b"\x01QEVM" + bytes(range(256)) * 40


def image(compressed: int = 0, cookie: str = COOKIE, room: int = 65536) -> bytes:
    """As libvirt writes it: header, definition, cookie, room for a longer definition, and then QEMU's own stream."""
    data = THEIRS.encode() + b"\0" + (cookie.encode() + b"\0" if cookie else b"")
    length = len(data) + room
    header = struct.pack("<16s5I56x", b"LibvirtQemudSave", 2, length, 1, compressed, len(THEIRS) + 1 if cookie else 0)
    return header + data.ljust(length, b"\0") + MEMORY


async def restored(tmp_path: Path, received: bytes) -> tuple[ThisMachine, bytes]:
    here = ThisMachine(tmp_path)
    here.tool("xxh128sum", 'case "$1" in --quiet) exit 0 ;; esac; echo digest')
    here.tool("virsh", f'echo "$@" >>{here.run}/calls')
    here.tool("id", "exit 1")
    saved = here.place / "incoming/7/files/instance/saved/state"
    saved.mkdir(parents=True)
    (saved.parent.parent / "image").mkdir()
    (saved / "manifest").touch()
    (saved / "memory").write_bytes(received)
    (saved.parent.parent / "image/disk.qcow2").write_bytes(qcow2())
    await here.call("kvm/restore", 7, "echo", "digest", stdin=OURS)
    return here, (here.place / "instances/echo/saved/state/memory").read_bytes()


@pytest.mark.parametrize("cookie", [COOKIE, ""])
async def test_nothing_of_the_sources_definition_is_left_in_it(tmp_path: Path, cookie: str) -> None:
    received = image(cookie=cookie)
    here, made = await restored(tmp_path, received)
    assert "restore" in (here.run / "calls").read_text()
    assert b"evil" not in made
    assert len(made) == len(received)
    assert made.endswith(MEMORY)
    length, cookie_at = struct.unpack_from("<I", made, 20)[0], struct.unpack_from("<I", made, 32)[0]
    assert length == struct.unpack_from("<I", received, 20)[0]
    assert made[92:].split(b"\0")[0].decode() == OURS
    if cookie:
        assert made[92 + cookie_at :].split(b"\0")[0].decode() == cookie
    else:
        assert cookie_at == 0


@pytest.mark.parametrize(
    ("received", "why"),
    [
        (image(compressed=2), "none that libvirt writes uncompressed"),
        (b"x" * 4096, "none that libvirt writes uncompressed"),
        (image().replace(b"LibvirtQemudSave", b"LibvirtQemudPart"), "none that libvirt writes uncompressed"),
    ],
    ids=["compressed", "no image", "unfinished"],
)
async def test_what_is_no_memory_image_is_not_restored(tmp_path: Path, received: bytes, why: str) -> None:
    with pytest.raises(CommandFailed, match=why):
        await restored(tmp_path, received)


async def test_a_link_among_what_arrived_is_not_followed(tmp_path: Path) -> None:
    here = ThisMachine(tmp_path)
    received = here.place / "incoming/7/files/instance"
    received.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (received / "image").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CommandFailed, match="holds links or devices"):
        await here.call("kvm/receive_live", 7, "echo", stdin=OURS)
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o700
