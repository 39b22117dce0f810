"""Iterative migration's sender and receiver: what the target puts together is what was saved, whatever the rounds were."""

import io
import json
import mmap
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.convergence import MOST_ROUNDS, Round, decide
from workers.guests.rounds import program
from workers.guests.rounds.program import memory, pagemap, sender, wire
from workers.guests.rounds.program.basis import CHUNK_PAGES, Stream
from workers.guests.rounds.program.pagemap import IN_PARENT, LAZY, PAGE, PRESENT, Run
from workers.guests.rounds.program.receiver import receive

# a process's memory: each page's number, and which of a few contents it has
Memory = dict[int, int]
PROCESS: Stream = ("", 7)
SHARED: Stream = ("shmem-", 4711)
# near the border of two chunks, and far from them
numbers = st.one_of(st.integers(0, 12), st.integers(CHUNK_PAGES - 3, CHUNK_PAGES + 3), st.just(2**35))
memories = st.dictionaries(numbers, st.integers(0, 3), max_size=12)
states = st.fixed_dictionaries({PROCESS: memories, SHARED: memories})


def content(kind: int) -> bytes:
    return bytes([kind]) * PAGE


def spans_of(pages: Memory) -> Iterator[tuple[int, int]]:
    """Runs of pages one after the other: (first, length)."""
    start = end = None
    for number in [*sorted(pages), None]:
        if number != end and start is not None and end is not None:
            yield start, end - start
        if number != end:
            start = number
        end = None if number is None else number + 1


def image_name(stream: Stream) -> str:
    return f"pagemap-{stream[0]}{stream[1]}.img"


def save(folder: Path, state: dict[Stream, Memory]) -> None:
    """What CRIU would save of it: page maps, files of pages, and another image."""
    folder.mkdir()
    (folder / "core-7.img").write_bytes(b"registers")
    for number, (stream, pages) in enumerate(state.items(), 1):
        runs = [Run(first * PAGE, length, PRESENT) for first, length in spans_of(pages)]
        (folder / image_name(stream)).write_bytes(pagemap.encode(number, runs))
        (folder / f"pages-{number}.img").write_bytes(b"".join(content(pages[page]) for page in sorted(pages)))


def restored(folder: Path, stream: Stream) -> Memory:
    """What CRIU would restore of an image and the rounds before it, page by page."""
    found: dict[int, bytes] = {}
    parent = folder / "parent"
    number, runs = pagemap.decode((folder / image_name(stream)).read_bytes())
    # a parent that has no image of it holds nothing of it (CRIU's try_open_parent)
    below = restored_bytes(parent.resolve(), stream) if (parent / image_name(stream)).exists() else {}
    with (folder / f"pages-{number}.img").open("rb") as pages:
        for run in runs:
            for page in range(run.address // PAGE, run.address // PAGE + run.length):
                found[page] = pages.read(PAGE) if run.in_file else below[page]
        assert not pages.read(), "all pages of the file belong to a run"
    return {page: data[0] for page, data in found.items() if data == content(data[0])}


def restored_bytes(folder: Path, stream: Stream) -> dict[int, bytes]:
    return {page: content(kind) for page, kind in restored(folder, stream).items()}


@contextmanager
def migrating(tmp_path: Path, damage: Any = None) -> Iterator[tuple[sender.Sender, Path]]:
    """A sender whose receiver writes below a directory, both real, with a socket between them."""
    here, there = socket.socketpair()
    target = tmp_path / "target"
    target.mkdir()
    with here, there, here.makefile("rwb") as source_end, there.makefile("rwb") as target_end:
        receiving = threading.Thread(target=receive, args=(target_end, target_end, target))
        receiving.start()
        try:
            yield sender.Sender(tmp_path, source_end, source_end, tmp_path / "sent", 1), target
        finally:
            source_end.flush()
            here.shutdown(socket.SHUT_WR)
            receiving.join(10)


def show(monkeypatch: pytest.MonkeyPatch, state: dict[Stream, Memory]) -> None:
    """Let the sender read this memory."""

    def pages(_group: Path) -> Iterator[tuple[Stream, int, bytes]]:
        for stream, held in state.items():
            for first, length in spans_of(held):
                yield stream, first, b"".join(content(held[page]) for page in range(first, first + length))

    monkeypatch.setattr(sender, "pages", pages)


def link_rounds(target: Path) -> None:
    """As the target's script does before the restoration (scripts/shared/containers.sh)."""
    rounds = sorted(target.glob("round-*"), key=lambda path: int(path.name.split("-")[1]))
    for folder, parent in zip([*rounds[1:], target / "state"], rounds, strict=False):
        (folder / "parent").symlink_to(f"../{parent.name}")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(states, max_size=4), last=states)
