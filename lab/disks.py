"""Disks of a fixed size for MEC hosts, so that one can be filled."""

from pathlib import Path

from lab.layout import Machine
from lab.machine import Places
from lab.shell import run


def attach_disk(places: Places, machine: Machine, size_mb: int) -> Path:
    """Mount a sparse ext4 image of `size_mb` MB as a host's directory for layers and instances.

    The loop device is freed by the kernel when the mount goes. An image that exists keeps its size. Raises LabError.
    """
    folder = places.disk(machine.name)
    mec, disk = folder / "mec", folder / "disk.ext4"
    mec.mkdir(parents=True, exist_ok=True)
    if not disk.exists():
        unfinished = folder / "disk.ext4.new"
        with unfinished.open("wb") as file:
            file.truncate(size_mb * 1_000_000)
        run(["mkfs.ext4", "-q", "-F", "-m", "0", str(unfinished)])
        unfinished.rename(disk)
    run(["mount", "-o", "loop", str(disk), str(mec)])
    return mec
