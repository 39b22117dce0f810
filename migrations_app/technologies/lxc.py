"""LXC containers, saved and restored by CRIU."""

from collections.abc import Mapping
from typing import Any

from .base import Technology, Tool, Work
from .processors import processor
from .versions import criu_follows, lxc_follows, version


def _described(facts: Mapping[str, Any], papers: Mapping[str, Any]) -> str:
    return (
        f"Containers: LXC {facts.get('lxc_version')} and CRIU {facts.get('criu_version')} here, LXC "
        f"{papers['host']['lxc_version']} in the paper."
    )


OLDEST_CRIU = (3, 17)


def _problems(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Of the host's CRIU."""
    installed = values["criu_version"]
    if not installed:
        return []
    if version(installed)[:2] < OLDEST_CRIU:
        return [{"what": f"CRIU {installed} is too old.", "fix": "apt-get install -t forky criu"}]
    if "Looks good" not in values["criu_check"]:
        return [{"what": f"CRIU does not work here: {values['criu_check']}", "fix": "criu check --all"}]
    return []


LXC = Technology(
    key="lxc",
    label="LXC",
    noun="a container",
    tools=(Tool("lxc_version", "LXC", lxc_follows, "lxc"), Tool("criu_version", "CRIU", criu_follows, "criu")),
    facts=(("lxc_version", "LXC"), ("criu_version", "CRIU"), ("criu_check", "criu check")),
    work=Work(0.45, 0.6, 0.3),
    clone="a mount",
    list_command="lxc-ls -P /var/lib/mec/instances -f",
    remove_command=(
        "lxc-stop -P /var/lib/mec/instances -n {name} -k; umount /var/lib/mec/instances/{name}/rootfs; "
        "rm -rf --one-file-system /var/lib/mec/instances/{name}"
    ),
    layers_folder="",  # there before other technologies were
    layer_content="rootfs",
    first_answer_limit_s=60.0,
    fits=processor,
    problems=_problems,
    described=_described,
)
