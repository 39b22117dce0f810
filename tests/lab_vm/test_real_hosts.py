"""What operators meet on whole Debian machines: their own kernel, systemd, cgroup v2 and AppArmor, and Debian's CRIU."""

import pytest

from .conftest import RealSite

pytestmark = pytest.mark.lab


def test_a_host_is_a_stock_debian_with_cgroup_v2_and_apparmor(site: RealSite) -> None:
    look = "cat /proc/1/comm /sys/module/apparmor/parameters/enabled /sys/class/net/eth0/ifindex; stat -fc %T /sys/fs/cgroup"
    said = site.shell("mec-1", look)
    assert said.split() == ["systemd", "Y", "2", "cgroup2fs"]


def test_the_script_that_prepared_the_hosts_finds_nothing_missing_and_changes_nothing(site: RealSite) -> None:
    for host in site.hosts:
        for options in (("--check",), ()):
            said = site.prepare(host, *options)
            assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "This host is prepared."), said.stdout


def test_what_is_taken_from_a_host_is_named_by_a_look_that_changes_nothing_and_mended_by_the_script(
    site: RealSite,
) -> None:
    site.shell("mec-2", "systemctl stop mec-networks.service; rm /etc/modules-load.d/mec-host.conf")
    for _twice in range(2):
        said = site.prepare("mec-2", "--check")
        assert said.returncode == 1
        assert [line.split(":")[0] for line in said.stdout.splitlines()[:-1]] == ["missing", "missing"], said.stdout
    assert site.prepare("mec-2").returncode == 0
    assert site.prepare("mec-2", "--check").returncode == 0


def test_the_portal_finds_no_problem_on_a_host(site: RealSite) -> None:
    for host in site.hosts:
        said = site.ok("host", "check", host)
        assert [line for line in said.splitlines() if line.startswith("  ")] == []
