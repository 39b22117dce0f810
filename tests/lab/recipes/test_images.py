"""Container images that the project has never seen: packed by Podman from Debian's packages, added as they are, and moved."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.recipes.connection import move_there_and_back
from tests.lab.site import ROOT, Site

pytestmark = pytest.mark.lab
CONTAINERFILE = """
FROM localhost/debian-of-the-test
RUN apt-get -q update && apt-get -q -y --no-install-recommends install valkey-server
EXPOSE 6379
VOLUME /srv/kept
WORKDIR /srv/kept
ENTRYPOINT ["/usr/bin/valkey-server", "--protected-mode", "no"]
CMD ["--save", ""]
"""
NAME = "localhost/shop/valkey:1"


BUILD = f"""
cd "$(mktemp -d)"
cat >Containerfile <<'END'{CONTAINERFILE}END
base=$(podman pull -q oci:/var/lib/mec/layers/oci/base/debian-13/image)
podman tag "$base" localhost/debian-of-the-test
eval "$(apt-config shell proxy Acquire::http::Proxy)"
podman --runtime runc build -q --isolation chroot --network host --env http_proxy="$proxy" -t {NAME} . >&2
podman save -q {NAME}
"""


@pytest.fixture(scope="module")
def archive(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a person's `podman build` and `podman save` make; the image itself stays on mec-3."""
    file = tmp_path_factory.mktemp("image") / "valkey.tar"
    with file.open("wb") as written:
        words = ["lab", "exec", "mec-3", "--", "sh", "-euc", BUILD]
        subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=site.environment, stdout=written, check=True
        )
    yield file
    site.shell("mec-3", f"podman rmi -f {NAME} localhost/debian-of-the-test 2>&1")


def test_an_archive_is_added_deployed_and_moves_there_and_back_with_a_connection_open(
    site: Site, deployed: Callable[..., str], archive: Path
) -> None:
    said = site.ok(
        "application", "add", "--archive", str(archive), "--name", "shop", "--probe", "tcp:6379",
        "--payload-hex", "50494e470d0a", "--env", "SHOP=open all day", "--memory-mb", "64",
    )  # fmt: skip
    assert "exposes 6379/tcp" in said
    assert "keeps /srv/kept in its instance layer" in said
    service = deployed("shop", kind="oci")
    site.shell("mec-1", f"podman exec {service} sh -c 'echo of the volume >/srv/kept/file'")
    move_there_and_back(site, service, "valkey", 6379)
    # the server writes its title over its environment: asked is what the container was made with
    looked = site.shell("mec-1", f"podman exec {service} sh -c 'cat /srv/kept/file; echo \"$SHOP\"' 2>/dev/null")
    assert looked == "of the volume\nopen all day\n"
    assert "shop" not in site.shell("mec-1", "podman images 2>/dev/null"), "the host's own images are not touched"
    site.assert_nothing_is_left()


def test_an_image_that_a_host_has_is_taken_by_its_name_and_stays_there(
    site: Site, deployed: Callable[..., str], archive: Path
) -> None:
    before = site.shell("mec-3", "podman images -q --no-trunc | sort 2>/dev/null")
    site.ok(
        "application", "add", "--image", NAME, "--name", "shop-by-name", "--probe", "tcp:6379",
        "--payload-hex", "50494e470d0a", "--command", "--save '' --maxmemory 8mb",
    )  # fmt: skip
    service = deployed("shop-by-name", host="mec-3", kind="oci")
    moved = site.migrate(service, "mec-2")
    assert (moved["outcome"], moved["error"]) == ("succeeded", "")
    limit = site.shell("mec-2", f"podman exec {service} valkey-cli config get maxmemory 2>/dev/null")
    assert limit.split() == ["maxmemory", str(8 * 2**20)]
    assert set(before.split()) <= set(site.shell("mec-3", "podman images -q --no-trunc 2>/dev/null").split())
    site.assert_nothing_is_left()


def test_an_image_that_nobody_has_is_named_with_the_hosts_reason(site: Site, archive: Path) -> None:
    site.ok("application", "add", "--image", "localhost:1/nowhere/none:1", "--name", "none", "--probe", "tcp:1")
    built = site.command("application", "build", "none", "--host", "mec-1")
    assert built.returncode == 1
    assert "localhost:1/nowhere/none:1 is not on this host and cannot be pulled" in built.stderr
    assert "connection refused" in built.stderr
    site.ok("application", "remove", "none")
    site.assert_nothing_is_left()


def test_an_image_whose_process_ends_at_once_is_undone_and_its_last_words_are_the_reason(
    site: Site, archive: Path
) -> None:
    site.ok(
        "application", "add", "--archive", str(archive), "--name", "wrong", "--probe", "tcp:6379",
        "--command", "--no-such-option yes",
    )  # fmt: skip
    said = site.command("service", "deploy", "wrong", "--application", "wrong", "--host", "mec-1")
    assert said.returncode == 1
    assert "wrong has ended here; it wrote: " in said.stderr
    assert "Bad directive or wrong number of arguments" in said.stderr
    site.ok("service", "remove", "wrong")
    site.ok("application", "remove", "wrong")
    site.assert_nothing_is_left()
