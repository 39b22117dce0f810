"""What the portal's own commands share."""

from django.core.management.base import BaseCommand


class PortalCommand(BaseCommand):
    """A command that starts in half the time: the pages' modules, which Django's checks load, are checked by `portal up`."""

    requires_system_checks: list[str] = []
