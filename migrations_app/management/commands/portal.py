"""./manage.py portal: the portal's own processes and people."""

import os
import secrets
import signal
import subprocess
import time
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mecportal import embedded
from migrations_app.access import OPERATORS


class Command(BaseCommand):
    help = "Run the portal, end it, make people."

    def add_arguments(self, parser: CommandParser) -> None:
        sub = parser.add_subparsers(dest="action", required=True)
        sub.add_parser("up", help="run web, worker, control, beat and the embedded Valkey until Ctrl-C")
        sub.add_parser("down", help="end a portal that runs for this data directory")
        person = sub.add_parser(
            "person",
            help="make a person, or give one a fresh password, which also ends a pause",
        )
        person.add_argument("name")
        person.add_argument("--role", choices=["viewer", "operator"], default="operator")

    def handle(self, *, action: str, **options: Any) -> None:
        getattr(self, f"do_{action}")(options)

    def do_up(self, _options: dict[str, Any]) -> None:
        # a service manager ends it by SIGTERM, and a shell's background job ignores SIGINT unless it is told not to
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        supervisor = bring_up()
        self.stdout.write(f"The portal serves at http://{settings.WEB_ADDRESS}:{settings.WEB_PORT}/ until Ctrl-C.")
        try:
            supervisor.wait()
        except KeyboardInterrupt:
            self.stdout.write("Ending …")
        finally:
            end(supervisor)

    def do_down(self, _options: dict[str, Any]) -> None:
        self.stdout.write("Ended." if end_running() else "No portal runs for this data directory.")

    def do_person(self, options: dict[str, Any]) -> None:
        password = make_person(options["name"], operator=options["role"] == "operator")
        self.stdout.write(f"{options['name']} ({options['role']}) signs in with the password {password}")


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


def make_person(name: str, operator: bool) -> str:
    """Make a person, or give one a fresh password and let them try it at once; the password, which is shown once."""
    password = secrets.token_urlsafe(15)
    user, _created = User.objects.get_or_create(username=name)
    user.set_password(password)
    user.save()
    group = Group.objects.get(name=OPERATORS)
    if operator:
        user.groups.add(group)
    else:
        user.groups.remove(group)
    AccessAttempt.objects.filter(username=name).delete()
    return password
