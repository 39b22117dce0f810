"""python -m tests.shellcheck: the scripts that run as root on hosts, linted as they are run: behind what all of them share."""

import json
import subprocess
import sys
from pathlib import Path

from workers.hosts.base import SCRIPTS, script_text

# what is meant: word splitting of lists that the portal made, names that a script shares with the functions it calls, and files
# that are on the host alone
MEANT = "SC2086,SC2034,SC1091"
SHELLCHECK = Path(sys.executable).parent / "shellcheck"


def faults_of(name: str) -> list[str]:
    """One line a fault, with the script's own line numbers."""
    common = script_text("common")
    text = common if name == "common" else common + script_text(name)
    before = 0 if name == "common" else common.count("\n")
    words = [str(SHELLCHECK), "--shell=sh", f"--exclude={MEANT}", "--format=json", "-"]
    # as they are started: sh -eu
    done = subprocess.run(words, input=f"set -eu\n{text}", capture_output=True, text=True, check=False)
    return [
        f"workers/scripts/{name}.sh:{fault['line'] - before - 1}: SC{fault['code']} {fault['message']}"
        for fault in json.loads(done.stdout)
        if fault["line"] > before + 1
    ]


def main() -> None:
    names = sorted(str(path.relative_to(SCRIPTS).with_suffix("")) for path in SCRIPTS.rglob("*.sh"))
    faults = [fault for name in names for fault in faults_of(name)]
    print("\n".join(faults) or f"{len(names)} scripts: shellcheck has nothing to say.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
