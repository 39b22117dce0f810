"""Owners of a tree of files, shifted into the range of an unprivileged container."""

import os
import stat
import struct
from pathlib import Path

CAPABILITY = "security.capability"
# struct vfs_ns_cap_data in linux/capability.h: revision 3 ends in the uid that is root where the capability counts.
REVISION_MASK, REVISION_3 = 0xFF000000, 0x03000000


def shift_ids(root: Path, first: int) -> None:
    """Add `first` to each owner and group below `root`, keeping modes, set-id bits and file capabilities."""
    _shift(root, first)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            _shift(Path(folder, name), first)


def _shift(path: Path, first: int) -> None:
    info = path.lstat()
    if info.st_uid >= first:
        return  # a second name of a file that was shifted already
    is_link = stat.S_ISLNK(info.st_mode)
    capability = None
    if not is_link and CAPABILITY in os.listxattr(path):
        capability = os.getxattr(path, CAPABILITY)
    os.lchown(path, info.st_uid + first, info.st_gid + first)
    if is_link:
        return
    # chown takes away set-id bits and capabilities.
    if info.st_mode & (stat.S_ISUID | stat.S_ISGID):
        path.chmod(stat.S_IMODE(info.st_mode))
    if capability is not None:
        os.setxattr(path, CAPABILITY, rooted_capability(capability, first))


def rooted_capability(capability: bytes, root_uid: int) -> bytes:
    """The same file capability, counting in the user namespace whose root is `root_uid`."""
    (magic,) = struct.unpack_from("<I", capability)
    magic = (magic & ~REVISION_MASK) | REVISION_3
    return struct.pack("<I", magic) + capability[4:20] + struct.pack("<I", root_uid)
