"""./manage.py network: which addresses services get."""

import ipaddress
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from migrations_app import actions
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import refused
from migrations_app.models import ServiceNetwork


class Command(PortalCommand):
    help = "Show or set the access network's addresses that services get."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cidr", nargs="?", help="for example 10.0.2.0/24; without it the network is shown")
        parser.add_argument("--first", help="the first address for services (default: the 10th)")
        parser.add_argument("--last", help="the last one (default: the last of the network)")

    def handle(self, *, cidr: str | None, first: str | None, last: str | None, **_options: Any) -> None:
        if cidr is not None:
            try:
                network = ipaddress.ip_network(cidr)
            except ValueError as error:
                raise CommandError(f"{cidr} is not a network: write it as 10.0.2.0/24.") from error
            try:
                actions.set_network(
                    cidr=cidr,
                    first=first or str(network.network_address + 10),
                    last=last or str(network.broadcast_address - 1),
                )
            except ValidationError as error:
                raise refused(error) from error
        row = ServiceNetwork.objects.first()
        self.stdout.write(f"{row.cidr}: {row.first_address} to {row.last_address}" if row else "No network is set yet.")
