"""./manage.py demo: an edge, the portal, two services and one live migration, then serving until Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from lab import edge
from lab.errors import LabError
from lab.registering import register
from lab.requirements import Unmet
from lab.state import Wanted
from lab.status import status
from migrations_app.management.commands.portal import bring_up, end, make_person
from migrations_app.models import Host, Service

RECIPES = Path(__file__).resolve().parents[2] / "applications"
SERVICES = (("game", "game-server", "mec-1"), ("hello", "no-application", "mec-2"))
MOVED = "game"


class Command(BaseCommand):
    help = "Show it all on this machine: an emulated edge, two services, one live migration; serves until Ctrl-C."

    def handle(self, **_options: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt_only(os.getpid()))
        portal: subprocess.Popen[bytes] | None = None
        try:
            self._edge_up()
            portal = bring_up()
            self._fill()
            self._migrate()
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
        for name, application, host in SERVICES:
            if Service.objects.filter(name=name).exists():
                call_command("service", "start", name, stdout=self.stdout)
            else:
                call_command(
                    "service", "deploy", name, "--application", application, "--host", host, stdout=self.stdout
                )

    def _migrate(self) -> None:
        here = Service.objects.get(name=MOVED).host
        target = Host.objects.mec().exclude(pk=here.pk).exclude(services__isnull=False).first()
        target = target or Host.objects.mec().exclude(pk=here.pk).first()
        self.stdout.write(f"\nMigrating {MOVED} from {here} to {target}, with three layers:\n")
        try:
            call_command("live_migrate", MOVED, "--to", str(target), "--reason", "demo")
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
