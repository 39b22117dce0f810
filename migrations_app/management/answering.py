"""With --json a program reads standard output: whatever ends a command, it finds exactly one object there."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import DatabaseError

from migrations_app.management.command import PortalCommand
from migrations_app.models import Migration

Write = Callable[[str], Any]
REFUSED, UNKNOWN = "refused", "unknown"


class WatchingEnded(CommandError):
    """The migration waits or goes on; only this command no longer watches it."""

    def __init__(self, migration: Migration, sentence: str) -> None:
        super().__init__(sentence)
        self.migration = migration


def answer(write: Write, outcome: str, error: str, **more: Any) -> NoReturn:
    """The one object of a command that has no other, and its exit code."""
    write(json.dumps({"outcome": outcome, **more, "error": error}, indent=2) + "\n")
    sys.exit(1)


@contextmanager
def one_object(write: Write) -> Iterator[None]:
    """What ends the command early is written as an object: a refusal, or where things stand when it stops watching."""
    try:
        yield
    except WatchingEnded as error:
        answer(write, error.migration.status, str(error), migration=error.migration.pk)
    except CommandError as error:
        answer(write, REFUSED, str(error))
    except ValidationError as error:
        answer(write, REFUSED, "\n".join(error.messages))
    except DatabaseError as error:
        answer(write, UNKNOWN, f"The database does not answer: {error}")


class JsonCommand(PortalCommand):
    """A command with --json, of whose own arguments nothing may be said in another way either."""

    def run_from_argv(self, argv: list[str]) -> None:
        if "--json" not in argv:
            super().run_from_argv(argv)
            return
        self._called_from_command_line = False  # then a wrong argument is an exception, and no usage is printed
        parser = self.create_parser(argv[0], argv[1])
        with one_object(sys.stdout.write):
            parser.parse_args(argv[2:])
        super().run_from_argv(argv)
