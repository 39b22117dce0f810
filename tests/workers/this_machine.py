"""A MecHost that runs the real scripts here, below a directory of the test, with small stand-ins for virsh, LXC and CRIU."""

import asyncio
from pathlib import Path

from workers.engine import LeaseLost
from workers.hosts.base import CommandFailed, CommandTimedOut, Endpoint, parse_values, script_for
from workers.hosts.fence import Fence
from workers.hosts.ssh import REFUSED


class ThisMachine:
    """`place` takes the place of /var/lib/mec, /run, /sys/fs/cgroup and /sys/class/net; `tools` come first on the PATH."""

    name = "here"
    endpoint = Endpoint("here", "127.0.0.1", 22, "root", "key", "ssh-ed25519 AAAA", "10.0.1.1", 100, "br-access")

    def __init__(self, place: Path) -> None:
        self.place, self.tools, self.run = place / "mec", place / "tools", place / "run"
        for folder in (self.place / "instances", self.place / "migrations", self.place / "incoming", self.tools):
            folder.mkdir(parents=True)
        self.run.mkdir()
        self.cgroups, self.groups = place / "cgroup", place / "groups"
        self.cgroups.mkdir()
        self.network = place / "net"
        self.tool("xxh128sum", 'case "$1" in -c|--quiet) exit 0 ;; esac; md5sum "$@"')
        self.tool("lxc-info", "exit 1")
        self.tool("mount", "exit 0")

    def container(self, service: str, version: int) -> Path:
        """A container runs, with control groups of this version; where its state is written, which the test may change."""
        (self.place / "instances" / service).mkdir()
        (self.place / "instances" / service / "config").touch()
        state, group = self.run / f"state-{service}", f"lxc.payload.{service}"
        state.write_text("RUNNING")
        self.tool(
            "lxc-info", f'case "$*" in *-pH*) [ "$(cat {state})" = STOPPED ] || echo 1234 ;; *) cat {state} ;; esac'
        )
        if version == 2:
            (self.cgroups / "cgroup.controllers").touch()
            self.groups.write_text(f"0::/{group}/init.scope\n")
        else:
            self.groups.write_text(f"7:name=systemd:/{group}\n3:freezer:/{group}\n2:cpu,cpuacct:/{group}\n0::/\n")
        for controller in ("", "freezer", "cpu", "memory", "pids"):
            (self.cgroups / controller / group).mkdir(parents=True)
        return state

    def tool(self, name: str, text: str) -> None:
        (self.tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.tools / name).chmod(0o755)

    async def call(
        self,
        script: str,
        *arguments: str | int,
        stdin: str = "",
        limit_s: float = 30,
        fence: Fence | None = None,
    ) -> dict[str, str]:
        text = script_for(script, stdin, fence)
        text = text.replace("/sys/fs/cgroup", str(self.cgroups)).replace("/proc/$1/cgroup", str(self.groups))
        text = text.replace("/sys/class/net", str(self.network))
        text = text.replace("MEC=/var/lib/mec", f"MEC={self.place}").replace("/run/mec-", f"{self.run}/mec-")
        text = text.replace("/run/libvirt", f"{self.run}/libvirt")
        process = await asyncio.create_subprocess_exec(
            "timeout", "-k", "2", f"{limit_s:g}", "sh", "-eu", "-s", "--", *map(str, arguments),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={"PATH": f"{self.tools}:/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
        out, err = await process.communicate(text.encode())
        if process.returncode in (124, 137):
            raise CommandTimedOut(self.name, script, limit_s)
        if process.returncode == REFUSED and fence:
            raise LeaseLost(script)
        if process.returncode:
            raise CommandFailed(self.name, script, process.returncode, out.decode() + err.decode())
        return parse_values(out.decode())
