"""How long pages take with 10,000 migrations stored, asked over HTTP from a real server."""

import os
import subprocess
import sys
import tempfile
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

ROOT = Path(__file__).resolve().parents[2]
PORT = 8192
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
FILL = """
import django, secrets
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
from tests import factories
from migrations_app.models import Host, Migration, Service
person = factories.operator()
person.set_password("bench-bench-bench")
person.save()
factories.ready_edge()
factories.many_migrations(10_000)
migration = Migration.objects.filter(status="succeeded").last()
print(Host.objects.mec().first().name, Service.objects.first().name, migration.pk, person.username)
"""


def page_times(runs: int) -> dict[str, list[float]]:
    """Milliseconds from request to the last byte, `runs` times each after one warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MEC_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "mecportal.settings",
            "PYTHONPATH": str(ROOT),
        }
        filled = subprocess.run(
            [sys.executable, "-c", FILL], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        host, service, migration, user = filled.stdout.split()
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "mecportal.asgi:application",
            "--port",
            str(PORT),
            "--log-level",
            "error",
        ]
        server = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            browser = sign_in(user)
            names = {"host": host, "service": service, "migration": migration}
            return {page: timed(browser, path.format(**names), runs) for page, path in PAGES.items()}
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
    milliseconds = []
    for run in range(runs + 1):
        began = time.monotonic()
        with browser.open(f"http://127.0.0.1:{PORT}{path}") as answer:
            assert answer.status == 200
            assert "/login/" not in answer.url
            answer.read()
        if run:
            milliseconds.append((time.monotonic() - began) * 1000)
    return milliseconds
