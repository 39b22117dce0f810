"""The sender: copies a container's memory to its target in rounds while it runs, and then what differs in the saved state.

It is asked by lines on its standard input and answers each by one line of JSON:

    round N          copy the pages that the target does not hold as they are, as round N
    rest             send CRIU's images: of their pages those that the target does not hold; seal what was sent
"""

import fcntl
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from . import pagemap, wire
from .basis import Basis, Stream
from .memory import pages
from .pagemap import IN_PARENT, PAGE, PRESENT, NotAPageMap, Run

READ_PAGES = 512
# so that the link is not idle while the next pieces are compared and compressed
PIPE = 1 << 20
# CRIU's images, and what runc adds to them; the rest are its logs
SENT = (".img", ".json")
SEAL = 'xxh128sum "$@" >manifest && xxh128sum <manifest'


class Failed(RuntimeError):
    """It cannot go on; `args[0]` is one sentence."""


class Sender:
    """One migration's, from its first round to its last byte."""

    def __init__(self, group: Path, out: IO[bytes], answers: IO[bytes], kept: Path, level: int) -> None:
        self._group, self._out, self._answers, self._kept = group, out, answers, kept
        self._packer = wire.Packer(level)
        self._basis = Basis()
        self._digests: dict[str, Any] = {}
        self._rounds = 0

    def round(self, number: int) -> dict[str, int]:
        """Copy what changed while all goes on. Bytes: read, not known at the target before, and sent."""
        began, read, changed, sent = time.monotonic(), 0, 0, 0
        files: dict[Stream, str] = {}
        fresh: dict[Stream, list[tuple[int, int]]] = {}
        for stream, first, data in pages(self._group):
            read += len(data)
            for span in self._basis.differing(stream, first, data, learn=True):
                if span.known:
                    continue
                name = files.setdefault(stream, f"round-{number}/pages-{len(files) + 1}.img")
                at = (span.first - first) * PAGE
                sent += self._send(name, data[at : at + span.length * PAGE])
                changed += span.length * PAGE
                _append(fresh.setdefault(stream, []), span.first, span.length)
        for place, stream in enumerate(self._basis.streams(), 1):
            file = files.get(stream)
            file_number = int(file.split("-")[-1].removesuffix(".img")) if file else len(files) + place
            if file is None:
                sent += self._send(f"round-{number}/pages-{file_number}.img", b"")
            runs = _split(self._basis.held(stream), _sorted(fresh.get(stream, [])))
            sent += self._send(f"round-{number}/{_map_name(stream)}", pagemap.encode(file_number, runs))
        self._check(number)
        self._rounds = number
        return {"read": read, "changed": changed, "sent": sent, "ms": round((time.monotonic() - began) * 1000)}

    def rest(self, state: Path) -> dict[str, Any]:
        """Send the saved state: files whole, pages as far as they differ; its seal is the digest of a manifest of what was sent."""
        self._kept.mkdir(mode=0o711)
        changed = same = 0
        maps = {path.name for path in state.glob("pagemap-*.img")} if self._rounds else set()
        paged: set[str] = set()
        for name in sorted(maps):
            try:
                kept, left, file = self._differing(state, name)
            except NotAPageMap:
                continue
            paged |= {name, file}
            changed, same = changed + kept, same + left
        for path in sorted(state.iterdir()):
            if path.suffix in SENT and path.name not in paged:
                (self._kept / path.name).symlink_to(path)
        files = sorted(self._kept.iterdir())
        sealing = subprocess.Popen(
            ["sh", "-c", SEAL, "sh", *(path.name for path in files)], cwd=self._kept, stdout=subprocess.PIPE, text=True
        )
        sent = sum(map(self._send_file, files))
        said, _nothing = sealing.communicate()
        if sealing.returncode:
            raise Failed("the digest of what was saved could not be made")
        sent += self._send_file(self._kept / "manifest")
        self._out.write(wire.question())
        self._out.flush()
        self._answer()
        return {
            "digest": said.split()[0],
            "bytes": sum(path.stat().st_size for path in self._kept.iterdir()),
            "changed": changed,
            "same": same,
            "sent": sent,
        }

    def _differing(self, state: Path, name: str) -> tuple[int, int, str]:
        """Write what is to be sent of a page map and of its pages; bytes that differ and that do not, and the file of pages."""
        number, runs = pagemap.decode((state / name).read_bytes())
        if not all(run.in_file for run in runs):
            raise NotAPageMap("it has a parent already, or pages that come later")
        file = f"pages-{number}.img"
        kind, _dash, identity = name.removeprefix("pagemap-").removesuffix(".img").rpartition("-")
        stream = (f"{kind}-" if kind else "", int(identity))
        written: list[Run] = []
        changed = same = 0
        with (state / file).open("rb") as saved, (self._kept / file).open("wb") as kept:
            for run in runs:
                for first, data in _read(saved, run):
                    for span in self._basis.differing(stream, first, data, learn=False):
                        at = (span.first - first) * PAGE
                        if span.known:
                            same += span.length * PAGE
                        else:
                            kept.write(data[at : at + span.length * PAGE])
                            changed += span.length * PAGE
                        _join(written, span.first * PAGE, span.length, IN_PARENT if span.known else PRESENT)
        (self._kept / name).write_bytes(pagemap.encode(number, written))
        return changed, same, file

    def _send(self, name: str, data: bytes) -> int:
        digest = self._digests.setdefault(name, hashlib.blake2b(digest_size=16))
        digest.update(data)
        sent = 0
        for packed in self._packer.pack(name, data):
            self._out.write(packed)
            sent += len(packed)
        return sent

    def _send_file(self, path: Path) -> int:
        with path.open("rb") as file:
            sent = self._send(f"state/{path.name}", b"")
            while data := file.read(wire.PIECE):
                sent += self._send(f"state/{path.name}", data)
        self._out.flush()
        return sent

    def _check(self, number: int) -> None:
        """Compare the digest of each file of a round with what the target holds; all are asked for before one is waited for."""
        names = [name for name in self._digests if name.startswith(f"round-{number}/")]
        for name in names:
            self._out.write(wire.question(name))
        self._out.flush()
        for name in names:
            if self._answer() != self._digests.pop(name).hexdigest():
                raise Failed(f"{name} arrived damaged: its digest differs from what was sent")

    def _answer(self) -> str:
        """The next digest that the target says, when all before it has come."""
        line = self._answers.readline()
        if not line:
            raise Failed("the connection to the target ended")
        said = json.loads(line)
        if "error" in said:
            raise Failed(f"the target could not receive: {said['error']}")
        return str(said["digest"])


