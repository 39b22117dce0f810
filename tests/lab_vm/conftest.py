"""Two virtual machines as MEC hosts and one user, booted once for all tests of real hosts."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.site import Site

RECIPE = Path(__file__).parent / "recipes/lines.toml"
# the account that the portal has on one of the hosts; on the other it is root
ACCOUNT = "portal"


class RealSite(Site):
    """A site whose hosts are whole Debian machines."""

    hosts = ("mec-1", "mec-2")
    up = ("--machines", "vm", "--hosts", "2")

    def prepare(self, host: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """Run the script that operators run on a host, and that its image was made with."""
        program = f"sh /root/prepare-host.sh {' '.join(options)} 2>&1; echo exit=$?"
        said, _, status = self.shell(host, program).rpartition("exit=")
        return subprocess.CompletedProcess(options, int(status), said)

    def boot_id(self, host: str) -> str:
        """Another one after each start; empty while the host does not answer."""
        try:
            return self.shell(host, "cat /proc/sys/kernel/random/boot_id")
        except subprocess.SubprocessError:
            return ""

    def bring_up(self) -> None:
        """The second host lets the portal in by an account with sudo, as the script makes it."""
        super().bring_up()
        self.ok("application", "add", str(RECIPE))
        public = Path(self.environment["MEC_LAB_DIR"], self.lab, "keys/operator.pub").read_text().strip()
        made = self.prepare("mec-2", "--user", ACCOUNT, "--key", f"'{public}'")
        assert made.returncode == 0, made.stdout
        self.set_host("mec-2", user=ACCOUNT)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[RealSite]:
    """The edge and its portal. Without acceleration it takes some minutes to come up."""
    number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    lab, port = os.environ.get("MEC_TEST_LAB", "labsite"), int(os.environ.get("MEC_TEST_PORT", "8190"))
    site = RealSite(tmp_path_factory.mktemp("site"), port=port + 100 + number, lab=f"{lab[:6]}v{number}")
    try:
        site.bring_up()
        yield site
    finally:
        site.end()
