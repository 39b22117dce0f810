"""What operators meet on whole Debian machines: their own kernel, systemd, cgroup v2 and AppArmor, and Debian's CRIU."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import RealSite

pytestmark = pytest.mark.lab
RECIPES = Path(__file__).parent / "recipes"
CALLER = RECIPES / "caller.py"
# An image of the machine's own Python and of lines.py, run by another user than root. A whole Debian would take minutes to unpack
# on a machine without acceleration.
PACK = f"""
cat >/srv/lines.py <<'END'
{(RECIPES / "lines.py").read_text()}
END
{{
    dpkg-query -W -f '${{Package}}\\n' '*python3.*-minimal' | xargs dpkg -L
    ldd /usr/bin/python3 | grep -o '/[^ ]*'
    echo /usr/bin/python3
    echo /srv/lines.py
}} | while read -r file; do [ ! -f "$file" ] || echo "$file"; done | tar -ch -T - 2>/dev/null |
    podman import -q --change 'ENTRYPOINT ["/usr/bin/python3", "-S", "/srv/lines.py"]' --change 'USER 1' - localhost/lines:1
"""
# of recipes/lines.toml, as the kernel says them
LIMITS = ["100663296", "50000 100000", "40"]


@pytest.fixture(scope="module")
def service(site: RealSite) -> Iterator[str]:
    """One service for all tests, deployed once."""
    site.ok("service", "deploy", "lines", "--application", "lines", "--host", "mec-1", limit_s=300)
    yield "lines"
    site.ok("service", "remove", "lines")
    assert site.where("lines") == []


@pytest.fixture
def packed(site: RealSite) -> Iterator[str]:
    """A container of an image that one host has."""
    site.shell("mec-1", PACK)
    site.ok("application", "add", str(RECIPES / "packed.toml"))
    site.ok("service", "deploy", "packed", "--application", "packed", "--host", "mec-1", limit_s=300)
    yield "packed"
    site.ok("service", "remove", "packed")
    assert site.where("packed") == []
    site.shell("mec-1", "podman rmi localhost/lines:1 2>&1")


def limits_of(site: RealSite, host: str, service: str) -> list[str]:
    group = f"/sys/fs/cgroup/lxc.payload.{service}"
    return site.shell(host, f"cd {group}* && cat memory.max cpu.max pids.max").splitlines()


@contextmanager
def one_connection(site: RealSite, service: str) -> Iterator[list[int]]:
    """A user's TCP connection, open meanwhile; afterwards the numbers that were answered."""
    address = site.rows("select address from migrations_app_service where name = ?", service)[0]["address"]
    site.shell("user", f"rm -f /tmp/stop; cat >/tmp/caller.py <<'END'\n{CALLER.read_text()}\nEND\n")
    site.shell("user", f"setsid python3 /tmp/caller.py {address} /tmp/stop >/tmp/numbers 2>&1 </dev/null &")
    numbers: list[int] = []
    yield numbers
    site.shell("user", "touch /tmp/stop")
    site.wait("the caller's end", lambda: not site.shell("user", "pgrep -f '[c]aller.py' || true"), 60)
    numbers += [int(word) for word in site.shell("user", "cat /tmp/numbers").split()]


def test_a_service_goes_there_and_back_by_each_method_with_one_connection_and_keeps_its_limits(
    site: RealSite, service: str
) -> None:
    here = site.where(service)[0]
    assert limits_of(site, here, service) == LIMITS
    with one_connection(site, service) as numbers:
        for method in ("save", "save", "iterative", "iterative"):
            counted, here = site.count(service), next(host for host in site.hosts if host != here)
            moved = site.migrate(service, here, "--method", method)
            assert (moved["outcome"], moved["error"]) == ("succeeded", ""), moved
            assert site.where(service) == [here]
            assert limits_of(site, here, service) == LIMITS
            assert site.count(service) > counted
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 10
    site.assert_nothing_is_left()


def test_a_container_image_that_one_host_has_goes_there_and_back_with_one_connection_and_keeps_its_limits(
    site: RealSite, packed: str
) -> None:
    group = f'cd $(find /sys/fs/cgroup -name "libpod-$(cat /var/lib/mec/instances/{packed}/container)*" | head -n1)'
    with one_connection(site, packed) as numbers:
        for here in ("mec-2", "mec-1"):
            counted = site.count(packed)
            moved = site.migrate(packed, here)
            assert (moved["outcome"], moved["error"]) == ("succeeded", ""), moved
            assert site.where(packed) == [here]
            assert site.shell(here, f"{group} && cat memory.max cpu.max pids.max").splitlines() == LIMITS
            assert site.count(packed) > counted
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 5
    site.assert_nothing_is_left()


# an administrator's own firewall, by nftables alone: what is not named is dropped
OWN_FIREWALL = """\
flush ruleset
table inet own {
    chain forward {
        type filter hook forward priority filter; policy drop;
    }
}
"""
FIREWALLS = {
    # as Docker leaves a host
    "iptables": "iptables -w -P FORWARD DROP",
    "nftables": f"cat >/etc/nftables.conf <<'END'\n{OWN_FIREWALL}END\nsystemctl -q enable nftables && systemctl restart nftables",
}


