"""Two hosts on this machine, each below a directory of its own: real scripts and a real rsync, joined as sshd would join them."""

import asyncio
from pathlib import Path

from tests.workers.this_machine import ThisMachine
from workers.hosts.base import shared_by
from workers.hosts.fence import Fence
from workers.transfer.rsync import Transfer

MIGRATION = "7"


class HostBelow(ThisMachine):
    """A host whose /var/lib/mec lies elsewhere in arguments, too: the portal names the directories that are sent."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        (self.tools / "xxh128sum").unlink()  # the real one

    async def call(
        self,
        script: str,
        *arguments: str | int,
        stdin: str = "",
        limit_s: float = 30,
        fence: Fence | None = None,
    ) -> dict[str, str]:
        words = (str(word).replace("/var/lib/mec", str(self.place)) for word in arguments)
        return await super().call(script, *words, stdin=stdin, limit_s=limit_s, fence=fence)

    async def tell(self, line: str) -> str:
        """What a line of shell says that calls what the scripts of layers share."""
        text = shared_by("lxc/layers/keep_layer").replace("MEC=/var/lib/mec", f"MEC={self.place}")
        process = await asyncio.create_subprocess_exec("sh", "-euc", f"{text}\n{line}", stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0, line
        return out.decode().strip()


class TwoHosts:
    """A source and a target, and the way between them that the portal opens for a migration."""

    def __init__(self, place: Path) -> None:
        self.source, self.target = HostBelow(place / "source"), HostBelow(place / "target")
        home = place / "home"
        home.mkdir()
        self.target.tool("getent", f"echo root:x:0:0::{home}:/bin/sh")
        # what sshd does with the line of this migration's key; of the connection that stays open there is nothing to be done
        line = f"sed -n 's/.*,command=\"\\(.*\\)\" ssh-ed25519 .*/\\1/p' {home}/.ssh/authorized_keys"
        self.source.tool("ssh", f'case " $* " in *" -M "*|*" -O "*) exit 0 ;; esac\nexec sh -c "$({line})"')
        self.transfer = Transfer(MIGRATION, self.source, self.target)

    @property
    def received(self) -> Path:
        """What the target received so far."""
        return self.target.place / "incoming" / MIGRATION / "files"
