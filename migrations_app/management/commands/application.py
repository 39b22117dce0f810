"""./manage.py application: recipes."""

import shlex
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from migrations_app import actions, images
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import follow_operation, get, refused
from migrations_app.models import Application, Host, Storage
from migrations_app.technologies import DEFAULT, TECHNOLOGIES

OF_AN_IMAGE = ("name", "title", "probe", "payload", "payload_hex", "counter", "memory_mb", "cpus", "env", "command")


def _probe(text: str) -> dict[str, Any]:
    """`tcp:6379`, `udp:9000` or `http:80/path`, as a recipe has it."""
    protocol, _colon, where = text.partition(":")
    port, slash, path = where.partition("/")
    if protocol not in ("tcp", "udp", "http") or not port.isdecimal() or (slash and protocol != "http"):
        raise ArgumentTypeError(f"{text!r} is no probe: write tcp:PORT, udp:PORT or http:PORT/PATH")
    return {"protocol": protocol, "port": int(port), **({"path": slash + path} if slash else {})}


def _variable(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ArgumentTypeError(f"{text!r} has no value: write NAME=VALUE")
    return name, value


def _given(options: dict[str, Any], **names: str) -> dict[str, Any]:
    """Those options that were given, by the recipe's keys."""
    return {key: options[name.replace("-", "_")] for key, name in names.items() if options[name.replace("-", "_")]}


def _add_arguments(add: CommandParser) -> None:
    add.add_argument("file", type=Path, nargs="*", help="recipes (TOML)")
    image = add.add_argument_group("a container image", "its entrypoint, user and volumes are its own")
    one = image.add_mutually_exclusive_group()
    one.add_argument("--image", help="one that a host has or can pull, for example docker.io/library/postgres:17")
    one.add_argument("--archive", type=Path, help=f"a file of one image, as by {images.WRITTEN_BY}")
    image.add_argument("--name", help="how the application is to be called")
    image.add_argument("--title")
    image.add_argument("--probe", type=_probe, metavar="tcp:PORT", help="or udp:PORT, or http:PORT/PATH")
    image.add_argument("--payload", help="what the probe sends")
    image.add_argument("--payload-hex", help="the same, in hexadecimal digits")
    image.add_argument("--counter", help="a pattern over an answer, whose group is a number that may never go back")
    image.add_argument("--env", type=_variable, action="append", metavar="NAME=VALUE", help="more of its environment")
    image.add_argument("--command", help="what follows its entrypoint, in place of the image's own")
    image.add_argument("--memory-mb", type=int, help="its limit (default: 256)")
    image.add_argument("--cpus", type=float, help="its limit (default: all of the host's)")


class Command(PortalCommand):
    help = "Add, list, build and remove applications."

    def add_arguments(self, parser: CommandParser) -> None:
        sub = parser.add_subparsers(dest="action", required=True)
        _add_arguments(sub.add_parser("add", help="add recipes, or a container image as it is"))
        sub.add_parser("list", help="list the applications")
        build = sub.add_parser("build", help="bring an application layer to a host")
        build.add_argument("name")
        build.add_argument("--host", required=True)
        build.add_argument(
            "--kind", choices=TECHNOLOGIES, help=f"default: {DEFAULT}; of a container image what runs it"
        )
        build.add_argument("--storage", choices=Storage.values, default=Storage.OVERLAY)
        remove = sub.add_parser("remove", help="forget an application that no service uses")
        remove.add_argument("name")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{action}")(options)
        except ValidationError as error:
            raise refused(error) from error

    def do_add(self, options: dict[str, Any]) -> None:
        if options["image"] or options["archive"]:
            self._add_image(options)
            return
        if alone := [f"--{name.replace('_', '-')}" for name in OF_AN_IMAGE if options[name]]:
            raise CommandError(
                f"{', '.join(alone)}: of an image alone. Give --image or --archive, or a recipe with all of it."
            )
        if not options["file"]:
            raise CommandError("Nothing to add: give a recipe's file, or --image, or --archive.")
        for file in options["file"]:
            try:
                text = file.read_text()
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"{file} cannot be read: {error}.") from error
            application = actions.add_application(text=text, beside=file.parent)
            self.stdout.write(f"{application} is added.")

    def _add_image(self, options: dict[str, Any]) -> None:
        if options["file"]:
            raise CommandError("Give a recipe's file, or an image, not both.")
        about = images.read_archive(options["archive"]) if options["archive"] else None
        if not options["name"]:
            raise CommandError("--name is missing: how the application is to be called.")
        if not options["probe"]:
            exposed = f" The image exposes {', '.join(about.ports)}." if about and about.ports else ""
            raise CommandError(f"--probe is missing: how its users' side asks whether it lives, as tcp:PORT.{exposed}")
        values: dict[str, Any] = {
            "name": options["name"],
            "title": options["title"] or "",
            "environment": dict(options["env"] or []),
            "command": shlex.split(options["command"] or ""),
            "probe": options["probe"]
            | _given(options, payload="payload", payload_hex="payload-hex", counter="counter"),
            **_given(options, image="image", memory_mb="memory-mb", cpus="cpus"),
        }
        application = actions.add_image(archive=options["archive"], **values)
        self.stdout.write(f"{application} is added." + (f" The image {about}." if about else ""))

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
