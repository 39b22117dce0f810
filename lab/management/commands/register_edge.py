"""./manage.py register_edge: make the running edge known to the portal."""

from typing import Any

from django.core.management.base import CommandError

from lab.registering import register
from lab.status import status
from migrations_app.management.command import PortalCommand


class Command(PortalCommand):
    help = "Register the machines of the emulated edge with the portal, and check them."

    def handle(self, **_options: Any) -> None:
        edge = status()
        if not edge["up"]:
            raise CommandError("The edge is not up: run “./manage.py lab up” first.")
        register(edge, stdout=self.stdout)
