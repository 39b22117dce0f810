"""./manage.py base: build the base layer on a host, or send it to one that lacks it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from migrations_app import actions
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import follow_operation, get, refused
from migrations_app.models import Host
from migrations_app.technologies import DEFAULT, TECHNOLOGIES


class Command(PortalCommand):
    help = "Build a base layer on a host, or provision a host that lacks it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["build", "provision"])
        parser.add_argument("host")
        parser.add_argument("--name", default="debian-13")
        parser.add_argument("--kind", choices=TECHNOLOGIES, default=DEFAULT.key)

    def handle(self, *, action: str, host: str, name: str, kind: str, **_options: Any) -> None:
        act = actions.build_base if action == "build" else actions.provision_base
        try:
            follow_operation(act(host=get(Host, host), name=name, kind=kind), self.stdout.write)
        except ValidationError as error:
            raise refused(error) from error