def problems(site: RealSite, host: str) -> list[str]:
    return [line.strip() for line in site.ok("host", "check", host).splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("firewall", FIREWALLS)
def test_a_service_answers_on_a_host_whose_firewall_drops_what_it_forwards(
    site: RealSite, service: str, firewall: str
) -> None:
    here = site.where(service)[0]
    there = next(host for host in site.hosts if host != here)
    # with this module a firewall is asked for what only crosses a bridge, too
    site.shell(there, f"modprobe br_netfilter && {FIREWALLS[firewall]}")
    try:
        site.shell(there, "sh /etc/mec-host/pass-bridge.sh forget br-access")
        assert "drops what crosses the bridge br-access" in problems(site, there)[0]
        site.shell(there, "systemctl reload mec-networks.service")
        assert problems(site, there) == []
        counted = site.count(service)
        moved = site.migrate(service, there)
        assert (moved["outcome"], moved["error"]) == ("succeeded", ""), moved
        assert site.count(service) > counted
    finally:
        site.shell(there, "iptables -w -P FORWARD ACCEPT; nft delete table inet own; systemctl disable nftables; true")


def test_hosts_that_were_rebooted_are_as_they_were_prepared_and_the_service_is_started_again(
    site: RealSite, service: str
) -> None:
    here = site.where(service)[0]
    before = {host: site.boot_id(host) for host in site.hosts}
    for host in site.hosts:
        site.shell(host, "setsid sh -c 'sleep 1; systemctl reboot' >/dev/null 2>&1 </dev/null &")
    for host in site.hosts:
        site.wait(f"{host} to start again", lambda host=host: site.boot_id(host) not in ("", before[host]), 300)
        said = site.prepare(host, "--check")
        assert said.returncode == 0, said.stdout
    query = "select 1 from migrations_app_timelineevent where kind = 'autostarted' and host_name = ?"
    site.wait("its service to be started", lambda: site.rows(query, here), 180)
    status = "select status from migrations_app_service where name = ?"
    site.wait("its service to run", lambda: site.rows(status, service)[0]["status"] == "running", 180)
    assert site.where(service) == [here]
    assert limits_of(site, here, service) == LIMITS
    for host in site.hosts:
        assert problems(site, host) == []


def test_a_host_is_a_stock_debian_with_cgroup_v2_and_apparmor(site: RealSite) -> None:
    look = "cat /proc/1/comm /sys/module/apparmor/parameters/enabled /sys/class/net/eth0/ifindex; stat -fc %T /sys/fs/cgroup"
    said = site.shell("mec-1", look)
    assert said.split() == ["systemd", "Y", "2", "cgroup2fs"]


def test_the_script_that_prepared_the_hosts_finds_nothing_missing_and_changes_nothing(site: RealSite) -> None:
    for host in site.hosts:
        for options in (("--check",), ()):
            said = site.prepare(host, *options)
            assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "This host is prepared."), said.stdout


def test_what_is_taken_from_a_host_is_named_by_a_look_that_changes_nothing_and_made_anew_by_the_script(
    site: RealSite, service: str
) -> None:
    free = next(host for host in site.hosts if host not in site.where(service))
    site.shell(free, "systemctl stop mec-networks.service; rm /etc/modules-load.d/mec-host.conf")
    for _twice in range(2):
        said = site.prepare(free, "--check")
        assert said.returncode == 1
        assert [line.split(":")[0] for line in said.stdout.splitlines()[:-1]] == ["missing", "missing"], said.stdout
    assert site.prepare(free).returncode == 0
    assert site.prepare(free, "--check").returncode == 0


# as the script's first version wrote it: the bridge goes with the unit
UNIT = "/etc/systemd/system/mec-networks.service"
FIRST_VERSION = f"sed -i 's/^ExecStop=.*ip link delete .*/ExecStop=-ip link delete br-access/' {UNIT}"


def test_a_service_stays_in_its_network_while_its_host_is_prepared_again(site: RealSite, service: str) -> None:
    here = site.where(service)[0]
    counted = site.count(service)
    site.shell(here, "systemctl restart mec-networks.service")
    assert site.count(service) > counted
    site.shell(here, f"{FIRST_VERSION} && systemctl daemon-reload")
    assert site.prepare(here, "--check").returncode == 1
    assert site.prepare(here).returncode == 0
    assert site.count(service) > counted
    assert site.prepare(here, "--check").returncode == 0
    refused = site.prepare(here, "--bridge", "br-other")
    assert refused.returncode != 0
    assert "services are attached to the bridge br-access" in refused.stdout
    assert site.count(service) > counted
    assert site.prepare(here, "--bridge", "br-access").returncode == 0


def test_the_portal_finds_no_problem_on_a_host(site: RealSite) -> None:
    for host in site.hosts:
        assert problems(site, host) == []
