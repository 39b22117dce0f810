"""Hosts: registered with a pinned key, checked, removed."""

import re
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from migrations_app.hints import hint_on_commit
from migrations_app.models import (
    Host,
    HostFacts,
    HostRole,
    HostStatus,
    HostWatch,
    Migration,
    Operation,
    OperationKind,
    ServiceStatus,
)
from migrations_app.models.names import validate_host_key

from .operations import ACTIVE_OPERATIONS, queue_operation

# a migration's number, or the kind of work and its number or name
MARK = re.compile(r"[0-9]{1,18}|[a-z]+-[a-z0-9-]{1,60}")


@transaction.atomic
def register_host(
    *, name: str, address: str, key_file: str, host_key: str, by: User | None = None, **values: Any
) -> Host:
    """Register a host whose key the operator has confirmed, and check it.

    Raises ValidationError for a name, address or number that cannot be.
    """
    host = Host(name=name, address=address, key_file=key_file, host_key=host_key.strip(), **values)
    _check(host)
    try:
        with transaction.atomic():
            host.save()
    except IntegrityError as error:  # another person registered it at the same moment
        raise ValidationError(f"A host of the name {name} has just been registered: look at it first.") from error
    hint_on_commit()
    return host


@transaction.atomic
def update_host(*, host: Host, **values: Any) -> Host:
    """Change what is known of a host; its facts are as they were until the next check."""
    for name, value in values.items():
        setattr(host, name, value)
    _check(host)
    host.save()
    hint_on_commit()
    return host


def _check(host: Host) -> None:
    if not host.host_key:
        raise ValidationError(f"{host.name} has no host key: confirm its fingerprint first.")
    if host.role == HostRole.MEC and not host.backhaul_address:
        raise ValidationError(
            {"backhaul_address": f"{host.name} needs a backhaul address: other hosts reach it there."}
        )
    host.full_clean()


def pin_host_key(*, host: Host, host_key: str) -> None:
    """Replace the pinned key, after the operator compared the new fingerprint. Raises ValidationError for what is no key."""
    validate_host_key(host_key.strip())
    Host.objects.filter(pk=host.pk).update(host_key=host_key.strip(), status=HostStatus.UNCHECKED)
    hint_on_commit()


def remove_host(*, host: Host) -> None:
    """Forget a host. Refused while services or a history need it."""
    if host.services.exists():
        raise ValidationError(f"{host} still has services: migrate or remove them first.")
    if Migration.objects.touching(host).active().exists():
        raise ValidationError(f"A migration from or to {host} is under way: wait until it has ended.")
    if work := Operation.objects.filter(host=host, status__in=ACTIVE_OPERATIONS).first():
        raise ValidationError(f"{work} (work {work.pk}) is under way on {host}: wait until that has ended.")
    try:
        with transaction.atomic():
            host.delete()
    except ProtectedError as error:
        raise ValidationError(f"{host} is part of the migration history, so it stays registered.") from error
    except IntegrityError as error:  # work was asked for at the same moment
        raise ValidationError(f"Work has just begun on {host}: wait until that has ended.") from error
    hint_on_commit()


def check_host(*, host: Host, by: User | None = None) -> Operation:
    """Ask a worker to gather the host's facts and problems."""
    return queue_operation(kind=OperationKind.CHECK_HOST, subject=host.name, host=host, by=by)


def remove_leftover(*, host: Host, mark: str, by: User | None = None) -> Operation:
    """Ask a worker to remove what ended work left on a host; `mark` is a migration's number, or operation-N.

    Raises ValidationError while it may still be needed.
    """
    if not MARK.fullmatch(mark):
        raise ValidationError(f"“{mark}” names no work: choose one of those that the host's page lists.")
    if sentence := needs_leftover(mark):
        raise ValidationError(sentence)
    return queue_operation(
        kind=OperationKind.REMOVE_LEFTOVER, subject=f"{mark} on {host}", host=host, argument=mark, by=by
    )


def needs_leftover(mark: str) -> str:
    """Why what work left may still be needed; empty when it is not. Asked once more when it is about to be removed."""
    migration = Migration.objects.filter(pk=mark).first() if mark.isdecimal() else None
    if migration is not None and migration.is_active:
        return f"Migration #{mark} is under way: wait until it has ended."
    service = migration.service if migration else None
    if service is not None and service.status == ServiceStatus.UNKNOWN:
        return (
            f"It is not certain where {service} runs, and this may be its only state: check {service.host} and the other "
            "hosts first."
        )
    number = mark.removeprefix("operation-")
    active = Operation.objects.filter(status__in=ACTIVE_OPERATIONS)
    if number.isdecimal() and number != mark and active.filter(pk=number).exists():
        return f"Operation #{number} is under way: wait until it has ended."
    return ""


@transaction.atomic
def record_facts(*, host: Host, values: dict[str, Any], problems: list[dict[str, str]]) -> None:
    """Write down what a check found."""
    HostFacts.objects.update_or_create(
        host=host, defaults={"gathered_at": timezone.now(), "values": values, "problems": problems}
    )
    Host.objects.filter(pk=host.pk).update(status=HostStatus.PROBLEM if problems else HostStatus.READY)
    HostWatch.objects.filter(host=host).update(check_due=False, check_sent_at=None)
    hint_on_commit()
