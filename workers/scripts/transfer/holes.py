"""Files with large holes: packed at the source, laid out at the target. rsync would read the holes, and send checksums of nothing.

`holes.py pack TREE ARCHIVE NAMES ROOM` packs what such files hold, at most ROOM bytes of it, and writes their names for rsync's
--exclude-from; `holes.py fill TREE ARCHIVE` makes them anew. Owners, modes and attributes are rsync's, which finds the contents by
size and time. No link is followed below TREE: what lies there came from elsewhere.
"""
# names are bytes here
# ruff: noqa: PTH103, PTH108, PTH118, PTH123

import errno
import json
import os
import stat
import sys
from contextlib import suppress

# below this a hole costs less than to begin a file here
LEAST_HOLE_BYTES = 8_000_000
PIECE_BYTES = 1 << 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def with_holes(tree):
    """(names, about) of each file with a large hole; all its names."""
    found = {}
    for place, _folders, files in os.walk(tree):
        for name in files:
            path = os.path.join(place, name)
            about = os.lstat(path)
            if stat.S_ISREG(about.st_mode) and about.st_size - about.st_blocks * 512 >= LEAST_HOLE_BYTES:
                found.setdefault(about.st_ino, ([], about))[0].append(path[len(tree) + 1 :])
    return found.values()


def extents(opened, size):
    """(begin, length) of what a file holds."""
    end = 0
    while end < size:
        try:
            begin = os.lseek(opened, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole to the end
                return
            raise
        end = os.lseek(opened, begin, os.SEEK_HOLE)
        yield begin, end - begin


def pattern(name):
    """A name as rsync's filter rules write it: where nothing in it is a wildcard, a backslash is a backslash."""
    if any(sign in name for sign in b"*?["):
        for sign in (b"\\", b"*", b"?", b"["):
            name = name.replace(sign, b"\\" + sign)
    return b"/" + name + b"\0"


def pack(tree, archive, listed, room):
    packed = 0
    with open(archive, "wb") as into, open(listed, "wb") as names_of:
        for names, about in with_holes(tree):
            opened = os.open(os.path.join(tree, names[0]), os.O_RDONLY | os.O_NOFOLLOW)
            held = list(extents(opened, about.st_size))
            packed += sum(length for _begin, length in held)
            if packed > room:
                packed -= sum(length for _begin, length in held)
                os.close(opened)
                continue
            head = {"size": about.st_size, "mtime_ns": about.st_mtime_ns, "names": [name.hex() for name in names]}
            into.write(json.dumps({**head, "extents": held}).encode() + b"\n")
            for begin, length in held:
                os.lseek(opened, begin, os.SEEK_SET)
                while length:
                    piece = os.read(opened, min(length, PIECE_BYTES))
                    into.write(piece)
                    length -= len(piece) or sys.exit("a file became shorter while it was packed")
            os.close(opened)
            names_of.writelines(map(pattern, names))


def folder_of(tree, name):
    """The directory that a name lies in, made where it is missing."""
    here = os.open(tree, FOLDER)
    for part in name.split(b"/")[:-1]:
        if part in (b"", b".", b".."):
            sys.exit("a name in the archive leads elsewhere")
        with suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=here)
        below = os.open(part, FOLDER, dir_fd=here)
        os.close(here)
        here = below
    return here


def fill(tree, archive):
    os.makedirs(tree, mode=0o700, exist_ok=True)
    begun_at = archive + b".begun"
    with open(os.open(archive, os.O_RDONLY | os.O_NOFOLLOW), "rb") as packed:
        for line in packed:
            head = json.loads(line)
            begun = os.open(begun_at, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.ftruncate(begun, head["size"])
            for begin, length in head["extents"]:
                os.lseek(begun, begin, os.SEEK_SET)
                while length:
                    piece = packed.read(min(length, PIECE_BYTES))
                    os.write(begun, piece)
                    length -= len(piece) or sys.exit("the archive is damaged")
            os.utime(begun, ns=(head["mtime_ns"], head["mtime_ns"]))
            for name in map(bytes.fromhex, head["names"]):
                place(begun_at, tree, name)
            os.close(begun)
            os.unlink(begun_at)


def place(begun_at, tree, name):
    """Give a file its name. Where something else is on the way, rsync removes that, and sends the file as any other."""
    last = name.rsplit(b"/", 1)[-1]
    if last in (b"", b".", b".."):
        sys.exit("a name in the archive leads elsewhere")
    try:
        folder = folder_of(tree, name)
    except OSError:
        return
    try:
        os.unlink(last, dir_fd=folder)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        os.close(folder)
        return
    os.link(begun_at, last, dst_dir_fd=folder)
    os.close(folder)


if __name__ == "__main__":
    what, tree, *rest = map(os.fsencode, sys.argv[1:])
    try:
        if what == b"pack":
            pack(tree, *rest[:2], int(rest[2]))
        else:
            fill(tree, *rest)
    except OSError as error:
        sys.exit(f"{error.strerror}: {os.fsdecode(tree)}")
