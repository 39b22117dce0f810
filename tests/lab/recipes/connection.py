"""A user's TCP connection that stays open while its service moves."""

import json
import subprocess
import sys
from pathlib import Path

from tests.lab.site import ROOT, Site

HERE = Path(__file__).parent


class Client:
    """Someone at the user's machine who keeps one connection open."""

    def __init__(self, site: Site, kind: str, service: str, port: int) -> None:
        self.site = site
        self.stop = f"/tmp/stop-{service}"
        site.inside("user", "rm", "-f", self.stop)  # an earlier one's of this service
        address = site.rows("select address from migrations_app_service where name = ?", service)[0]["address"]
        program = (HERE / "client.py").read_text()
        words = ["lab", "exec", "user", "--", "python3", "-c", program, kind, address, str(port), self.stop]
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=site.environment, stdout=subprocess.PIPE, text=True
        )

    def ended(self) -> dict[str, list[int]]:
        """Let it end; what it saw."""
        self.site.inside("user", "touch", self.stop)
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        saw: dict[str, list[int]] = json.loads(said)
        return saw


def move_there_and_back(site: Site, service: str, kind: str, port: int, *how: str) -> None:
    """From mec-1 to mec-2 and home, with one connection open the whole time, on which nothing is lost or answered twice."""
    client = Client(site, kind, service, port)
    for target in ("mec-2", "mec-1"):
        moved = site.migrate(service, target, *how)
        assert (moved["outcome"], moved["error"]) == ("succeeded", "")
        assert site.where(service) == [target]
    values = client.ended()["values"]
    assert len(values) > 50
    # where the service itself counts, a second client goes on where the first one ended
    assert values == list(range(values[0], values[0] + len(values)))
