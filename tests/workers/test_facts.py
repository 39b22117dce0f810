"""A host's facts: captured output in, values and problems out."""

from pathlib import Path

import pytest

from workers.hosts.base import parse_values
from workers.hosts.facts import parse, problems_of

CAPTURED = (Path(__file__).parent / "captured" / "facts-debian-13.txt").read_text()


def facts_with(**changed: str) -> dict[str, object]:
    return parse({**parse_values(CAPTURED), **changed}, clock_offset_ms=3.0).values


def what(values: dict[str, object]) -> list[str]:
    return [problem["what"] for problem in problems_of(values, "10.61.1.11", "br-access")]


def test_a_ready_host_has_no_problems() -> None:
    assert what(facts_with()) == []


def test_the_values_are_numbers_where_they_count() -> None:
    facts = parse(parse_values(CAPTURED), clock_offset_ms=3.0)
    assert facts.values["cores"] == 2
    assert facts.values["lxc_version"].startswith("6.")
    assert facts.values["disk_free_bytes"] > 10**9
    assert [layer.path for layer in facts.layers] == ["base/debian-13", "app/overlay/no-application-a60635f81c0f"]
    assert facts.instances == [], "it was captured in the midst of a migration away"
    assert facts.leftovers == {"migrations/7": "7"}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"missing_tools": " xxh128sum arping"}, "xxhash is missing."),
        ({"criu_version": ""}, "criu is missing."),
        ({"criu_version": "3.15"}, "CRIU 3.15 is too old."),
        ({"criu_check": "Error: no vdso"}, "CRIU does not work here: Error: no vdso"),
        ({"own_name": "no"}, "It does not know its own name without asking a resolver, and sudo asks at each command."),
        (
            {"missing_modules": " overlay"},
            "The kernel has no overlay, not as a module either, which the default storage needs.",
        ),
        (
            {"missing_modules": " veth"},
            "The kernel has no veth, not as a module either, which containers need for their network.",
        ),
        ({"backhaul_interface": ""}, "No interface has the backhaul address 10.61.1.11."),
        ({"bridge": "no"}, "The bridge br-access, which services attach to, is missing."),
        (
            {"dropping_firewall": "iptables"},
            "Its firewall (iptables) drops what crosses the bridge br-access: services here would not be reached from outside.",
        ),
        (
            {"dropping_firewall": "inet filter forward"},
            "Its firewall (inet filter forward) drops what crosses the bridge br-access: services here would not be reached from "
            "outside.",
        ),
        ({"disk_free_bytes": "1000000"}, "Only 1 MB of disk are free below /var/lib/mec."),
        ({"memory_free_bytes": "1000000"}, "Only 1 MB of memory are free."),
    ],
)
def test_each_problem_has_one_sentence_and_a_fix(changed: dict[str, str], sentence: str) -> None:
    values = facts_with(**changed)
    assert sentence in what(values)
    assert all(problem["fix"] for problem in problems_of(values, "10.61.1.11", "br-access"))


def test_a_clock_that_is_off_is_a_problem() -> None:
    values = parse(parse_values(CAPTURED), clock_offset_ms=-2500).values
    assert what(values) == ["Its clock differs from the portal's by -2.5 s."]
