"""One lock a service: deploy, start, stop, remove and migrate exclude each other, in the database.

Whoever asks for work takes the lock in the transaction that writes the work down, and it is looked at again when a worker claims
the work; whatever ends the work gives it back. Each is one guarded UPDATE. (Proxmox VE locks a guest around all work on it.)
"""

from django.core.exceptions import ValidationError

from migrations_app.admission.occupied import belongs_to_another, busy_with, holder_of, is_stale
from migrations_app.models import Experiment, Migration, Operation, Service

Work = Migration | Operation


def lock_service(service: Service, work: Work, experiment: Experiment | None = None) -> None:
    """Take a free service for work that was just written down, in the same transaction; `experiment` asks, or a person.

    Raises ValidationError with one sentence when other work has the service, or an experiment that did not ask.
    """
    if sentence := belongs_to_another(service, experiment):
        raise ValidationError(sentence)
    if not _take(service.pk, work):
        raise ValidationError(_who_has(service.pk))


def refused_when_claimed(work: Work) -> str:
    """Why work that a worker is about to begin may not: other work has its service. Empty when it may."""
    if work.service_id is None or _take(work.service_id, work):
        return ""
    return f"It was not begun. {_who_has(work.service_id)}"


def release(work: Work) -> None:
    """Give back the service that ended work had."""
    Service.objects.filter(lock=holder_of(work)).update(lock="")


def _take(service_id: int, work: Work) -> bool:
    """Take a free service, or find that this work has it; a lock left behind by work that has ended counts as free."""
    mine, row = holder_of(work), Service.objects.filter(pk=service_id)
    if row.filter(lock__in=("", mine)).update(lock=mine):
        return True
    held = row.values_list("lock", flat=True).first()
    return bool(held and is_stale(held) and row.filter(lock=held).update(lock=mine))


def _who_has(service_id: int) -> str:
    service = Service.objects.filter(pk=service_id).first()
    if service is None:
        return "The service was removed meanwhile."
    return busy_with(service) or f"Other work has just begun on {service}: look at its page, then ask again."
