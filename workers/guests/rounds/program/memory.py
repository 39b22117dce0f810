"""The memory of running processes, read from outside without stopping them: what CRIU would save of it, as far as one can see.

Source: Linux, Documentation/admin-guide/mm/pagemap.rst, proc_pid_maps(5), proc_pid_mem(5).
"""

import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

from .basis import Stream
from .pagemap import PAGE

READ_PAGES = 512
MAP = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) [0-9a-f]+ \S+ (\d+) *(.*)")
PRESENT_OR_SWAPPED, OF_A_FILE = 3 << 62, 1 << 61
# memory that several processes share, and that no file holds
SHARED = ("/dev/zero (deleted)", "/SYSV", "/memfd:")
# the kernel's own
NOT_THEIRS = ("[vvar", "[vdso", "[vsyscall", "[uprobes")


def processes(group: Path) -> Iterator[tuple[int, int]]:
    """The processes of a control group and of those below it: (as the host numbers them, as they are numbered inside)."""
    for folder, _folders, files in os.walk(group):
        if "cgroup.procs" in files:
            for word in (Path(folder) / "cgroup.procs").read_text().split():
                if inside := _number_inside(int(word)):
                    yield int(word), inside


def _number_inside(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None  # it has ended
    numbers = re.search(r"^NSpid:\t(.*)$", status, re.MULTILINE)
    return int(numbers[1].split()[-1]) if numbers else pid


def pages(group: Path) -> Iterator[tuple[Stream, int, bytes]]:
    """All pages that processes wrote, in runs: (stream, number of the first page, data). What goes away meanwhile is left out."""
    seen: set[int] = set()
    for pid, inside in processes(group):
        try:
            yield from _of_process(pid, inside, seen)
        except OSError:
            continue  # it has ended


def _of_process(pid: int, inside: int, seen: set[int]) -> Iterator[tuple[Stream, int, bytes]]:
    process = Path(f"/proc/{pid}")
    maps = (process / "maps").read_text()
    with (process / "mem").open("rb", buffering=0) as memory, (process / "pagemap").open("rb", buffering=0) as table:
        for line in maps.splitlines():
            found = MAP.match(line)
            if not found or found[5].startswith(NOT_THEIRS):
                continue
            start, end, inode = int(found[1], 16), int(found[2], 16), int(found[4])
            if found[3][3] == "s":
                if found[5].startswith(SHARED) and inode not in seen:
                    seen.add(inode)
                    yield from _of_shared(process / "map_files" / f"{found[1]}-{found[2]}", inode)
            elif start < 1 << 63:
                yield from _of_mapping(memory.fileno(), table.fileno(), ("", inside), start, end)


def _of_mapping(memory: int, table: int, stream: Stream, start: int, end: int) -> Iterator[tuple[Stream, int, bytes]]:
    for first in range(start // PAGE, end // PAGE, READ_PAGES):
        count = min(READ_PAGES, end // PAGE - first)
        entries = array("Q", os.pread(table, count * 8, first * 8))
        for offset, length in _written(entries):
            try:
                data = os.pread(memory, length * PAGE, (first + offset) * PAGE)
            except OSError:
                continue  # unmapped meanwhile
            if whole := len(data) // PAGE * PAGE:
                yield stream, first + offset, data[:whole]


def _written(entries: "array[int]") -> Iterator[tuple[int, int]]:
    """Runs of pages that are the process's own: there (or swapped out), and no file's."""
    start = None
    for offset, entry in enumerate(entries):
        if entry & PRESENT_OR_SWAPPED and not entry & OF_A_FILE:
            start = offset if start is None else start
        elif start is not None:
            yield start, offset - start
            start = None
    if start is not None:
        yield start, len(entries) - start


def _of_shared(file: Path, inode: int) -> Iterator[tuple[Stream, int, bytes]]:
    """Shared memory by its offsets, holes left out."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size, at = os.fstat(descriptor).st_size, 0
        while at < size:
            try:
                at = os.lseek(descriptor, at, os.SEEK_DATA) // PAGE * PAGE
            except OSError:
                return  # nothing but a hole is left
            end = os.lseek(descriptor, at, os.SEEK_HOLE)
            while at < end:
                data = os.pread(descriptor, min(READ_PAGES * PAGE, end - at), at)
                if not data:
                    return  # it was cut
                data += bytes(-len(data) % PAGE)
                yield ("shmem-", inode), at // PAGE, data
                at += len(data)
    finally:
        os.close(descriptor)
