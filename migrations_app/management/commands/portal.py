"""./manage.py portal: the portal's own processes and people."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from mecportal.running import bring_up, end, end_running
from migrations_app.actions.people import make_person


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