def test_what_the_target_puts_together_is_what_was_saved(
    rounds: list[dict[Stream, Memory]],
    last: dict[Stream, Memory],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tmp_path = tmp_path_factory.mktemp("rounds")
    save(tmp_path / "state", last)
    with migrating(tmp_path) as (sending, target):
        for number, state in enumerate(rounds, 1):
            show(monkeypatch, state)
            sending.round(number)
        done = sending.rest(tmp_path / "state")
    link_rounds(target)
    for stream, pages in last.items():
        assert restored(target / "state", stream) == pages
    assert (target / "state/core-7.img").read_bytes() == b"registers"
    checked = subprocess.run(["xxh128sum", "--quiet", "-c", "manifest"], cwd=target / "state", check=False)
    assert checked.returncode == 0, "the target has what was sealed"
    assert done["changed"] + done["same"] == PAGE * sum(map(len, last.values())) if rounds else done["changed"] == 0


def test_only_pages_that_changed_travel_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = {page: page % 250 for page in range(2000)}, {page: page % 250 for page in range(2000)}
    after[700] = 251
    save(tmp_path / "state", {PROCESS: after})
    with migrating(tmp_path) as (sending, _target):
        show(monkeypatch, {PROCESS: before})
        assert sending.round(1)["changed"] == 2000 * PAGE
        assert sending.round(2)["changed"] == 0
        show(monkeypatch, {PROCESS: after})
        assert sending.round(3)["changed"] == PAGE
        done = sending.rest(tmp_path / "state")
    assert (done["changed"], done["same"]) == (0, 2000 * PAGE)


def test_a_round_that_arrives_damaged_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, {PROCESS: {1: 1}})
    with migrating(tmp_path) as (sending, target):
        sending.round(1)
        check = sending._check

        def damaged(number: int) -> None:
            sending._out.flush()
            sending._out.write(wire.question())
            sending._out.flush()
            sending._answer()  # all before it has come
            file = next((target / f"round-{number}").glob("pages-*"))
            with file.open("r+b") as pages:
                pages.write(b"?")
            check(number)

        monkeypatch.setattr(sending, "_check", damaged)
        show(monkeypatch, {PROCESS: {1: 2}})
        with pytest.raises(sender.Failed, match="arrived damaged"):
            sending.round(2)


def test_a_target_whose_disk_is_full_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: Any) -> int:
        raise OSError(28, os.strerror(28))

    show(monkeypatch, {PROCESS: {1: 1}})
    with migrating(tmp_path) as (sending, _target):
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(sender.Failed, match="the target could not receive: its disk is full: free space there"):
            sending.round(1)
        monkeypatch.undo()


def test_page_maps_of_pages_that_are_not_there_are_sent_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    save(state, {PROCESS: {1: 1}})
    lazy = pagemap.encode(1, [Run(PAGE, 1, LAZY)])
    (state / image_name(PROCESS)).write_bytes(lazy)
    with migrating(tmp_path) as (sending, target):
        show(monkeypatch, {PROCESS: {1: 1}})
        sending.round(1)
        sending.rest(state)
    assert (target / "state" / image_name(PROCESS)).read_bytes() == lazy
    assert (target / "state/pages-1.img").read_bytes() == content(1)


