"""LXC containers, saved and restored by CRIU."""

from collections.abc import Mapping
from typing import Any

from . import criu
from .base import Technology, Tool, Work
from .processors import processor
from .versions import lxc_follows


def _described(facts: Mapping[str, Any], papers: Mapping[str, Any]) -> str:
    return (
        f"Containers: LXC {facts.get('lxc_version')} and CRIU {facts.get('criu_version')} here, LXC "
        f"{papers['host']['lxc_version']} in the paper."
    )


LXC = Technology(
    key="lxc",
    label="LXC",
    noun="a container",
    tools=(Tool("lxc_version", "LXC", lxc_follows, "lxc"), criu.TOOL),
    facts=(("lxc_version", "LXC"), *criu.FACTS),
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
    problems=criu.problems,
    shares=(criu.SCRIPTS,),
    described=_described,
)
