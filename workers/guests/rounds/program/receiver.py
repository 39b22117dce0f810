"""The receiver: writes what the sender sends below one directory of the target, and says what it holds."""

import errno
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import BinaryIO

from .wire import Garbled, pieces


class Receiver:
    """Files below a directory, each opened once and appended to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, int] = {}

    def append(self, name: str, data: bytes) -> None:
        """Append to a file; the first bytes begin it."""
        descriptor = self._files.get(name)
        if descriptor is None:
            path = self._root / name
            # read by CRIU within the container's user namespace, where root is nobody: only root gets past the directories above
            path.parent.mkdir(mode=0o755, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = self._files[name] = os.open(path, flags, 0o644)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def digest(self, name: str) -> str:
        """Of a file as it lies there now, read back."""
        digest = hashlib.blake2b(digest_size=16)
        if (descriptor := self._files.get(name)) is not None:
            at = 0
            while data := os.pread(descriptor, 1 << 20, at):
                digest.update(data)
                at += len(data)
        return digest.hexdigest()


def receive(stream: BinaryIO, answers: BinaryIO, root: Path) -> int:
    """Write what comes until the connection ends; the exit status. Whatever fails is said to the sender in one sentence."""

    def answer(**words: str) -> None:
        answers.write(json.dumps(words).encode() + b"\n")
        answers.flush()

    receiver = Receiver(root)
    try:
        for piece in pieces(stream):
            if not piece.asks:
                receiver.append(piece.name, piece.data)
            else:
                answer(name=piece.name, digest=receiver.digest(piece.name) if piece.name else "")
    except Garbled as error:
        answer(error=f"what came cannot be read: {error}")
        return 1
    except OSError as error:
        if error.errno == errno.ENOSPC:
            answer(error="its disk is full: free space there and migrate again")
            return 1
        answer(error=f"{error.strerror} ({error.filename or 'writing'})")
        return 1
    return 0


def main(arguments: list[str]) -> int:
    """Arguments: the directory to write to."""
    os.umask(0o022)
    root = Path(arguments[0])
    root.mkdir(mode=0o711, parents=True, exist_ok=True)
    return receive(sys.stdin.buffer, sys.stdout.buffer, root)
