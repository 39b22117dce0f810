"""The edge's two helpers outside the machines: the packages' proxy, and the user's delay relay."""

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from lab import cgroups
from lab.errors import LabError
from lab.layout import PROXY_PORT, Layout, group, namespace
from lab.machine import Places, spawn
from lab.network import USER_DEVICE, USER_PORT

# A group of its own; no machine can have this name.
DAEMONS = "daemons"
START_TIMEOUT_S = 15.0


def start_proxy(places: Places, layout: Layout) -> None:
    """Let hosts, which have no way out of the edge, fetch packages through the portal's management address."""
    argv = ["-m", "proxy", "--hostname", layout.portal, "--port", str(PROXY_PORT)]
    argv += ["--num-acceptors", "1", "--num-workers", "1", "--log-level", "WARNING", "--timeout", "120"]
    _start_python(places, layout, argv, "proxy.log")


def wait_for_proxy(layout: Layout) -> None:
    """Wait until the proxy takes connections. Raises LabError."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((layout.portal, PROXY_PORT), timeout=1):
            return
        time.sleep(0.05)
    raise LabError("The packages' proxy has not started; its log is proxy.log in the edge's run directory.")


def start_relay(places: Places, layout: Layout, delay_ms: float, jitter_ms: float) -> None:
    """Delay the user's access link in user space; the devices appear a moment later."""
    argv = ["-m", "lab.relay", "--end", layout.switch, USER_PORT, "--end", namespace(layout.lab, "user"), USER_DEVICE]
    argv += ["--delay-ms", str(delay_ms), "--jitter-ms", str(jitter_ms)]
    _start_python(places, layout, argv, "relay.log")


def running(layout: Layout) -> bool:
    """Whether any of the helpers runs."""
    return bool(cgroups.processes_of(group(layout.lab, DAEMONS)))


def _start_python(places: Places, layout: Layout, arguments: list[str], log: str) -> None:
    join = " ".join(str(file) for file in cgroups.make(group(layout.lab, DAEMONS)))
    here = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    spawn(["env", f"PYTHONPATH={path}", sys.executable, *arguments], join, places.run / log)