runs = st.builds(
    Run,
    st.integers(0, 2**47 // PAGE - 1).map(lambda page: page * PAGE),
    st.integers(1, 2**20),
    st.sampled_from([PRESENT, IN_PARENT, PRESENT | LAZY]),
)


@given(st.integers(0, 2**31), st.lists(runs, max_size=20))
def test_a_page_map_says_what_was_written_into_it(number: int, written: list[Run]) -> None:
    assert pagemap.decode(pagemap.encode(number, written)) == (number, written)


@given(st.binary(max_size=60))
def test_what_is_no_page_map_is_refused_and_never_breaks_the_sender(noise: bytes) -> None:
    for image in (noise, pagemap.MAGIC + noise):
        try:
            pagemap.decode(image)
        except pagemap.NotAPageMap:
            continue


@pytest.mark.parametrize(
    "head",
    [
        {"name": "../../etc/passwd", "bytes": 1},
        {"name": "state/../x", "bytes": 1},
        {"name": "state/.hidden", "bytes": 1},
        {"name": "other/x", "bytes": 1},
        {"name": "state/x", "bytes": 1 << 40},
        {"name": "state/x", "bytes": -1},
        {"name": "", "bytes": 1},
        {"bytes": 1},
        [],
        "state/x",
    ],
)
def test_a_sender_that_says_anything_else_writes_nothing(head: object, tmp_path: Path) -> None:
    answers = io.BytesIO()
    assert receive(io.BytesIO(json.dumps(head).encode() + b"\nx"), answers, tmp_path) == 1
    assert "cannot be read" in json.loads(answers.getvalue())["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_piece_that_unpacks_to_more_than_a_piece_is_refused(tmp_path: Path) -> None:
    import zlib

    bomb = zlib.compress(bytes(10 * wire.PIECE), 9)
    head = json.dumps({"name": "state/x", "bytes": len(bomb), "packed": True}).encode()
    answers = io.BytesIO()
    assert receive(io.BytesIO(head + b"\n" + bomb), answers, tmp_path) == 1
    assert "larger than pieces are" in json.loads(answers.getvalue())["error"]


def test_what_does_not_become_less_is_not_compressed_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    compress = wire.zlib.compress
    monkeypatch.setattr(wire.zlib, "compress", lambda data, level: tried.append(1) or compress(data, level))
    packer = wire.Packer(1)
    passed = b"".join(packer.pack("state/x", os.urandom(16 * wire.PIECE)))
    assert len(tried) == 2
    assert b"".join(piece.data for piece in wire.pieces(io.BytesIO(passed)))
    assert len(b"".join(wire.Packer(1).pack("state/x", bytes(wire.PIECE)))) < 2000


def test_the_memory_of_a_running_process_is_read_with_what_it_shares(tmp_path: Path) -> None:
    text = (
        "import mmap, sys; a = mmap.mmap(-1, 40960, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); a[:] = b'own page' * 5120; "
        "s = mmap.mmap(-1, 40960); s[8192:8200] = b'together'; print('written', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (tmp_path / "below").mkdir()
        (tmp_path / "below/cgroup.procs").write_text(f"{process.pid}\n")
        found = list(memory.pages(tmp_path))
        process.communicate(b"")
    private = b"".join(data for stream, _first, data in found if stream == ("", process.pid))
    shared = {(stream, first): data for stream, first, data in found if stream[0] == "shmem-"}
    assert b"own page" * 5120 in private
    assert any(first == 2 and data.startswith(b"together") for (_stream, first), data in shared.items())
    assert len(private) < 64 << 20, "what files hold is not read"


def test_a_process_that_has_ended_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{2**22 + 1}\n")
    assert list(memory.pages(tmp_path)) == []


def test_the_program_runs_where_nothing_of_the_portal_is(tmp_path: Path) -> None:
    from base64 import b64decode

    packed = tmp_path / "rounds.pyz"
    packed.write_bytes(b64decode(program()))
    piece = b"".join(wire.Packer(1).pack("state/inventory.img", b"x" * PAGE)) + wire.question("state/inventory.img")
    done = subprocess.run(
        [sys.executable, "-I", packed, "receive", tmp_path / "saved"],
        input=piece,
        capture_output=True,
        cwd="/",
        check=True,
    )
    assert json.loads(done.stdout)["name"] == "state/inventory.img"
    assert (tmp_path / "saved/state/inventory.img").read_bytes() == b"x" * PAGE


def rounds_that_sent(*megabytes: float) -> list[Round]:
    return [
        Round(number, 330_000_000, int(each * 1e6), int(each * 1e6), each / 11)
        for number, each in enumerate(megabytes, 1)
    ]


@pytest.mark.parametrize(
    ("sent", "again", "converges"),
    [
        ((330,), True, True),
        ((330, 100), True, True),
        ((330, 100, 30, 1.0), False, True),  # 80 ms of a link of 100 Mbit/s
        ((330, 320), True, True),  # the first one took longest
        ((330, 320, 319), False, False),
        ((330, 45, 45), False, True),  # 3.6 s
        ((0.5,), False, True),
        ((*(400 * 0.89**n for n in range(MOST_ROUNDS)),), False, False),
    ],
)
def test_rounds_end_by_what_would_be_left(sent: tuple[float, ...], again: bool, converges: bool) -> None:
    decision = decide(rounds_that_sent(*sent), wanted_s=0.1, bandwidth_mbit=100)
    assert (decision.again, decision.converges) == (again, converges)
    assert decision.rest_s == pytest.approx(sent[-1] * 8 / 100)


assert mmap.PAGESIZE == PAGE
