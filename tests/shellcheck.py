"""python -m tests.shellcheck: the scripts that run as root on hosts, linted as they are run: the portal's own behind what all
of them share, those of deploy/ alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from migrations_app.technologies import TECHNOLOGIES
from workers.hosts.base import GUESTS, SCRIPTS, script_file, script_text, shared_by

# what is meant: word splitting of lists that the portal made, names that a script shares with the functions it calls, and files
# that are on the host alone
MEANT = "SC2086,SC2034,SC1091"
ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
SHELLCHECK = Path(sys.executable).parent / "shellcheck"


def faults_of(name: str) -> list[str]:
    """One line a fault, with the script's own line numbers."""
    common = "" if name == "common" else script_text("common") if name.endswith("/common") else shared_by(name)
    if name.endswith("/layers/common"):
        common += script_text(f"{name.split('/')[0]}/common")
    text, before = common + script_text(name), common.count("\n")
    # as they are started: sh -eu
    return [
        f"{script_file(name).relative_to(ROOT)}:{fault['line'] - before - 1}: SC{fault['code']} {fault['message']}"
        for fault in look_at(f"set -eu\n{text}")
        if fault["line"] > before + 1
    ]


def look_at(text: str) -> list[dict[str, Any]]:
    """What shellcheck says of a script."""
    words = [str(SHELLCHECK), "--shell=sh", f"--exclude={MEANT}", "--format=json", "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    faults: list[dict[str, Any]] = json.loads(done.stdout)
    return faults


def main() -> None:
    names = sorted(str(path.relative_to(SCRIPTS).with_suffix("")) for path in SCRIPTS.rglob("*.sh"))
    # what all technologies do alike to a layer stands behind the functions of one of them
    names = [f"{next(iter(TECHNOLOGIES))}/{name}" if name.startswith("layers/") else name for name in names]
    for folder in sorted(GUESTS.glob("*/scripts")):
        kind = folder.parent.name
        names += sorted(f"{kind}/{path.relative_to(folder).with_suffix('')}" for path in folder.rglob("*.sh"))
    faults = [fault for name in names for fault in faults_of(name)]
    operators = sorted(DEPLOY.glob("*.sh"))
    for script in operators:
        faults += [
            f"deploy/{script.name}:{fault['line']}: SC{fault['code']} {fault['message']}"
            for fault in look_at(script.read_text())
        ]
    print("\n".join(faults) or f"{len(names) + len(operators)} scripts: shellcheck has nothing to say.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
