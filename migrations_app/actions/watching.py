"""What looks at hosts find: unreachable, answering again, rebooted; crashed services, and those that start with their host.

Each finding is written in one transaction with all that follows from it, so that a worker that dies in between leaves the next
look to find the same. Nothing is written of a service that work has, or that was written anew since the host was asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from migrations_app.hints import hint_on_commit
from migrations_app.models import (
    ACTIVE,
    Host,
    HostFacts,
    HostStatus,
    HostWatch,
    LayerCopy,
    Migration,
    Operation,
    Service,
    ServiceStatus,
    TimelineKind,
)

from .deployments import record_seen, start_service
from .layers import record_copy_gone
from .operations import ACTIVE_OPERATIONS
from .timeline import record_in_timeline

# a host that misses so many looks in a row is unreachable
MOST_MISSED = 2
FACTS_EVERY = timedelta(hours=1)
# a check that was sent and has not come back is sent again
CHECK_RESENT_AFTER = timedelta(minutes=10)
# so many are under way at once: the threads that do them also take over what went silent
CHECKS_AT_ONCE = 4
# what the portal has running, as far as it knows
RECORDED_RUNNING = (ServiceStatus.RUNNING, ServiceStatus.UNREACHABLE)
# a technology's words for an instance that has ended; a frozen one has not
ENDED = ("STOPPED", "ABSENT", "CRASHED")


@dataclass(frozen=True)
class HostSeen:
    """What a host said of itself: this boot's name, its instances with their states, its layers."""

    asked_at: datetime
    answers: int  # how many answers had been written down by then
    boot_id: str  # empty where the host did not say it
    states: Mapping[str, str]  # instance: RUNNING, FROZEN, STOPPED, ...
    logs: Mapping[str, str] = field(default_factory=dict)  # of instances that ended: their last lines
    # (kind, storage, name) of each; None where it was not asked for them
    layers: Collection[tuple[str, str, str]] | None = None


def answers_of(host: Host) -> int:
    """How many answers of a host are written down: read before it is asked, since a clock may be set meanwhile."""
    return HostWatch.objects.filter(host=host).values_list("answers", flat=True).first() or 0


def claim_looks(*, every: timedelta) -> list[Host]:
    """The hosts that are to be looked at now, each won by one worker."""
    HostWatch.objects.bulk_create(
        [HostWatch(host=host) for host in Host.objects.filter(watch=None)], ignore_conflicts=True
    )
    now = timezone.now()
    # a time that lies ahead was written by a clock that was set back since
    due = Q(looked_at=None) | Q(looked_at__lt=now - every) | Q(looked_at__gt=now + every)
    with transaction.atomic():
        won = list(HostWatch.objects.select_for_update().filter(due).values_list("pk", flat=True))
        HostWatch.objects.filter(pk__in=won).update(looked_at=now)
    return list(Host.objects.filter(watch__in=won).select_related("watch"))


@transaction.atomic
def record_missed_look(*, host: Host, answers: int, problem: str, fix: str) -> None:
    """A host did not answer; twice in a row, and it is unreachable. Not where it has answered since it was asked."""
    watch = HostWatch.objects.filter(host=host, answers=answers)
    watch.update(missed=F("missed") + 1)
    if watch.filter(missed__gte=MOST_MISSED).exists():
        record_unreachable(host=host, problem=problem, fix=fix)


@transaction.atomic
def record_unreachable(*, host: Host, problem: str, fix: str) -> None:
    """A host that does not answer keeps its last facts, and says since when they are old; so do its services."""
    facts, created = HostFacts.objects.get_or_create(host=host, defaults={"gathered_at": timezone.now()})
    problems = [{"what": problem, "fix": fix}]
    changed = created or facts.problems != problems
    if changed:
        facts.problems = problems
        facts.save(update_fields=["problems"])
    changed |= bool(
        Host.objects.filter(pk=host.pk).exclude(status=HostStatus.UNREACHABLE).update(status=HostStatus.UNREACHABLE)
    )
    watch, _created = HostWatch.objects.get_or_create(host=host)
    if HostWatch.objects.filter(pk=watch.pk, unreachable_since=None).update(unreachable_since=timezone.now()):
        record_in_timeline(TimelineKind.UNREACHABLE, problem, host=host)
    running = Service.objects.filter(host=host, lock="", status=ServiceStatus.RUNNING)
    changed |= bool(running.update(status=ServiceStatus.UNREACHABLE))
    if changed:
        hint_on_commit()


