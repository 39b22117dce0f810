"""`./manage.py lab`: an edge emulated on this machine."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from lab import cli


class Command(BaseCommand):
    """The emulated edge; see lab/cli.py for its sub-commands."""

    help = "Bring up, look at and take down an edge emulated on this machine (needs root)."
    # The edge knows nothing of the portal, so the portal's database and settings are no reason to refuse.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The sub-commands."""
        cli.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Perform the sub-command, and end with its exit code."""
        if code := cli.perform(options):
            sys.exit(code)
