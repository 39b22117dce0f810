"""Signing in is throttled (django-axes): whoever guesses waits, and nobody can shut another person out from elsewhere.

Wrong passwords are counted for a name from an address, and, so that one address cannot try many names, for an address.
A name is never counted over all addresses: then anyone could lock an operator out who has a migration to cancel.
"""

import ipaddress
from datetime import datetime
from math import ceil
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

# An address may be a whole house's: it is given the tries of so many names
NAMES_AN_ADDRESS = 4
LONGEST_NAME = 150


def client_address(request: HttpRequest) -> str | None:
    """Whose tries they are: an IPv4 address, or an IPv6 network of 64 bits, since that is what one machine is given.

    Behind a TLS proxy it is the last address that the proxy wrote down; those before it the browser may have made up.
    """
    said = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_TLS and (passed_on := request.headers.get("X-Forwarded-For")):
        said = passed_on.rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:  # a server on a Unix socket knows none
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name that was tried; Django's form takes a longer one than any column does."""
    name = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(name)[:LONGEST_NAME]


class Throttle(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts in the portal's own database, so that several web processes count together."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Wrong passwords for this name from this address; where it is more, the address's share of all names."""
        of_name: int = super().get_failures(request, credentials)
        of_address = _attempts(request).aggregate(total=Sum("failures_since_start"))["total"] or 0
        return max(of_name, of_address // NAMES_AN_ADDRESS)


def _attempts(request: HttpRequest) -> "QuerySet[AccessAttempt]":
    since = get_cool_off_threshold(request)
    address = request.axes_ip_address  # type: ignore[attr-defined]
    found: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=since)
    return found


def locked_out(request: HttpRequest, *_more: Any) -> HttpResponse:
    """The page that says when to try again; nothing that is tried before then makes it later."""
    latest: datetime | None = _attempts(request).aggregate(latest=Max("attempt_time"))["latest"]
    now = timezone.now()
    until = (latest or now) + settings.AXES_COOLOFF_TIME
    left_s = max((until - now).total_seconds(), 1.0)
    context = {"until": timezone.localtime(until), "minutes": ceil(left_s / 60)}
    response = render(request, "signing/locked.html", context, status=429)
    response["Retry-After"] = str(ceil(left_s))
    return response
