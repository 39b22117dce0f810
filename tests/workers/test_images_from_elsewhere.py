"""A disk image that comes from another host stands on layers of this one, and reads no other file here."""

import struct
from pathlib import Path

import pytest

from tests.workers.this_machine import ThisMachine
from workers.hosts.base import CommandFailed

DOMAIN = "<domain/>"


def image(backing: str = "", features: int = 0, version: int = 3) -> bytes:
    """The header of a qcow2 image, and behind it the name of the image that it stands on."""
    at = 112 if backing else 0
    head = struct.pack(">4sIQI", b"QFI\xfb", version, at, len(backing)).ljust(72, b"\0") + struct.pack(">Q", features)
    return head.ljust(112, b"\0") + backing.encode() + bytes(4096)


async def received(tmp_path: Path, disk: bytes, lower: bytes | None = None) -> None:
    here = ThisMachine(tmp_path)
    here.tool("id", "exit 1")
    instance = here.place / "incoming/7/files/instance"
    for folder, content in (("image", disk), ("lower", lower)):
        if content is not None:
            (instance / folder).mkdir(parents=True)
            (instance / folder / "disk.qcow2").write_bytes(content)
    await here.call("kvm/receive_live", 7, "guest", stdin=DOMAIN)


def standing_on(tmp_path: Path, path: str) -> bytes:
    return image(f"{tmp_path}/mec/{path}")


@pytest.mark.parametrize("version", [2, 3])
async def test_an_image_may_stand_on_a_layer_on_what_came_with_it_or_on_nothing(tmp_path: Path, version: int) -> None:
    await received(tmp_path / "a", image(version=version))
    await received(tmp_path / "b", standing_on(tmp_path / "b", "layers/kvm/app/overlay/x-1/image/disk.qcow2"))
    lower = standing_on(tmp_path / "c", "instances/guest/lower/disk.qcow2")
    await received(tmp_path / "c", lower, standing_on(tmp_path / "c", "layers/kvm/base/debian-13/image/disk.qcow2"))


@pytest.mark.parametrize(
    "path",
    [
        "instances/other/image/disk.qcow2",
        "layers/kvm/../../instances/other/image/disk.qcow2",
        "../../etc/shadow",
        "layers/kvm/base/debian-13/image/vmlinuz",
    ],
)
async def test_another_guests_disk_or_a_file_of_the_host_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(CommandFailed, match="which is no layer"):
        await received(tmp_path, standing_on(tmp_path, path))


@pytest.mark.parametrize("name", ["json:{}", "nbd://192.0.2.1", "/dev/vda"])
async def test_what_is_no_file_of_the_portals_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandFailed, match="which is no layer"):
        await received(tmp_path, image(name))


async def test_the_application_that_came_inside_is_looked_at_too(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="which is no layer"):
        await received(tmp_path, image(), image("/etc/passwd"))


@pytest.mark.parametrize("disk", [image(features=4), b"raw" * 100, b""], ids=["data elsewhere", "raw", "empty"])
async def test_an_image_whose_data_lies_elsewhere_or_that_is_none_is_refused(tmp_path: Path, disk: bytes) -> None:
    with pytest.raises(CommandFailed, match="no qcow2 image that holds its own data"):
        await received(tmp_path, disk)
