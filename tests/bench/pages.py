"""Measures how long pages take with 10,000 migrations stored, and Compare with 100,000: asked over HTTP from a real server."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from tests.bench.table import Figures
from tests.postgresql.server import postgresql

ROOT = Path(__file__).resolve().parents[2]
PORT = 8292  # not one of the test suite's
PAGE_MS, COMPARE_MS = 100, 300
PAGES = {
    "edge": "/",
    "hosts": "/hosts/",
    "host": "/hosts/{host}/",
    "layers": "/layers/",
    "services": "/services/",
    "service": "/services/{service}/",
    "migrate dialog": "/services/{service}/migrate/",
    "migration": "/migrations/{migration}/",
    "history": "/migrations/",
    "history, filtered": "/migrations/?layers=3&outcome=succeeded",
}
# with 100,000 migrations and 800,000 stages stored
COMPARED = {
    "compare": "/compare/",
    "compare, filtered": "/compare/?application=game-server&layers=found&measure=total",
}
BEGIN = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
from tests import factories
from migrations_app.models import Host, Migration, Service
person = factories.operator()
person.set_password("bench-bench-bench")
person.save()
"""
FILL = """
factories.ready_edge()
factories.many_migrations({count}, stages_each={stages})
migration = Migration.objects.filter(status="succeeded").last()
print(Host.objects.mec().first().name, Service.objects.first().name, migration.pk, person.username)
"""


def measure_pages(figures: Figures, runs: int) -> None:
    """Milliseconds from request to the last byte, `runs` times each after one warm-up."""
    with filled_portal(FILL.format(count=10_000, stages=12)) as (browser, names, _pid):
        for page, path in PAGES.items():
            milliseconds = timed(browser, path.format(**names), runs)
            figures.add(f"{page}, 10,000 migrations stored (ms)", milliseconds, PAGE_MS)


def measure_compare(figures: Figures, runs: int) -> None:
    """The same of the Compare page, on SQLite and on PostgreSQL; the first request, and what a whole CSV takes of memory."""
    for name, database in (("SQLite", nullcontext("")), ("PostgreSQL", postgresql())):
        with database as url, filled_portal(FILL.format(count=100_000, stages=8), url) as (browser, _names, pid):
            figures.add(f"{name}: compare, first request after the start (ms)", [once(browser, "/compare/")])
            for page, path in COMPARED.items():
                figures.add(f"{name}: {page} (ms)", timed(browser, path, runs), COMPARE_MS)
            before = memory_kb(pid)
            figures.add(f"{name}: CSV of all (ms)", [once(browser, "/migrations/export.csv")])
            figures.add(f"{name}: memory more after that CSV (MB)", [(memory_kb(pid) - before) / 1000])


def memory_kb(pid: int) -> int:
    """The most memory that a process ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@contextmanager
def filled_portal(fill: str, database: str = "") -> Iterator[tuple[OpenerDirector, dict[str, str], int]]:
    """A server with what `fill` stores: a browser that is signed in, the names that `fill` prints, its process.

    It prints a host, a service, a migration and who signs in.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MEC_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "mecportal.settings",
            "PYTHONPATH": str(ROOT),
        }
        if database:
            environment |= {"DATABASE_URL": database, "SECRET_KEY": secrets.token_urlsafe(50)}
        filled = subprocess.run(
            [sys.executable, "-c", BEGIN + fill], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        host, service, migration, user = filled.stdout.split()
        command = [sys.executable, "-m", "uvicorn", "mecportal.asgi:application"]
        command += ["--port", str(PORT), "--log-level", "error"]
        server = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            yield sign_in(user), {"host": host, "service": service, "migration": migration}, server.pid
        finally:
            server.terminate()
            server.wait()


def sign_in(user: str) -> OpenerDirector:
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    deadline = time.monotonic() + 30
    while True:
        try:
            browser.open(f"http://127.0.0.1:{PORT}/login/").read()
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"username": user, "password": "bench-bench-bench", "csrfmiddlewaretoken": token}
    browser.open(f"http://127.0.0.1:{PORT}/login/", urlencode(form).encode()).read()
    return browser


def timed(browser: OpenerDirector, path: str, runs: int) -> list[float]:
    return [once(browser, path) for _run in range(runs + 1)][1:]


def once(browser: OpenerDirector, path: str) -> float:
    """Milliseconds from the request to the last byte."""
    began = time.monotonic()
    with browser.open(f"http://127.0.0.1:{PORT}{path}") as answer:
        assert answer.status == 200
        assert "/login/" not in answer.url
        while answer.read(1_000_000):
            pass
    return (time.monotonic() - began) * 1000
