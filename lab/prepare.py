"""Making this machine ready, before anything else exists: standard library only, run by the Makefile.

`python3 -m lab.prepare demo|test` says all that is missing and cannot be installed (exit code 2, nothing made), then installs
the Debian packages that are missing, saying so before.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from lab.errors import LabError
from lab.layout import lab_dir, lab_name
from lab.requirements import COMMANDS, VM_COMMANDS, Missing, missing

EXIT_UNMET = 2
# what a command needs: the program that shows it is there, and the Debian package that brings it
DEMO = {**COMMANDS, "python3": "python3"}
TEST = {
    **DEMO,
    **VM_COMMANDS,
    "chromium": "chromium",
    "/usr/lib/postgresql/*/bin/postgres": "postgresql",
    "rsync": "rsync",
    "xxh128sum": "xxhash",
}


def unmet() -> list[Missing]:
    """What is missing and no package can bring."""
    installable = tuple(f"the command {name}" for name in COMMANDS)
    found = [item for item in missing(lab_dir(lab_name())) if not item.what.startswith(installable)]
    if sys.version_info < (3, 11):  # noqa: UP036  (the system's python3 runs this)
        found.append(Missing("Python 3.11", "use Debian 12 or 13, whose python3 is new enough"))
    if shutil.which("apt-get") is None:
        found.append(Missing("apt-get", "use Debian 12 or 13: the hosts are made from Debian's packages"))
    return found


def packages(wanted: dict[str, str]) -> list[str]:
    """The Debian packages that are not installed."""
    return sorted({package for program, package in wanted.items() if not _is_there(program)})


def _is_there(program: str) -> bool:
    if "/" in program:
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/bin") is not None


def install(names: list[str]) -> None:
    """Install Debian packages. Raises CalledProcessError."""
    print(f"Installing Debian packages: {' '.join(names)}", flush=True)
    environment = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(["apt-get", "-qq", "update"], check=True, env=environment)
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *names]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def main() -> int:
    """What the Makefile calls."""
    try:
        found = unmet()
    except LabError as error:
        found = [Missing("a usable setting", str(error))]
    if found:
        print(f"This machine lacks {len(found)} of what MEC Portal needs here:", file=sys.stderr)
        for item in found:
            print(f"- {item.what}: {item.fix}", file=sys.stderr)
        return EXIT_UNMET
    if names := packages(TEST if sys.argv[1:] == ["test"] else DEMO):
        install(names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
