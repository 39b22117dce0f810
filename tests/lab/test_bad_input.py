"""What cannot be is refused with one clear sentence, and nothing changes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab
Deploy = Callable[..., str]


@pytest.fixture(scope="module")
def calm(site: Site) -> Iterator[str]:
    """A service that none of these refusals may touch."""
    site.ok("service", "deploy", "calm", "--application", "no-application", "--host", "mec-1")
    counted = site.count("calm")
    yield "calm"
    assert site.where("calm") == ["mec-1"]
    assert site.count("calm") > counted
    site.ok("service", "remove", "calm")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["live_migrate", "nobody", "--to", "mec-2"], "There is no service “nobody”"),
        (["live_migrate", "calm", "--to", "mec-9"], "There is no host “mec-9”"),
        (["live_migrate", "calm", "--to", "mec-1"], "already runs on mec-1: choose another target"),
        (["live_migrate", "calm", "--to", "user"], "is the user's side"),
        (["service", "deploy", "a;reboot", "--application", "no-application", "--host", "mec-1"], "cannot be a name"),
        (["service", "deploy", "-x", "--application", "no-application", "--host", "mec-1"], ""),
        (["service", "deploy", "calm", "--application", "no-application", "--host", "mec-2"], "already exists"),
        (
            ["service", "deploy", "x", "--application", "no-application", "--host", "mec-2", "--address", "9.9.9.9"],
            "not in the",
        ),
        (["network", "10.0.0.0/99"], "is not a network"),
        (["host", "add", "x", "--address", "127.0.0.1", "--port", "1", "--key-file", "/x", "--yes"], "127.0.0.1"),
        (["cancel_migration", "999999"], "There is no migration #999999"),
        (["application", "add", "/nowhere.toml"], "cannot be read"),
    ],
)
def test_it_is_refused_in_one_sentence(site: Site, calm: str, words: list[str], sentence: str) -> None:
    done = site.command(*words)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('colour = "red"', "colour is not a key that a recipe knows"),
        ('[[files]]\npath = "/../etc/passwd"\ncontent = ""', "leaves the layer's root"),
        ('[[files]]\npath = "/srv/x"\nsource = "../../../../etc/passwd"', "leaves the recipe's folder"),
    ],
)
def test_a_recipe_with_a_fault_is_refused(site: Site, tmp_path: Path, line: str, sentence: str) -> None:
    recipe = 'name = "bad"\ncommand = ["/bin/true"]\n%s\n[probe]\nprotocol = "udp"\nport = 1\n'
    if line.startswith("[["):
        recipe = 'name = "bad"\ncommand = ["/bin/true"]\n[probe]\nprotocol = "udp"\nport = 1\n%s\n'
    file = tmp_path / "bad.toml"
    file.write_text(recipe % line)
    done = site.command("application", "add", str(file))
    assert done.returncode != 0
    assert sentence in done.stderr
    assert not site.rows("select 1 from migrations_app_application where name = 'bad'")


def test_a_target_without_the_base_is_refused_and_can_be_provisioned(site: Site, calm: str) -> None:
    site.shell("mec-3", "mv /var/lib/mec/layers/base /var/lib/mec/layers/away")
    refused = site.migrate(calm, "mec-3")
    checked = site.ok("host", "check", "mec-3")
    site.shell("mec-3", "rm -rf /var/lib/mec/layers/away")
    site.link("mec-1", bandwidth_mbit=1000.0)
    site.link("mec-3", bandwidth_mbit=1000.0)
    provisioned = site.ok("base", "provision", "mec-3")
    site.link("mec-1", bandwidth_mbit=100.0)
    site.link("mec-3", bandwidth_mbit=100.0)
    # by the checks; or at once, where the portal looked at the host meanwhile
    assert refused["outcome"] in ("rejected", "refused")
    assert refused["exit_code"] == 1
    assert "mec-3 does not hold the base debian-13 for LXC: provision it." in refused["error"]
    assert "holds no base layer for LXC, so it cannot be a target of such services" in checked
    assert "mec-3 holds debian-13 (LXC) now" in provisioned
    assert "Ready" in site.ok("host", "check", "mec-3")


def test_a_base_that_differs_is_a_problem_and_refused(site: Site, calm: str) -> None:
    digest = "/var/lib/mec/layers/base/debian-13/digest"
    site.shell("mec-2", f"cp {digest} {digest}.true; echo 0123 >{digest}")
    checked = site.ok("host", "check", "mec-2")
    refused = site.command("live_migrate", calm, "--to", "mec-2")
    site.shell("mec-2", f"mv {digest}.true {digest}")
    assert "differs from the other hosts'" in checked
    assert refused.returncode == 1
    assert "The base debian-13 on mec-2 differs from that on mec-1: provision it anew." in refused.stderr
    assert "Ready" in site.ok("host", "check", "mec-2")


def test_a_changed_host_key_refuses_loudly(site: Site, calm: str) -> None:
    pinned = site.rows("select host_key from migrations_app_host where name = 'mec-2'")[0]["host_key"]
    other = site.rows("select host_key from migrations_app_host where name = 'mec-3'")[0]["host_key"]
    site.set_host("mec-2", host_key=other)
    refused = site.migrate(calm, "mec-2")
    site.set_host("mec-2", host_key=pinned)
    assert refused["outcome"] == "rejected"
    assert "another host key than the pinned one" in refused["error"]


def test_a_wrong_key_is_refused_with_what_to_do(site: Site, calm: str, tmp_path: Path) -> None:
    site.run_here("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "wrong"))
    right = site.rows("select key_file from migrations_app_host where name = 'mec-2'")[0]["key_file"]
    site.set_host("mec-2", key_file=str(tmp_path / "wrong"))
    refused = site.migrate(calm, "mec-2")
    site.set_host("mec-2", key_file=right)
    assert refused["outcome"] == "rejected"
    assert "authorized_keys" in refused["error"]


def test_a_full_disk_at_the_target_is_found_by_the_checks(site: Site, calm: str) -> None:
    site.shell(
        "mec-2", "fallocate -l $(($(df -P -B1 /var/lib/mec | awk 'NR==2{print $4}') - 20000000)) /var/lib/mec/full"
    )
    refused = site.migrate(calm, "mec-2")
    site.shell("mec-2", "rm /var/lib/mec/full")
    assert refused["outcome"] == "rejected"
    assert "MB of disk free and needs" in refused["error"]


def test_all_other_work_on_a_service_that_is_being_migrated_is_refused(site: Site, calm: str) -> None:
    last = site.rows("select coalesce(max(id), 0) as id from migrations_app_migration")[0]["id"]
    site.link("mec-1", bandwidth_mbit=0.4)  # it takes longer than the commands take to start
    site.begin(calm, "mec-2")
    migration = site.wait_for_new_migration(after=last)
    with ThreadPoolExecutor() as pool:
        others = (("live_migrate", calm, "--to", "mec-3"), ("service", "stop", calm), ("service", "remove", calm))
        refused = list(pool.map(lambda words: site.command(*words), others))
    still = site.rows("select status from migrations_app_migration where id = ?", migration)[0]["status"]
    site.link("mec-1", bandwidth_mbit=100.0)
    assert still == "running", "it was over before the others asked"
    assert site.wait_for_end(migration)["status"] == "succeeded"
    for other in refused:
        assert other.returncode == 1
        assert f"is already being migrated to mec-2 (#{migration})" in other.stderr
    assert site.migrate(calm, "mec-1")["outcome"] == "succeeded"
