"""Files that are mostly holes: they cost what they hold."""

import json
import os
from pathlib import Path

import pytest

from tests.workers.two_hosts import TwoHosts
from workers.hosts.base import CommandFailed
from workers.transfer.rsync import CLONE_OPTIONS, HOLES, Part

# more than the disk of this machine has free
BYTES = 2_000_000_000_000
PLACE = "instances/echo/rootfs"


@pytest.fixture
def hosts(tmp_path: Path) -> TwoHosts:
    return TwoHosts(tmp_path)


def database(hosts: TwoHosts) -> Path:
    """A file at the source with a few bytes at both ends, in names that filter rules take for more than names."""
    folder = hosts.source.place / PLACE / "var [*]"
    folder.mkdir(parents=True)
    file = folder / "a?\\b"
    with file.open("wb") as opened:
        opened.write(b"begin")
        opened.truncate(BYTES)
        opened.seek(BYTES - 3)
        opened.write(b"end")
    os.link(file, folder / "other name")
    os.utime(file, ns=(1, 1_700_000_000_000_000_001))
    return file


@pytest.mark.parametrize("options", ["", CLONE_OPTIONS])
async def test_a_file_larger_than_any_disk_travels_in_seconds_when_it_holds_little(
    hosts: TwoHosts, options: str
) -> None:
    file = database(hosts)
    await hosts.transfer.open()
    sent = await hosts.transfer.send([Part(PLACE, "instance/rootfs", options)], "lo", 20)
    assert 0 < sent.bytes_rsync < 20_000
    came = hosts.received / "instance/rootfs" / file.relative_to(hosts.source.place / PLACE)
    here, there = file.stat(), came.stat()
    assert (there.st_size, there.st_mtime_ns) == (here.st_size, here.st_mtime_ns)
    assert there.st_blocks <= here.st_blocks + 16
    assert there.st_ino == (came.parent / "other name").stat().st_ino
    with came.open("rb") as opened:
        assert opened.read(6) == b"begin\0"
        opened.seek(BYTES - 4)
        assert opened.read() == b"\0end"
    assert not (hosts.received / "holes").exists()


async def test_room_is_judged_by_what_lies_on_the_disk(hosts: TwoHosts) -> None:
    root = database(hosts).parent.parent
    (root / "dense").write_bytes(b"x" * 100_000)
    assert 100_000 < int(await hosts.source.tell(f'tree_bytes "{root}"')) < 200_000


@pytest.mark.parametrize("name", [b"../away", b"a/../../away", b"..", b"away/file"])
async def test_an_archive_writes_nothing_beside_its_place(hosts: TwoHosts, tmp_path: Path, name: bytes) -> None:
    packed = hosts.target.place / "incoming/7/files/holes/0"
    packed.mkdir(parents=True)
    head = {"size": 3, "mtime_ns": 1, "names": [name.hex()], "extents": [[0, 3]]}
    (packed / "files").write_bytes(json.dumps(head).encode() + b"\nabc")
    rootfs = hosts.target.place / "incoming/7/files/rootfs"
    rootfs.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (rootfs / "away").symlink_to(elsewhere)
    if b".." in name:
        with pytest.raises(CommandFailed, match="leads elsewhere"):
            await hosts.target.call("transfer/fill_holes", 7, "0", "rootfs", stdin=HOLES.read_text())
    else:  # rsync sends it as any other
        await hosts.target.call("transfer/fill_holes", 7, "0", "rootfs", stdin=HOLES.read_text())
    assert list(elsewhere.iterdir()) == []
    assert not (rootfs.parent / "away").exists()
