"""./manage.py application: recipes."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from migrations_app import actions
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import follow_operation, get, refused
from migrations_app.models import Application, Host, Storage
from migrations_app.technologies import DEFAULT, TECHNOLOGIES


class Command(PortalCommand):
    help = "Add, list, build and remove applications."

    def add_arguments(self, parser: CommandParser) -> None:
        sub = parser.add_subparsers(dest="action", required=True)
        add = sub.add_parser("add", help="add a recipe")
        add.add_argument("file", type=Path, nargs="+")
        sub.add_parser("list", help="list the applications")
        build = sub.add_parser("build", help="bring an application layer to a host")
        build.add_argument("name")
        build.add_argument("--host", required=True)
        build.add_argument("--kind", choices=TECHNOLOGIES, default=DEFAULT.key)
        build.add_argument("--storage", choices=Storage.values, default=Storage.OVERLAY)
        remove = sub.add_parser("remove", help="forget an application that no service uses")
        remove.add_argument("name")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{action}")(options)
        except ValidationError as error:
            raise refused(error) from error

    def do_add(self, options: dict[str, Any]) -> None:
        for file in options["file"]:
            try:
                text = file.read_text()
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"{file} cannot be read: {error}.") from error
            application = actions.add_application(text=text, beside=file.parent)
            self.stdout.write(f"{application} is added.")

    def do_list(self, _options: dict[str, Any]) -> None:
        for application in Application.objects.lasting():
            hosts = ", ".join(sorted({copy.host.name for copy in application.copies.all()})) or "no host yet"
            self.stdout.write(f"{application.name:<20} {application.title:<28} on {hosts}")

    def do_build(self, options: dict[str, Any]) -> None:
        operation = actions.build_application(
            application=get(Application, options["name"]),
            host=get(Host, options["host"]),
            kind=options["kind"],
            storage=options["storage"],
        )
        follow_operation(operation, self.stdout.write)

    def do_remove(self, options: dict[str, Any]) -> None:
        actions.remove_application(application=get(Application, options["name"]))
        self.stdout.write(f"{options['name']} is forgotten.")
