"""What technologies share whose state CRIU saves. Pure."""

from collections.abc import Mapping
from typing import Any

from .base import Tool
from .versions import criu_follows, version

OLDEST = (3, 17)
TOOL = Tool("criu_version", "CRIU", criu_follows, "criu")
FACTS = ("criu_version", "CRIU"), ("criu_check", "criu check")
SCRIPTS = "containers"


def problems(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Of the host's CRIU."""
    installed = values["criu_version"]
    if not installed:
        return []
    if version(installed)[:2] < OLDEST:
        return [{"what": f"CRIU {installed} is too old.", "fix": "apt-get install -t forky criu"}]
    if "Looks good" not in values["criu_check"]:
        return [{"what": f"CRIU does not work here: {values['criu_check']}", "fix": "criu check --all"}]
    return []
