"""Trees of files at random, as services leave them: everything that a file system keeps of a file, in names of any bytes.

Paths are bytes here, since names are.
"""
# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH115, PTH118, PTH123, PTH211

import hashlib
import os
import shutil
import stat
import struct
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

ACL, DEFAULT_ACL = "system.posix_acl_access", "system.posix_acl_default"
OPAQUE = "trusted.overlay.opaque"
# a program that may open low ports, as the kernel writes it down for this machine and for a container's users
CAPABILITIES = (
    struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0),
    struct.pack("<6I", 0x03000001, 1 << 10, 0, 0, 0, 100_000),
)
# user, user 100033, group, group 100050, mask, others
NAMED = ((1, 6, None), (2, 6, 100_033), (4, 0, None), (8, 4, 100_050), (16, 6, None), (32, 0, None))
MASKED = ((1, 6, None), (4, 4, None), (16, 2, None), (32, 0, None))
HOLE_BYTES = 12_000_000


def acl(entries: tuple[tuple[int, int, int | None], ...]) -> bytes:
    """An access control list as the kernel keeps it (linux/posix_acl_xattr.h): tag, permissions, and whose."""
    whose = 0xFFFFFFFF
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, allowed, whose if identity is None else identity) for tag, allowed, identity in entries
    )


ATTRIBUTES: tuple[dict[str, bytes], ...] = (
    {},
    {ACL: acl(NAMED)},
    {ACL: acl(MASKED)},
    {"user.note": b"short", "user.empty": b""},
    {"user.long": b"a value that is longer than rsync sends at once" * 9},
    {"user.rsync.%stat": b"100644 0,0 33:33"},  # as rsync --fake-super keeps owners in a service's backups
    {"security.capability": CAPABILITIES[0]},
    {"security.capability": CAPABILITIES[1], ACL: acl(NAMED)},
    {"trusted.note": b"of root"},
)
OF_DIRECTORIES: tuple[dict[str, bytes], ...] = (
    {},
    {OPAQUE: b"y"},
    {DEFAULT_ACL: acl(NAMED)},
    {ACL: acl(NAMED), DEFAULT_ACL: acl(MASKED)},
)


@dataclass(frozen=True)
class Step:
    """One thing that is done to a tree; `which` and `other` choose among the entries that are there."""

    does: str
    which: int
    other: int
    name: bytes
    content: bytes
    mode: int
    owner: int
    group: int
    attributes: dict[str, bytes]
    of_directory: dict[str, bytes]
    mtime_ns: int


MAKES = ("file", "directory", "link", "symlink", "fifo", "whiteout", "device", "socket", "holes")
CHANGES = (
    *("write", "write at the same moment", "touch within the second", "put a copy in its place"),
    *("rights", "remove", "attributes", "rename"),
)
names = st.one_of(
    st.sampled_from(
        [b"a", b"b", b"-rf", b" ", b"*", b"?", b"[a]", b"new\nline", b"\xff\xfe", b"\\", b"\\#012", b".wh.x", b"#x"]
    ),
    st.binary(min_size=1, max_size=12).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"0")),
).filter(lambda name: name not in (b".", b".."))
# of any second, and with nanoseconds that rsync could take for the same
moments = st.builds(
    lambda second, part: second * 10**9 + part, st.integers(1, 2**31), st.sampled_from([0, 1, 999_999_999, 123_456_789])
)


def steps(does: tuple[str, ...], most: int) -> st.SearchStrategy[list[Step]]:
    """So many things at most that are done to a tree."""
    step = st.builds(
        Step,
        does=st.sampled_from(does),
        which=st.integers(0, 63),
        other=st.integers(0, 63),
        name=names,
        content=st.one_of(st.binary(max_size=40), st.sampled_from([b"x" * 70_000, b"\0" * 9_000])),
        mode=st.sampled_from([0o644, 0o600, 0o4755, 0o2750, 0o1777, 0o000, 0o666]),
        owner=st.sampled_from([0, 1, 100_000, 100_033, 165_535]),
        group=st.sampled_from([0, 100_000, 100_050]),
        attributes=st.sampled_from(ATTRIBUTES),
        of_directory=st.sampled_from(OF_DIRECTORIES),
        mtime_ns=moments,
    )
    return st.lists(step, min_size=1, max_size=most)


