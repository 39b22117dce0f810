"""./manage.py host: register, list, check and remove hosts."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from migrations_app import actions, host_keys
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import follow_operation, get, refused
from migrations_app.models import Host, HostRole


class Command(PortalCommand):
    help = "Register, list, check and remove MEC hosts."

    def add_arguments(self, parser: CommandParser) -> None:
        sub = parser.add_subparsers(dest="action", required=True)
        add = sub.add_parser("add", help="register a host and pin its host key")
        add.add_argument("name")
        add.add_argument("--address", required=True, help="where the portal reaches its sshd")
        add.add_argument("--port", type=int, default=22)
        add.add_argument("--user", default="root", help="root, or a user with sudo without a password")
        add.add_argument("--key-file", required=True, type=Path, help="the private key on this machine")
        add.add_argument("--backhaul", default=None, help="its address on the network between hosts")
        add.add_argument("--bandwidth-mbit", type=int, default=100)
        add.add_argument("--access-bridge", default="br-access")
        add.add_argument("--place", default="")
        add.add_argument("--latitude", type=float, default=None)
        add.add_argument("--longitude", type=float, default=None)
        add.add_argument("--role", choices=HostRole.values, default=HostRole.MEC)
        add.add_argument(
            "--fingerprint", help="pin the key only if its SHA256 fingerprint is this one; asked for if left out"
        )
        add.add_argument("--yes", action="store_true", help="pin the key that the host shows, without asking")
        sub.add_parser("list", help="list the hosts")
        left = sub.add_parser("remove-leftover", help="remove what ended work left there (host check lists it)")
        left.add_argument("name")
        left.add_argument("mark", help="a migration's number, or operation-N")
        for name, what in (("check", "gather its facts and problems"), ("remove", "forget it")):
            one = sub.add_parser(name, help=what)
            one.add_argument("name")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{action.replace('-', '_')}")(options)
        except ValidationError as error:
            raise refused(error) from error

    def do_add(self, options: dict[str, Any]) -> None:
        try:
            key, fingerprint = host_keys.fetch(options["address"], options["port"])
        except host_keys.KeyNotFetched as error:
            raise CommandError(str(error)) from error
        self._confirm(options, fingerprint)
        host = actions.register_host(
            name=options["name"],
            address=options["address"],
            port=options["port"],
            user=options["user"],
            key_file=str(options["key_file"].expanduser().absolute()),  # workers run in another folder
            host_key=key,
            backhaul_address=options["backhaul"],
            bandwidth_mbit=options["bandwidth_mbit"],
            access_bridge=options["access_bridge"],
            place=options["place"],
            latitude=options["latitude"],
            longitude=options["longitude"],
            role=options["role"],
        )
        self.stdout.write(
            f"{host} is registered, with its key {fingerprint} pinned. Next: ./manage.py host check {host}"
        )

    def _confirm(self, options: dict[str, Any], fingerprint: str) -> None:
        if options["fingerprint"] and options["fingerprint"] != fingerprint:
            raise CommandError(f"The host shows {fingerprint}, not {options['fingerprint']}: nothing was registered.")
        if options["fingerprint"] or options["yes"]:
            return
        answer = input(f"{options['address']} shows the host key {fingerprint}. Is it the right one? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was registered.")

    def do_list(self, _options: dict[str, Any]) -> None:
        for host in Host.objects.all():
            self.stdout.write(
                f"{host.name:<16} {host.get_role_display():<22} {host.address}:{host.port}  {host.shown_status.label}"
            )

    def do_check(self, options: dict[str, Any]) -> None:
        host = get(Host, options["name"])
        follow_operation(actions.check_host(host=host), self.stdout.write)
        host.refresh_from_db()
        for problem in host.facts.problems:
            self.stdout.write(f"  {problem['what']}\n      {problem['fix'] or self._removal(host, problem)}")

    @staticmethod
    def _removal(host: Host, problem: dict[str, str]) -> str:
        return f"./manage.py host remove-leftover {host} {problem.get('leftover', '')}"

    def do_remove_leftover(self, options: dict[str, Any]) -> None:
        host = get(Host, options["name"])
        follow_operation(actions.remove_leftover(host=host, mark=options["mark"]), self.stdout.write)

    def do_remove(self, options: dict[str, Any]) -> None:
        host = get(Host, options["name"])
        actions.remove_host(host=host)
        self.stdout.write(f"{options['name']} is forgotten.")
