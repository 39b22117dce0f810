"""./manage.py service: deploy, start, stop, remove and list services; their policy and autostart."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from migrations_app import actions
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import follow_operation, get, refused
from migrations_app.models import Application, Host, Policy, Service, Storage
from migrations_app.technologies import DEFAULT, TECHNOLOGIES


class Command(PortalCommand):
    help = "Deploy, start, stop, remove and list services; set their policy and autostart."

    def add_arguments(self, parser: CommandParser) -> None:
        sub = parser.add_subparsers(dest="action", required=True)
        deploy = sub.add_parser("deploy", help="deploy an application as a new service on a host")
        deploy.add_argument("name")
        deploy.add_argument("--application", required=True)
        deploy.add_argument("--host", required=True)
        deploy.add_argument(
            "--kind", choices=TECHNOLOGIES, help=f"default: {DEFAULT}; of a container image what runs it"
        )
        deploy.add_argument("--storage", choices=Storage.values, default=Storage.OVERLAY)
        deploy.add_argument("--address", default=None, help="its fixed address (default: the first free one)")
        for name, what in (
            ("start", "start a stopped service where it is"),
            ("stop", "stop it; its files stay"),
            ("remove", "stop it and delete its instance"),
        ):
            one = sub.add_parser(name, help=what)
            one.add_argument("name")
        policy = sub.add_parser("policy", help="what “--layers auto” chooses two or three layers for")
        policy.add_argument("name")
        policy.add_argument("policy", choices=Policy.values)
        policy.add_argument("--cost-per-downtime-s", type=float, help="of the weighted policy")
        policy.add_argument("--cost-per-total-s", type=float)
        policy.add_argument("--cost-per-mb", type=float)
        autostart = sub.add_parser("autostart", help="whether it is started again when its host has rebooted")
        autostart.add_argument("name")
        autostart.add_argument("autostart", choices=["on", "off"])
        sub.add_parser("list", help="list the services")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{action}")(options)
        except ValidationError as error:
            raise refused(error) from error

    def do_deploy(self, options: dict[str, Any]) -> None:
        operation = actions.deploy_service(
            name=options["name"],
            application=get(Application, options["application"]),
            host=get(Host, options["host"]),
            kind=options["kind"],
            storage=options["storage"],
            address=options["address"],
        )
        follow_operation(operation, self.stdout.write)

    def do_start(self, options: dict[str, Any]) -> None:
        follow_operation(actions.start_service(service=get(Service, options["name"])), self.stdout.write)

    def do_stop(self, options: dict[str, Any]) -> None:
        follow_operation(actions.stop_service(service=get(Service, options["name"])), self.stdout.write)

    def do_remove(self, options: dict[str, Any]) -> None:
        follow_operation(actions.remove_service(service=get(Service, options["name"])), self.stdout.write)

    def do_policy(self, options: dict[str, Any]) -> None:
        names = ("cost_per_downtime_s", "cost_per_total_s", "cost_per_mb")
        costs = {name: options[name] for name in names if options[name] is not None}
        service = get(Service, options["name"])
        actions.set_policy(service=service, policy=options["policy"], **costs)
        self.stdout.write(f"{service}: {service.get_policy_display().lower()}.")

    def do_autostart(self, options: dict[str, Any]) -> None:
        service, wanted = get(Service, options["name"]), options["autostart"] == "on"
        actions.set_autostart(service=service, autostart=wanted)
        self.stdout.write(f"{service}: autostart {options['autostart']}.")

    def do_list(self, _options: dict[str, Any]) -> None:
        for service in Service.objects.select_related("application", "host"):
            self.stdout.write(
                f"{service.name:<20} {service.application.name:<20} {service.get_kind_display():<4} {service.storage:<10}"
                f"{service.host.name:<12} {service.address:<16} {service.shown_status.label}"
            )