def _map_name(stream: Stream) -> str:
    kind, identity = stream
    return f"pagemap-{kind}{identity}.img"


def _read(saved: IO[bytes], run: Run) -> Iterator[tuple[int, bytes]]:
    """A run's pages from the file: (number of the first, data)."""
    for first in range(0, run.length, READ_PAGES):
        count = min(READ_PAGES, run.length - first)
        data = saved.read(count * PAGE)
        if len(data) < count * PAGE:
            raise Failed("an image of CRIU's is shorter than its page map says")
        yield run.address // PAGE + first, data


def _append(spans: list[tuple[int, int]], first: int, count: int) -> None:
    if spans and sum(spans[-1]) == first:
        spans[-1] = (spans[-1][0], spans[-1][1] + count)
    else:
        spans.append((first, count))


def _sorted(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    # the file has them as they were read: by growing addresses within a process, and of shared memory
    if spans != sorted(spans):
        raise Failed("the pages of a process did not come in the order of their addresses")
    return spans


def _join(runs: list[Run], address: int, count: int, flags: int) -> None:
    if runs and runs[-1].flags == flags and runs[-1].address + runs[-1].length * PAGE == address:
        runs[-1] = runs[-1]._replace(length=runs[-1].length + count)
    else:
        runs.append(Run(address, count, flags))


def _split(held: Iterator[tuple[int, int]], fresh: list[tuple[int, int]]) -> Iterator[Run]:
    """A round's page map: all pages that the target holds, of which the fresh ones are in the round's own file."""
    runs: list[Run] = []
    waiting = iter(fresh)
    begin, length = next(waiting, (None, 0))
    for first, count in held:
        at, end = first, first + count
        while at < end:
            if begin is None or begin >= end:
                _join(runs, at * PAGE, end - at, IN_PARENT)
                at = end
            elif begin > at:
                _join(runs, at * PAGE, begin - at, IN_PARENT)
                at = begin
            else:
                stop = min(end, begin + length)
                _join(runs, at * PAGE, stop - at, PRESENT)
                begin, length = (stop, begin + length - stop) if stop < begin + length else next(waiting, (None, 0))
                at = stop
    return iter(runs)


def main(arguments: list[str]) -> int:
    """Arguments: the directory of the container's control group, the migration's (with `state`, CRIU's images), the level of
    compression, the backhaul interface, then the command whose standard input and output are the receiver's.
    """
    group, kept, level, interface, *command = arguments
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as connection:
        assert connection.stdin and connection.stdout
        fcntl.fcntl(connection.stdin, fcntl.F_SETPIPE_SZ, PIPE)
        sender = Sender(Path(group), connection.stdin, connection.stdout, Path(kept, "sent"), int(level))
        counter = Path(f"/sys/class/net/{interface}/statistics/tx_bytes")
        print(json.dumps({"ready": True}), flush=True)
        try:
            for line in sys.stdin:
                word, _blank, what = line.strip().partition(" ")
                before = int(counter.read_text())
                done = sender.round(int(what)) if word == "round" else sender.rest(Path(kept, "state"))
                print(json.dumps(done | {"wire": int(counter.read_text()) - before}), flush=True)
        except BrokenPipeError:
            print(json.dumps({"error": "the connection to the target ended"}), flush=True)
            return 1
        except (Failed, OSError) as error:
            print(json.dumps({"error": str(error)}), flush=True)
            return 1
        finally:
            connection.kill()
    return 0