def grow(root: bytes, done: list[Step]) -> None:
    """Do these steps to a tree; one that is not possible there is left out."""
    for step in done:
        # a name that is taken, or a path that a link or a file of that name ends
        with suppress(FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
            _do(root, step)
    for folder in entries(root)[0]:
        os.utime(folder, ns=(0, done[0].mtime_ns))


def _do(root: bytes, step: Step) -> None:
    folders, rest = entries(root)
    files = [path for path in rest if stat.S_ISREG(os.lstat(path).st_mode)]
    new = os.path.join(folders[step.which % len(folders)], step.name)
    if step.does in MAKES:
        _make(step, new, files)
    elif step.does == "remove" and rest:
        os.unlink(rest[step.which % len(rest)])
    elif step.does == "rename" and rest:
        os.rename(rest[step.other % len(rest)], new)
    elif step.does in ("rights", "attributes"):
        every = folders + rest
        give(every[step.which % len(every)], step)
    elif files:
        _change(step, files[step.which % len(files)])


def _make(step: Step, new: bytes, files: list[bytes]) -> None:
    if step.does == "link":
        if files:
            os.link(files[step.other % len(files)], new)
        return
    if step.does == "directory":
        os.mkdir(new)
    elif step.does == "symlink":
        os.symlink(b"/etc/" + step.name, new)
    elif step.does in ("file", "holes"):
        with open(new, "xb") as opened:
            opened.write(step.content)
            if step.does == "holes":
                opened.truncate(HOLE_BYTES)
                opened.seek(HOLE_BYTES - 7 - step.other)
                opened.write(b"the end")
    else:
        kind = {"fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK}.get(step.does, stat.S_IFCHR)
        os.mknod(new, kind | 0o600, os.makedev(1, 3) if step.does == "device" else 0)
    give(new, step)


def _change(step: Step, file: bytes) -> None:
    before = os.lstat(file)
    if step.does == "write":
        with open(file, "ab") as opened:
            opened.write(b"more")
        os.utime(file, ns=(0, step.mtime_ns))
    elif step.does == "touch within the second":
        os.utime(file, ns=(0, before.st_mtime_ns + 1))
    elif step.does == "write at the same moment":
        with open(file, "r+b") as opened:
            first = opened.read(1)
            opened.seek(0)
            opened.write(bytes(255 - byte for byte in first))
        os.utime(file, ns=(0, before.st_mtime_ns))
    else:  # it was a link, perhaps, and is the same file as the others no longer
        copied = file + b".copied"
        shutil.copyfile(file, copied)
        os.chown(copied, before.st_uid, before.st_gid)
        os.chmod(copied, stat.S_IMODE(before.st_mode) ^ (0o040 if step.which % 2 else 0))
        os.utime(copied, ns=(0, before.st_mtime_ns))
        os.rename(copied, file)


def give(path: bytes, step: Step) -> None:
    """Owner, mode, attributes and time; the kernel takes what it takes of such a file."""
    about = os.lstat(path)
    os.chown(path, step.owner, step.group, follow_symlinks=False)
    if stat.S_ISLNK(about.st_mode):
        attributes = {name: value for name, value in step.attributes.items() if name.startswith("trusted.")}
    elif stat.S_ISDIR(about.st_mode):
        os.chmod(path, step.mode)
        attributes = step.of_directory
    else:
        os.chmod(path, step.mode)
        attributes = step.attributes
    for name, value in attributes.items():
        with suppress(PermissionError, OSError):  # a device has no attributes of users, and a directory no capabilities
            os.setxattr(path, name, value, follow_symlinks=False)
    os.utime(path, ns=(0, step.mtime_ns), follow_symlinks=False)


def entries(root: bytes) -> tuple[list[bytes], list[bytes]]:
    """Directories, the root among them, and all else."""
    folders, rest = [root], []
    for place, below, files in os.walk(root):
        for name in sorted(below + files):
            path = os.path.join(place, name)
            (folders if stat.S_ISDIR(os.lstat(path).st_mode) else rest).append(path)
    return folders, rest


# what `tree` compares, in the words of docs/applications.md
COMPARED = (
    *("contents", "name", "owner and group", "mode", "lists of access", "attributes", "time of the last change"),
    *("hard links", "holes", "kind"),
)


@dataclass
class Tree:
    """All that two trees are compared by."""

    files: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    links: set[frozenset[bytes]] = field(default_factory=set)  # names of the same file
    blocks: dict[bytes, int] = field(default_factory=dict)  # bytes on the disk


def tree(root: bytes) -> Tree:
    """What lies below a directory."""
    found, same = Tree(), defaultdict(set)
    folders, rest = entries(root)
    for path in folders + rest:
        about, name = os.lstat(path), os.path.relpath(path, root)
        regular = stat.S_ISREG(about.st_mode)
        found.files[name] = {
            "mode": oct(about.st_mode),
            "owner": (about.st_uid, about.st_gid),
            "device": about.st_rdev,
            "mtime_ns": about.st_mtime_ns,
            "attributes": {
                name: os.getxattr(path, name, follow_symlinks=False)
                for name in sorted(os.listxattr(path, follow_symlinks=False))
            },
            "leads to": os.readlink(path) if stat.S_ISLNK(about.st_mode) else b"",
            "content": hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest() if regular else "",
        }
        if not stat.S_ISDIR(about.st_mode):
            same[about.st_ino].add(name)
        if regular:
            found.blocks[name] = about.st_blocks * 512
    found.links = {frozenset(names) for names in same.values() if len(names) > 1}
    return found


def one_of_each() -> tuple[list[Step], list[Step], list[Step]]:
    """Base, application and instance with all that is known to have gone wrong, whatever chance brings."""
    plain = Step("file", 0, 0, b"", b"content", 0o640, 100_033, 100_050, {}, {}, 1_700_000_000_123_456_789)
    base = [replace(plain, name=b"file %d" % at, attributes=given) for at, given in enumerate(ATTRIBUTES)]
    base += [replace(plain, does="link", name=b"link %d" % at, other=at) for at in range(4)]
    base += [
        replace(plain, does="directory", name=b"folder %d" % at, mode=0o2750, of_directory=given)
        for at, given in enumerate(OF_DIRECTORIES)
    ]
    made = [replace(plain, does=does, which=at % 5, name=does.encode() + b" \xff\n") for at, does in enumerate(MAKES)]
    made += [replace(file, name=b"own " + file.name, which=2) for file in base if file.does == "file"]
    made += [replace(plain, does="link", name=b"more %d" % at, other=at) for at in range(24)]
    changed = [replace(plain, does=does, which=2 * at + 1, other=at, name=b"new") for at, does in enumerate(CHANGES)]
    # of two names of one file the second becomes a file of its own that differs in nothing but its mode, or in nothing
    apart = [replace(plain, does="put a copy in its place", which=at) for at in (9, 10, 11)]
    moments = [replace(plain, does=CHANGES[1 + at % 2], which=at) for at in range(6)]
    return base, made + changed + apart, moments + changed + apart + made
