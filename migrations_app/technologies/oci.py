"""OCI containers: Podman keeps them, runc runs them, CRIU saves and restores them."""

from collections.abc import Mapping
from typing import Any

from . import criu
from .base import Technology, Tool, Work
from .processors import processor
from .versions import podman_follows, runc_follows


def _described(facts: Mapping[str, Any], _papers: Mapping[str, Any]) -> str:
    return (
        f"OCI containers: Podman {facts.get('podman_version')}, runc {facts.get('runc_version')} and CRIU "
        f"{facts.get('criu_version')}; the paper has none."
    )


OCI = Technology(
    key="oci",
    label="OCI",
    noun="an OCI container",
    tools=(
        Tool("podman_version", "Podman", podman_follows, "podman"),
        Tool("runc_version", "runc", runc_follows, "runc"),
        criu.TOOL,
    ),
    facts=(("podman_version", "Podman"), ("runc_version", "runc"), *criu.FACTS),
    work=Work(1.2, 0.8, 0.5),
    clone="a container of the image",
    list_command="podman ps -a",
    remove_command=(
        "podman rm -f {name}; ip netns delete mec-{name}; rm -rf --one-file-system /var/lib/mec/instances/{name}"
    ),
    layers_folder="oci/",
    layer_content="image",
    first_answer_limit_s=60.0,
    fits=processor,
    problems=criu.problems,
    shares=(criu.SCRIPTS,),
    begun_by=2,
    storages=("overlay",),
    no_storage="Podman keeps the layers of an image as overlays: choose the storage Overlay.",
    archive_command="podman save -o FILE IMAGE",
    described=_described,
)
