"""./manage.py live_migrate: move a running service, with live progress or one JSON object."""

import json
import sys
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from rich.console import Console
from rich.live import Live

from migrations_app import actions, report
from migrations_app.deciding import decide
from migrations_app.management.answering import JsonCommand, WatchingEnded, one_object
from migrations_app.management.following import follow_migration, get, refused
from migrations_app.management.showing import progress_table, result_table
from migrations_app.models import Host, Migration, MigrationStatus, Service
from migrations_app.technologies.ways import METHODS, technologies_of, transfer_of

EXIT_CODES = {MigrationStatus.SUCCEEDED: 0, MigrationStatus.FINISHED_WITH_PROBLEMS: 3}


class Command(JsonCommand):
    help = (
        "Move a running service to another MEC host. Exit code 0: succeeded, 3: finished with problems, 1: otherwise."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service")
        parser.add_argument("--to", required=True, metavar="HOST", help="the target")
        parser.add_argument(
            "--layers",
            choices=["2", "3", "auto"],
            default="3",
            help="auto: what the service's policy and the forecast say",
        )
        parser.add_argument(
            "--method",
            choices=METHODS,
            default="save",
            help=f"live: by the technology itself ({technologies_of('live')})",
        )
        parser.add_argument(
            "--idle-memory",
            action="store_true",
            help=f"send the memory as a difference to the idle application's ({technologies_of('idle')})",
        )
        parser.add_argument("--reason", default="")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object, when it has ended or is refused"
        )

    def handle(self, **options: Any) -> None:
        with one_object(self.stdout.write) if options["json"] else nullcontext():
            self._migrate(**options)

    def _migrate(self, *, service: str, to: str, layers: str, reason: str, **options: Any) -> None:
        moving, target = get(Service, service), get(Host, to)
        transfer = transfer_of(options["method"], options["idle_memory"])
        others = [field.name for field in Migration._meta.fields if field.name != "reason"]
        try:
            decision = decide(moving, target, None if layers == "auto" else int(layers), transfer)
            if decision.sentence and not options["json"]:
                self.stdout.write(decision.sentence)
            Migration(reason=reason).clean_fields(exclude=others)
            migration = actions.request_migration(service=moving, target=target, reason=reason, **decision.request)
        except ValidationError as error:
            raise refused(error) from error
        ended = self._follow(migration, quiet=options["json"])
        if options["json"]:
            self.stdout.write(json.dumps(report.summary(ended), indent=2))
        sys.exit(EXIT_CODES.get(MigrationStatus(ended.status), 1))

    def _follow(self, migration: Migration, quiet: bool) -> Migration:
        try:
            if quiet:
                return follow_migration(migration, lambda _migration: None)
            console = Console()
            with Live(console=console, refresh_per_second=10, transient=True) as live:
                ended = follow_migration(migration, lambda now: live.update(progress_table(now)))
        except KeyboardInterrupt as error:
            raise WatchingEnded(
                migration, f"Migration #{migration.pk} goes on; this command only stopped watching it."
            ) from error
        console.print(result_table(ended))
        return ended
