"""Who has a service now, in one sentence; what is locked, and by whom, is read here and written in actions/locking.py."""

from migrations_app.models import Experiment, Migration, Operation, OperationKind, Service

DOING = {
    OperationKind.DEPLOY: "being deployed",
    OperationKind.START: "being started",
    OperationKind.STOP: "being stopped",
    OperationKind.REMOVE: "being removed",
}


def holder_of(work: Migration | Operation) -> str:
    """What stands in `Service.lock` while this work has the service."""
    return f"{work._meta.model_name} {work.pk}"


def work_of(holder: str) -> Migration | Operation | None:
    """The work that a lock names; None where it does not exist."""
    model, _space, pk = holder.partition(" ")
    if not pk.isdecimal():
        return None
    if model == Migration._meta.model_name:
        return Migration.objects.select_related("target").filter(pk=pk).first()
    return Operation.objects.filter(pk=pk).first()


def is_stale(holder: str) -> bool:
    """Whether a lock was left behind: the work that it names has ended, or is gone."""
    work = work_of(holder)
    return work is None or not work.is_active


def belongs_to_another(service: Service, experiment: Experiment | None) -> str:
    """Why whoever asks (None: a person) has no business with it: an experiment's own is left to it as long as that runs."""
    owner = service.experiment
    if owner is None or not owner.is_active or owner == experiment:
        return ""
    return f"{service} belongs to the experiment {owner}: wait until that has ended, or stop it."


def busy_with(service: Service) -> str:
    """Which work has it now, and what to do; empty when none has."""
    work = work_of(service.lock) if service.lock else None
    if work is None or not work.is_active:
        return ""
    if isinstance(work, Migration):
        return f"{service} is already being migrated to {work.target} (#{work.pk}): wait until that has ended, or cancel it."
    doing = DOING.get(OperationKind(work.kind), "being worked on")
    return f"{service} is {doing} (work {work.pk}): wait until that has ended."


def occupation(service: Service, experiment: Experiment | None = None) -> str:
    """Why nothing may be done to it now, and what to do; empty when it is free for this experiment (None: for a person)."""
    return belongs_to_another(service, experiment) or busy_with(service)
