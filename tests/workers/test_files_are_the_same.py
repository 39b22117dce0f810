"""Whatever lies in a layer is the same on both sides, in every way in which files are sent."""

import asyncio
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.engine.world import World
from tests.workers.trees import CHANGES, COMPARED, HOLE_BYTES, MAKES, Step, grow, one_of_each, steps, tree
from tests.workers.two_hosts import TwoHosts
from workers.layers import STORES
from workers.specs import AppAtSource, MigrationSpec
from workers.transfer.rsync import Part

BASE = "layers/base/debian-13/rootfs"
Layers = tuple[list[Step], list[Step], list[Step]]
# technology, storage, layers
WAYS = [
    ("lxc", "overlay", 3),
    ("lxc", "overlay", 2),
    ("lxc", "directory", 3),
    ("lxc", "directory", 2),
    ("oci", "overlay", 3),
]


class Move:
    """Base, application and instance of a service, made at random, and what the portal does with their files."""

    def __init__(self, place: Path, way: tuple[str, str, int]) -> None:
        kind, storage, layers = way
        self.hosts, self.store = TwoHosts(place), STORES[kind, storage]
        instance = replace(World(kind=kind).context().spec.instance, storage=storage)
        self.spec = MigrationSpec(7, instance, layers)
        self.app = f"{self.store.place(instance.app_layer)}/rootfs"
        self.app = f"layers/{self.app.removeprefix('layers/')}"
        self.is_copy = storage == "directory"
        self.own = f"instances/echo/{'rootfs' if self.is_copy else 'upper'}"

    def make(self, base: list[Step], app: list[Step], own: list[Step]) -> None:
        """The base lies on both hosts, application and instance at the source."""
        here = self.hosts.source.place
        self._begin(BASE, "", base)
        self._begin(self.app, BASE if self.is_copy else "", app)
        self._begin(self.own, self.app if self.is_copy else "", own)
        copy(here / BASE, self.hosts.target.place / BASE)

    def _begin(self, place: str, clone_of: str, done: list[Step]) -> None:
        root = self.hosts.source.place / place
        if clone_of:
            copy(self.hosts.source.place / clone_of, root)
        root.mkdir(parents=True, exist_ok=True)
        grow(os.fsencode(root), done)

    async def send(self) -> None:
        """All that a migration sends, into what its target begins with."""
        hosts, spec = self.hosts, self.spec
        await hosts.transfer.open()
        at_source = AppAtSource(self.app, await hosts.source.tell(f'layer_digest "$MEC/{self.app}"'), 0)
        if spec.instance.kind == "oci":  # Podman makes the container
            (hosts.received / "instance").mkdir()
        else:
            if spec.layers == 3:
                await self.store.clone_base_as_app(hosts.target, spec)
                await hosts.transfer.send(self.store.app_parts(at_source), "lo", 60)
                await self.store.keep_app(hosts.target, spec, at_source)
            await self.store.clone_as_instance(hosts.target, spec)
        await hosts.transfer.send(self.store.instance_parts(spec, at_source), "lo", 60)

    def sent(self) -> list[tuple[Path, Path]]:
        """Each tree at the source, and where it is at the target by now."""
        here, there, came = self.hosts.source.place, self.hosts.target.place, self.hosts.received / "instance"
        found = [(here / self.own, came / Path(self.own).name)]
        if self.spec.instance.kind != "oci" and self.spec.layers == 3:
            found.append((here / self.app, there / self.app))
        elif not self.is_copy and self.spec.layers == 2:
            found.append((here / self.app, came / "lower"))
        return found


def copy(from_: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", from_, to], check=True)


def assert_same(here: Path, there: Path) -> None:
    source, target = tree(os.fsencode(here)), tree(os.fsencode(there))
    assert target.files == source.files
    assert target.links == source.links
    for name, size in source.blocks.items():
        assert target.blocks[name] < size + HOLE_BYTES // 2, f"the hole in {name!r} was filled"


def move(way: tuple[str, str, int], base: list[Step], app: list[Step], own: list[Step]) -> None:
    with tempfile.TemporaryDirectory(prefix="mec-trees-") as place:
        moved = Move(Path(place), way)
        moved.make(base, app, own)
        asyncio.run(moved.send())
        for here, there in moved.sent():
            assert_same(here, there)
        assert_same(
            moved.hosts.source.place / BASE, moved.hosts.target.place / BASE
        )  # nothing reached it through a link


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way[0]}-{way[1]}-{way[2]}")
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps(MAKES, 20), steps((*MAKES, *CHANGES), 20), steps((*MAKES, *CHANGES), 20))
@example(*one_of_each())
def test_a_layers_files_are_the_same_on_both_sides(
    way: tuple[str, str, int], base: list[Step], app: list[Step], own: list[Step]
) -> None:
    move(way, base, app, own)


async def test_what_changed_within_a_second_is_sent_into_whatever_lies_there(tmp_path: Path) -> None:
    hosts = TwoHosts(tmp_path)
    await hosts.transfer.open()
    for place, content, moment in ((hosts.source.place / "layers/x", "new", 2), (hosts.received / "x", "old", 1)):
        place.mkdir(parents=True)
        (place / "file").write_text(content)
        os.utime(place / "file", ns=(0, moment))
    await hosts.transfer.send([Part("layers/x", "x")], "lo", 60)
    assert (hosts.received / "x/file").read_text() == "new"


def test_the_documentation_names_what_is_compared() -> None:
    _before, _heading, after = Path("docs/applications.md").read_text().partition("## What a file keeps when it moves")
    table = [line.split("|")[1].strip() for line in after.split("\n## ")[0].splitlines() if line.startswith("| ")]
    assert table[1:] == list(COMPARED)
