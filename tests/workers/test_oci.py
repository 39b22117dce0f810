"""What is said of OCI containers without any host: their settings, and why one cannot be saved."""

import subprocess
from dataclasses import replace

import pytest

from migrations_app.technologies.findings import Side
from tests.engine.fakes import FakeHost
from tests.engine.world import World
from tests.workers.test_preflight import SOURCE, TARGET
from workers.engine import MigrationError
from workers.guests.oci.guest import OciGuest, settings
from workers.layers.oci import create_container
from workers.specs import ImageSpec

TOOLS = {"podman_version": "5.4.2", "runc_version": "1.1.15"}
INSTANCE = World(kind="oci").context().spec.instance


def test_a_host_is_told_all_that_makes_the_container_and_nothing_where_there_is_no_limit() -> None:
    assert settings(INSTANCE, "br-access").splitlines() == [
        "name=echo",
        "hardware=02:4d:00:00:00:07",
        "address=10.0.2.10/24",
        "cable=mec00000007",
        "bridge=br-access",
        "memory=64m",
        "cpus=",
        "pids=",
    ]
    limited = settings(replace(INSTANCE, cpus=0.5, pids=40), "br-access").splitlines()
    assert limited[-2:] == ["cpus=0.5", "pids=40"]


def test_a_word_that_would_add_a_line_is_refused() -> None:
    with pytest.raises(MigrationError, match="cannot stand in a container's configuration"):
        settings(INSTANCE, "br-access\nmemory=0")


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        ({}, {}, ""),
        ({"unreadable_limits": "yes"}, {}, "root on mec-1 lacks CAP_SYS_RESOURCE"),
        ({}, {"runc_version": ""}, "mec-2 has no runc"),
        ({"runc_version": "1.1.15"}, {"runc_version": "2.0.1"}, "runc is 1.1.15 on mec-1 and 2.0.1 on mec-2"),
        ({}, {"criu_version": "4.1.1"}, "an older CRIU does not read"),
        ({}, {"podman_version": "5.8.2"}, ""),
    ],
)
async def test_what_speaks_against_a_move_is_named(here: dict[str, str], there: dict[str, str], why: str) -> None:
    sides = Side("mec-1", SOURCE | TOOLS | here), Side("mec-2", TARGET | TOOLS | there)
    found = await OciGuest().faults(FakeHost("mec-2"), *sides)
    assert [why in sentence for sentence in found] == ([True] if why else [])


def made(image: ImageSpec) -> str:
    script = f'BUILD=1\nbuilder() {{ printf "<%s>" "$@"; }}\n{create_container(image)}\ncreate_container image\necho "$has_changes"'
    return subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout


def test_what_a_recipe_says_beyond_its_image_is_quoted_and_nothing_of_it_is_a_command() -> None:
    image = ImageSpec("a", None, "", {"A": "b c'; touch /tmp/x; '"}, ("--save", "", "$(id)"))
    assert made(image).endswith("<never><--env=A=b c'; touch /tmp/x; '><image><--save><><$(id)>yes\n")
    assert made(replace(image, environment={}, command=())).endswith("<never><image>\n")
