"""What the digest of a layer sees, and which digest a layer has."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.engine.world import World
from tests.workers.trees import ACL, CAPABILITIES, NAMED, OPAQUE, acl
from tests.workers.two_hosts import TwoHosts
from workers import stages
from workers.hosts.base import parse_values


async def test_a_layers_digest_sees_all_that_is_carried(tmp_path: Path) -> None:
    hosts, root = TwoHosts(tmp_path), tmp_path / "rootfs"
    root.mkdir()
    file, other = root / "file", root / "other"
    file.write_text("content")
    os.link(file, other)
    os.mknod(root / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    new = f'layer_digest "{root}"'
    changes = [
        lambda: os.setxattr(file, ACL, acl(NAMED)),
        lambda: os.setxattr(file, "security.capability", CAPABILITIES[0]),
        lambda: os.setxattr(file, "user.note", b"x"),
        lambda: os.utime(file, (0, 5)),
        lambda: os.setxattr(root, OPAQUE, b"y"),
        lambda: (other.unlink(), shutil.copy2(file, other)),
        lambda: ((root / "device").unlink(), os.mknod(root / "device", 0o600 | stat.S_IFCHR, 0)),
        lambda: file.write_text("Content"),
    ]
    seen = {await hosts.source.tell(new)}
    for change in changes:
        change()
        seen.add(await hosts.source.tell(new))
    assert len(seen) == 1 + len(changes)
    assert all(len(digest) == 34 and digest.startswith("2-") for digest in seen)


@pytest.mark.parametrize("digest_of", ["tree_digest", "files_digest"])
async def test_a_layer_with_a_digest_of_an_earlier_portal_is_taken_and_keeps_it(tmp_path: Path, digest_of: str) -> None:
    hosts = TwoHosts(tmp_path)
    root = hosts.source.place / "incoming/7/files/layer/rootfs"
    root.mkdir(parents=True)
    (root / "file").write_text("content")
    digest = await hosts.source.tell(f'{digest_of} "{root}"')
    await hosts.source.call("lxc/layers/keep_layer", 7, "app/overlay/echo-0", digest)
    assert (hosts.source.place / "layers/app/overlay/echo-0/digest").read_text().strip() == digest


async def test_an_application_that_came_with_two_layers_says_both_digests_that_its_target_may_have(
    tmp_path: Path,
) -> None:
    host = TwoHosts(tmp_path).source
    lower = host.place / "instances/echo/lower"
    lower.mkdir(parents=True)
    (lower / "file").write_text("content")
    said = parse_values(await host.tell("source_layers echo '' debian-13 overlay echo-0 rootfs"))
    assert said["app_digest"] == await host.tell(f'files_digest "{lower}"')
    assert said["app_earlier_digest"] == await host.tell(f'tree_digest "{lower}"')


@pytest.mark.parametrize(("held", "found"), [("2-d1", True), ("d0", True), ("d2", False), ("", False)])
async def test_a_layer_is_found_at_the_target_under_either_digest(
    monkeypatch: pytest.MonkeyPatch, held: str, found: bool
) -> None:
    context = World().context()
    for host, said in (
        (context.source, {"app_digest": "2-d1", "app_earlier_digest": "d0"}),
        (context.target, {"app_digest": held}),
    ):
        asked = "guest_check_source" if host is context.source else "guest_check_target"
        answer = getattr(host, asked)()
        monkeypatch.setattr(host, asked, lambda *_, both=answer | said: both)
    await stages.check(context)
    assert context.app_found is found
