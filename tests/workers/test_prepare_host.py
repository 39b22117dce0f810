"""deploy/prepare-host.sh and the page that tells operators of it say the same; what it refuses, it refuses before any change."""

import re
import subprocess
from pathlib import Path

import pytest

from workers.hosts.facts import TOOL_PACKAGES

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/prepare-host.sh"
TEXT = SCRIPT.read_text()
PAGE = (ROOT / "docs/hosts.md").read_text()


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["sh", str(SCRIPT), *words], capture_output=True, text=True, timeout=30, check=False)


def options_taken() -> set[str]:
    """Those that its arguments are compared with."""
    patterns = re.findall(r"^ +(--[a-z-]+(?: \| --[a-z-]+)*)\)", TEXT, re.MULTILINE)
    return {option for pattern in patterns for option in pattern.split(" | ")}


def listed(name: str) -> list[str]:
    """The words of one of its lists."""
    return TEXT.split(f"\n{name}='")[1].split("'")[0].split()


def test_its_options_are_named_in_its_help_and_on_the_page() -> None:
    said = run("--help")
    assert said.returncode == 0
    assert options_taken() == set(re.findall(r"^ +(?:Usage.*sh )?(--[a-z-]+)", said.stdout, re.MULTILINE)) | {
        "--check",
        "--remove",
    }
    table = PAGE.split("| option |")[1].split("\n\n")[0]
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == options_taken()


@pytest.mark.parametrize("place", ["/etc/modules-load.d/mec-host.conf", "/etc/sudoers.d/mec-host", "/etc/mec-host"])
def test_what_it_writes_is_on_the_page(place: str) -> None:
    assert f"={place}\n" in TEXT
    assert f"`{place}`" in PAGE


def test_it_installs_each_package_that_the_check_asks_for() -> None:
    packages = [word for name in ("PACKAGES", "PACKAGES_FOR_MACHINES") for word in listed(name)]
    assert {*TOOL_PACKAGES.values(), "lxc", "criu", "rsync"} - {"openssh-client"} <= set(packages)


def test_it_loads_each_kernel_module_that_the_check_asks_for() -> None:
    modules = TEXT.split("MODULES='")[1].split("'")[0].split()
    asked = re.findall(r"for module in ([a-z_ ]+);", (ROOT / "workers/scripts/hosts/facts.sh").read_text())
    assert set(asked[0].split()) <= set(modules)


@pytest.mark.parametrize("setting", ["user =", "security_driver", "dynamic_ownership"])
def test_it_takes_nothing_of_what_confines_qemu(setting: str) -> None:
    assert setting not in TEXT.split("machines_make()")[1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--bridge", "a b"), "not a name of an interface"),
        (("--user", "Root; reboot"), "not a name of an account"),
        (("--key", "/nowhere"), "neither a file nor a public key"),
        (("--key",), "needs a value"),
        (("--backhaul", "198.51.100.11"), "ADDRESS/BITS"),
        (("--backhaul", "198.51.100.11/24"), "--backhaul-card"),
        (("--frobnicate",), "there is no option --frobnicate"),
    ],
)
def test_what_it_does_not_understand_is_refused_with_a_sentence(words: tuple[str, ...], why: str) -> None:
    refused = run("--check", *words)
    assert refused.returncode == 2
    assert why in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
