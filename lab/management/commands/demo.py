"""./manage.py demo: an edge, the portal, a service of each technology, a migration of each, then serving until Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from lab import edge
from lab.errors import LabError
from lab.registering import register
from lab.requirements import Unmet
from lab.state import Wanted
from lab.status import status
from mecportal.running import bring_up, end
from migrations_app.actions.people import make_person
from migrations_app.models import Host, Service

RECIPES = Path(__file__).resolve().parents[2] / "applications"
# name, application, kind, host, and how it is moved
SERVICES = (
    ("game", "game-server", "lxc", "mec-1", ()),
    ("counter", "no-application", "oci", "mec-3", ()),
    ("machine", "no-application", "kvm", "mec-2", ("--method", "live")),
)


class Command(BaseCommand):
    help = "Show it all on this machine: an edge, a service of each technology, each migrated; serves until Ctrl-C."

    def handle(self, **_options: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt_only(os.getpid()))
        portal: subprocess.Popen[bytes] | None = None
        try:
            self._edge_up()
            portal = bring_up()
            self._fill()
            for name, *_where, how in SERVICES:
                self._migrate(name, how)
            self._say_where()
            portal.wait()
        except KeyboardInterrupt:
            self.stdout.write("\nEnding the portal and the edge …")
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it behind
            if portal is not None:
                end(portal)
            edge.down(disks=False)

    def _edge_up(self) -> None:
        call_command("migrate", verbosity=0)
        try:
            if not Host.objects.exists():
                edge.down(disks=True)  # a new installation begins with empty hosts
            edge.up(Wanted(), self.stdout.write)
        except Unmet as error:
            self.stderr.write(str(error))
            sys.exit(2)
        except LabError as error:
            raise CommandError(str(error)) from error

    def _fill(self) -> None:
        register(status(), stdout=self.stdout)
        call_command("application", "add", *sorted(str(path) for path in RECIPES.glob("*.toml")), stdout=self.stdout)
        with ThreadPoolExecutor() as pool:  # booting a machine and starting a container take nothing from each other
            list(pool.map(self._deploy, SERVICES))

    def _deploy(self, wanted: tuple[str, str, str, str, tuple[str, ...]]) -> None:
        name, application, kind, host, _how = wanted
        try:
            if Service.objects.filter(name=name).exists():
                call_command("service", "start", name, stdout=self.stdout)
            else:
                where = ["--application", application, "--kind", kind, "--host", host]
                call_command("service", "deploy", name, *where, stdout=self.stdout)
        finally:
            connection.close()

    def _migrate(self, name: str, how: tuple[str, ...]) -> None:
        service = Service.objects.get(name=name)
        here = service.host
        target = Host.objects.mec().exclude(pk=here.pk).exclude(services__isnull=False).first()
        target = target or Host.objects.mec().exclude(pk=here.pk).first()
        what = f"{name} ({service.get_kind_display()}{', live' if how else ''})"
        self.stdout.write(f"\nMigrating {what} from {here} to {target}, with three layers:\n")
        try:
            call_command("live_migrate", name, "--to", str(target), "--reason", "demo", *how)
        except SystemExit as ended:
            if ended.code:
                self.stderr.write("The migration did not succeed; the portal stays up, so that you can look.")

    def _say_where(self) -> None:
        password = self._password("operator")
        address = f"http://{settings.WEB_ADDRESS}:{settings.WEB_PORT}/"
        self.stdout.write(f"\nThe portal is at {address}\nSign in as “operator” with the password {password}")
        self.stdout.write("Ctrl-C ends the portal and the edge.")

    def _password(self, name: str) -> str:
        """The password made for this installation; the same as long as its database lives."""
        file: Path = settings.DATA_DIR / "operator-password"
        if file.exists() and User.objects.filter(username=name).exists():
            return file.read_text().strip()
        password = make_person(name, operator=True)
        file.touch(mode=0o600)
        file.write_text(password)
        return password


def _interrupt_only(owner: int) -> Callable[[int, FrameType | None], None]:
    """SIGTERM ends the demo as Ctrl-C does; a process forked from it meanwhile (pyroute2 does) just ends."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise KeyboardInterrupt
        os._exit(1)

    return interrupt