@transaction.atomic
def record_seen_host(*, host: Host, seen: HostSeen) -> None:
    """Write down what a look or a check saw of a host and its services, and let those start again that ended with it.

    Not where another answer was written down since this one was asked for: whoever stood still in between has seen the past.
    """
    watch, _created = HostWatch.objects.select_for_update().get_or_create(host=host)
    if watch.answers != seen.answers:
        return
    if watch.unreachable_since is not None:
        minutes = (timezone.now() - watch.unreachable_since).total_seconds() / 60
        watch.unreachable_since, watch.check_due = None, True
        record_in_timeline(TimelineKind.ANSWERS, f"{host} answers again, after {minutes:.0f} min.", host=host)
        hint_on_commit()
    rebooted = bool(watch.boot_id and seen.boot_id) and watch.boot_id != seen.boot_id
    if rebooted:
        watch.check_due = True
        record_in_timeline(TimelineKind.REBOOTED, f"{host} was rebooted.", host=host)
        hint_on_commit()
    watch.boot_id, watch.answered_at, watch.missed = seen.boot_id or watch.boot_id, timezone.now(), 0
    watch.answers += 1
    if _facts_are_old(host):
        watch.check_due = True
    watch.save(update_fields=["unreachable_since", "check_due", "boot_id", "answered_at", "answers", "missed"])
    for service in Service.objects.filter(host=host, lock="").select_related("experiment"):
        if not was_written_since(service, seen.asked_at):
            _record_seen_service(service, host, seen, rebooted=rebooted)
    if seen.layers is not None:
        _record_missing_layers(host, seen.layers, seen.asked_at)


def _facts_are_old(host: Host) -> bool:
    gathered = HostFacts.objects.filter(host=host).values_list("gathered_at", flat=True).first()
    # nothing was gathered of a host that nobody has checked yet: that is its operator's to ask for
    return gathered is not None and gathered < timezone.now() - FACTS_EVERY


def was_written_since(service: Service, asked_at: datetime) -> bool:
    """Whether work on it ended after the host was asked: it may have come or gone while that was answering."""
    works = (service.migrations.all(), service.operations.all())
    return any(work.filter(finished_at__gte=asked_at).exists() for work in works)


def _record_seen_service(service: Service, host: Host, seen: HostSeen, *, rebooted: bool) -> None:
    state = seen.states.get(service.name)
    if state == "RUNNING":
        if service.status in (ServiceStatus.UNREACHABLE, ServiceStatus.CRASHED):
            was = service.shown_status
            if record_seen(service=service, status=ServiceStatus.RUNNING) and was == ServiceStatus.CRASHED:
                record_in_timeline(TimelineKind.SEEN, f"{service} runs again on {host}.", host=host, service=service)
        return
    if service.status not in RECORDED_RUNNING or (state is not None and state not in ENDED):
        return
    if state is None:
        if record_seen(service=service, status=ServiceStatus.UNKNOWN):
            message = f"Nothing of {service} is left on {host}: look at the other hosts, then remove or start it."
            record_in_timeline(TimelineKind.MISSING, message, host=host, service=service)
    elif rebooted:
        _record_ended_with_host(service, host)
    elif record_seen(service=service, status=ServiceStatus.CRASHED):
        message, log = f"{service} ended on {host} without being asked to.", seen.logs.get(service.name, "")
        record_in_timeline(TimelineKind.CRASHED, message, host=host, service=service, log=log)


def _record_ended_with_host(service: Service, host: Host) -> None:
    """Its host was rebooted. It starts again from its files, if it is to, and no other work has it."""
    ended = f"{service} ended as {host} was rebooted: what it held in memory is lost."
    if not service.autostart:
        if record_seen(service=service, status=ServiceStatus.STOPPED):
            record_in_timeline(TimelineKind.ENDED, f"{ended} Its files stay.", host=host, service=service)
        return
    # not “stopped”: whoever starts it asks the other hosts, too, whether it runs there
    if not record_seen(service=service, status=ServiceStatus.CRASHED):
        return
    try:
        with transaction.atomic():
            start_service(service=service)
    except ValidationError as error:
        message = f"{ended} It is not started again: {' '.join(error.messages)}"
        record_in_timeline(TimelineKind.ENDED, message, host=host, service=service)
    else:
        message = f"{ended} It is started again from its files."
        record_in_timeline(TimelineKind.AUTOSTARTED, message, host=host, service=service)


def _record_missing_layers(host: Host, seen: Collection[tuple[str, str, str]], asked_at: datetime) -> None:
    """Take copies out of the residency map that a host no longer holds.

    Not while work may be bringing or replacing one there.
    """
    if Operation.objects.filter(host=host, status__in=ACTIVE_OPERATIONS).exists():
        return
    if Migration.objects.touching(host).filter(status__in=ACTIVE).exists():
        return
    for copy in LayerCopy.objects.filter(host=host, came_at__lt=asked_at):
        if (copy.kind, copy.storage, copy.name) not in seen:
            record_copy_gone(copy)


def claim_checks() -> list[int]:
    """Hosts whose whole facts are due, each for one worker, those first that have waited longest."""
    sent_before = timezone.now() - CHECK_RESENT_AFTER
    with transaction.atomic():
        due = HostWatch.objects.select_for_update(of=("self",)).filter(check_due=True, unreachable_since=None)
        free = CHECKS_AT_ONCE - due.filter(check_sent_at__gte=sent_before).count()
        waiting = due.filter(Q(check_sent_at=None) | Q(check_sent_at__lt=sent_before)).order_by(
            "host__facts__gathered_at"
        )
        won = list(waiting.values_list("host_id", flat=True)[: max(0, free)])
        HostWatch.objects.filter(host__in=won).update(check_sent_at=timezone.now())
    return won


def set_autostart(*, service: Service, autostart: bool) -> None:
    """Whether a service is started again when its host has rebooted."""
    Service.objects.filter(pk=service.pk).update(autostart=autostart)
    hint_on_commit()
