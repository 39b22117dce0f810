"""The portal as one: brought up with its database and static files prepared, and ended."""

import os
import signal
import subprocess
import time

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from mecportal import embedded


def bring_up() -> "subprocess.Popen[bytes]":
    """Prepare the database and the static files and start all processes. Raises CommandError when it cannot be."""
    if embedded.running_supervisor() is not None:
        raise CommandError("A portal already runs for this data directory: end it with “./manage.py portal down”.")
    if not embedded.port_is_free():
        raise CommandError(
            f"Port {settings.WEB_PORT} of {settings.WEB_ADDRESS} is taken: set MEC_WEB_PORT to a free one."
        )
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    supervisor = embedded.start()
    if not embedded.wait_until_ready(supervisor):
        end(supervisor)
        raise CommandError(f"The portal did not start: read {settings.DATA_DIR}/web.log.")
    return supervisor


def end(supervisor: "subprocess.Popen[bytes]") -> None:
    """End all processes, letting running migrations end first."""
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGTERM)
    supervisor.wait()


def end_running() -> bool:
    """End the portal of this data directory, whoever started it; False when none runs."""
    pid = embedded.running_supervisor()
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 130
    while embedded.running_supervisor() == pid and time.monotonic() < deadline:
        time.sleep(0.1)
    return True
