"""What the scripts of containers do on a host, on both versions of control groups, with a stand-in for CRIU."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.world import World
from tests.workers.containers import running
from tests.workers.this_machine import ThisMachine
from workers.guests.lxc.guest import config


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    return ThisMachine(tmp_path)


@pytest.mark.parametrize(
    ("version", "freezer", "roots"),
    [
        (
            1,
            "freezer/lxc.payload.echo",
            "--cgroup-root name=systemd:/lxc.payload.echo --cgroup-root freezer:/lxc.payload.echo"
            " --cgroup-root cpu,cpuacct:/lxc.payload.echo",
        ),
        (2, "lxc.payload.echo", "--cgroup-root /lxc.payload.echo"),
    ],
)
async def test_criu_saves_a_container_with_the_control_groups_of_its_host(
    version: int, freezer: str, roots: str, here: ThisMachine
) -> None:
    running(here, version)
    await here.call("lxc/suspend", 7, "echo", 5)
    words = (here.run / "words").read_text()
    assert words.startswith("dump -t 1234 ")
    assert " --leave-running " in words
    assert words.strip().endswith(f"--freeze-cgroup {here.cgroups}/{freezer} {roots}")


@pytest.mark.parametrize(
    ("version", "file", "frozen", "thawed"),
    [
        (1, "freezer/lxc.payload.echo/freezer.state", "FROZEN", "THAWED"),
        (2, "lxc.payload.echo/cgroup.freeze", "1", "0"),
    ],
)
async def test_a_restored_container_that_stayed_frozen_is_seen_and_resumed_though_liblxc_does_not_know(
    version: int, file: str, frozen: str, thawed: str, here: ThisMachine
) -> None:
    here.container("echo", version)
    (here.cgroups / file).write_text(frozen + "\n")
    if version == 2:
        (here.cgroups / "lxc.payload.echo/cgroup.events").write_text("populated 1\nfrozen 1\n")
    assert (await here.call("lxc/locate", 7, "echo"))["state"] == "FROZEN"
    await here.call("lxc/resume", 7, "echo")
    assert (here.cgroups / file).read_text().strip() == thawed


@pytest.mark.parametrize(
    ("version", "limits"),
    [
        (
            1,
            {"memory/{0}/memory.limit_in_bytes": "64M", "cpu/{0}/cpu.cfs_quota_us": "50000", "pids/{0}/pids.max": "77"},
        ),
        (2, {"{0}/memory.max": "64M", "{0}/cpu.max": "50000 100000", "{0}/pids.max": "77"}),
    ],
)
async def test_a_moved_container_gets_its_limits_on_either_version_of_control_groups(
    version: int, limits: dict[str, str], here: ThisMachine
) -> None:
    here.container("echo", version)
    groups = "7:memory:/lxc.payload.echo\n8:pids:/lxc.payload.echo\n"
    here.groups.write_text(here.groups.read_text() + (groups if version == 1 else ""))
    instance = replace(World().context().spec.instance, cpus=0.5, pids=77)
    (here.place / "instances/echo/config").write_text(config(instance, "br-access"))
    assert await here.call("lxc/settle_target", 7, "echo") == {}
    for file, limit in limits.items():
        assert (here.cgroups / file.format("lxc.payload.echo")).read_text().strip() == limit


async def test_a_limit_that_a_host_cannot_set_is_a_problem_that_is_told(here: ThisMachine) -> None:
    here.container("echo", version=2)
    (here.cgroups / "lxc.payload.echo/pids.max").mkdir()
    (here.place / "instances/echo/config").write_text("lxc.cgroup2.pids.max = 77\n")
    said = await here.call("lxc/settle_target", 7, "echo")
    assert said["problem"] == "the limit pids.max of echo could not be set to 77 on this host"
