"""./manage.py cancel_migration: ask for the end of a migration, before its point of no return."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from migrations_app import actions
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import refused
from migrations_app.models import Migration


class Command(PortalCommand):
    help = "Cancel a migration; refused once the service is being restored on its target."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("migration", type=int, help="its number")

    def handle(self, *, migration: int, **_options: Any) -> None:
        row = Migration.objects.filter(pk=migration).first()
        if row is None:
            raise CommandError(f"There is no migration #{migration}.")
        try:
            actions.cancel_migration(migration=row)
        except ValidationError as error:
            raise refused(error) from error
        self.stdout.write(f"Migration #{migration} is being cancelled.")
