"""One experiment: cell by cell, by the same operations and migrations that an operator asks for, and the edge left as found."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.exceptions import ValidationError

from migrations_app import actions
from migrations_app.models import (
    Application,
    Cell,
    CellStatus,
    Experiment,
    ExperimentStatus,
    Host,
    LayerCopy,
    Migration,
    MigrationStatus,
    Operation,
    OperationStatus,
    Origin,
    Service,
    ServiceStatus,
)
from migrations_app.plan import forecasts
from workers import environment, records
from workers.engine import MigrationError
from workers.hosts.ssh import connect
from workers.lease import kept

POLL_S = 0.2
# A run waits until neither host's processors are busier than this
QUIET_PERCENT = 35


class CellFailed(Exception):
    """A cell cannot be measured; `args[0]` says why. The rest of the experiment goes on."""


class Stopped(Exception):
    """An operator asked for the experiment's end."""


def execute(experiment: Experiment) -> None:
    """Run the cells that are not finished yet, then take away all that the experiment brought."""
    with kept(experiment):
        try:
            _settle(experiment)
            if not experiment.environment:
                found = environment.gathered(experiment.source, experiment.target)
                actions.note_experiment(experiment=experiment, environment=found)
            for cell in experiment.cells.filter(status__in=(CellStatus.WAITING, CellStatus.RUNNING)):
                _go_on(experiment)
                _attempt(experiment, cell)
            end, message = ExperimentStatus.FINISHED, _ending(experiment)
        except Stopped:
            end, message = ExperimentStatus.STOPPED, "Stopped; what was measured until then is kept."
        except (MigrationError, ValidationError, records.NotReady) as error:
            end, message = ExperimentStatus.FAILED, _sentence(error)
        left = clean_up(experiment)
        actions.finish_experiment(experiment=experiment, status=end, message=" ".join([message, *left]))


def _settle(experiment: Experiment) -> None:
    """Wait until what a worker that died had begun has ended: others take over its migration and its operation."""
    mine = f"x{experiment.pk}-"
    active = (OperationStatus.QUEUED, OperationStatus.RUNNING)
    while (
        Migration.objects.active().filter(cell__experiment=experiment).exists()
        or Operation.objects.filter(subject__startswith=mine, status__in=active).exists()
    ):
        time.sleep(POLL_S)


def _ending(experiment: Experiment) -> str:
    failed = experiment.cells.filter(status=CellStatus.FAILED).count()
    return f"All cells are measured{f', but {failed} failed' if failed else ''}."


def _go_on(experiment: Experiment) -> None:
    if Experiment.objects.filter(pk=experiment.pk, stop_requested_at__isnull=False).exists():
        raise Stopped


def _say(experiment: Experiment, message: str) -> None:
    actions.note_experiment(experiment=experiment, message=message)


def _attempt(experiment: Experiment, cell: Cell) -> None:
    """Measure one cell; its failure is noted, and does not end the experiment."""
    actions.begin_cell(cell=cell)
    try:
        service = _fresh_service(experiment, cell)
        while (measured := cell.migrations.filter(status=MigrationStatus.SUCCEEDED).count()) < experiment.runs:
            _go_on(experiment)
            _say(experiment, f"{cell}: run {measured + 1} of {experiment.runs}.")
            _run(experiment, cell, service)
    except (CellFailed, MigrationError, ValidationError, records.NotReady) as error:
        actions.finish_cell(cell=cell, status=CellStatus.FAILED, error=_sentence(error))
    else:
        actions.finish_cell(cell=cell, status=CellStatus.DONE)


def _sentence(error: Exception) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error.args[0])


def _fresh_service(experiment: Experiment, cell: Cell) -> Service:
    """A service that has just been started from its layers, at the source."""
    variant = actions.make_variant(cell=cell)
    name = f"x{experiment.pk}-{cell.position}"
    for before in Service.objects.filter(name__startswith=f"x{experiment.pk}-"):
        _remove_service(before)
    _say(experiment, f"{cell}: deploying.")
    deploying = actions.deploy_service(
        name=name, application=variant, host=experiment.source, kind=cell.kind, storage=cell.storage
    )
    _await(deploying)
    return Service.objects.get(name=name)


def _run(experiment: Experiment, cell: Cell, service: Service) -> None:
    """One measured migration, to the host where the service is not."""
    service.refresh_from_db()
    source, target = experiment.source, experiment.target
    if service.host_id == target.pk:
        source, target = target, source
    _prepare_target(cell, service, target)
    with _link(cell, source, target):
        _wait_until_quiet(cell, source, target)
        how: dict[str, Any] = {"method": cell.method, "idle_memory": cell.idle_memory}
        migration = actions.request_migration(
            service=service,
            target=target,
            layers=cell.layers,
            reason=f"{experiment}",
            forecast=forecasts(service, target, bandwidth_mbit=cell.bandwidth_mbit, **how)[cell.layers].as_dict(),
            cell=cell,
            **how,
        )
        _follow(experiment, migration)
    if migration.status != MigrationStatus.SUCCEEDED:
        raise CellFailed(
            f"Migration #{migration.pk} ended as {migration.shown_status.label.lower()}: "
            f"{migration.error or '; '.join(migration.problems)}"
        )


def _prepare_target(cell: Cell, service: Service, target: Host) -> None:
    """The target holds the application layer, or does not, as the cell says."""
    about: dict[str, Any] = {
        "application": service.application,
        "host": target,
        "kind": cell.kind,
        "storage": cell.storage,
    }
    copies = LayerCopy.objects.of_application(service.application, cell.storage, cell.kind).filter(host=target)
    # what a migration brought may lack the idle application's memory, which a host that built the layer gives with it
    lacking = cell.idle_memory and copies.filter(origin=Origin.MIGRATED).exists()
    if copies.exists() and (lacking or not cell.app_found):
        _await(actions.remove_layer(**about))
    if cell.app_found and not copies.exists():
        _await(actions.build_application(**about))


@contextmanager
def _link(cell: Cell, source: Host, target: Host) -> Iterator[None]:
    """The link has the cell's bandwidth meanwhile."""
    if cell.bandwidth_mbit >= min(source.bandwidth_mbit, target.bandwidth_mbit):
        yield
        return
    for host in (source, target):
        _on(host, "hosts/shape", host.backhaul_address or "-", cell.bandwidth_mbit)
    try:
        yield
    finally:
        for host in (source, target):
            _on(host, "hosts/unshape", host.backhaul_address or "-")


def _on(host: Host, script: str, *arguments: str | int) -> dict[str, str]:
    async def call() -> dict[str, str]:
        async with connect(records.target_of(host)) as reached:
            return await reached.call(script, *arguments, limit_s=60)

    return async_to_sync(call)()


def _wait_until_quiet(cell: Cell, *hosts: Host) -> None:
    """Nothing else moves, and the processors rest; where they do not for long, the cell says so."""
    deadline = time.monotonic() + settings.QUIET_LIMIT_SECONDS
    while True:
        busy = max(int(_on(host, "hosts/busy")["busy_percent"]) for host in hosts)
        others = Migration.objects.active().count() + Operation.objects.filter(status=OperationStatus.RUNNING).count()
        if busy <= QUIET_PERCENT and not others:
            return
        if time.monotonic() > deadline:
            what = f"{others} other work under way" if others else f"processors {busy} % busy"
            note = f"A run began on a machine that was not quiet: {what}."
            Cell.objects.filter(pk=cell.pk).update(notes=[*cell.notes, note])
            cell.refresh_from_db()
            return


def _await(operation: Operation) -> None:
    """Wait until an operation has ended; CellFailed with its sentence when it failed."""
    while True:
        operation.refresh_from_db()
        if operation.status == OperationStatus.SUCCEEDED:
            return
        if operation.status == OperationStatus.FAILED:
            raise CellFailed(f"{operation}: {operation.message}")
        time.sleep(POLL_S)


def _follow(experiment: Experiment, migration: Migration) -> None:
    """Wait until the migration has ended; when the experiment is stopped it is cancelled, if it still can be."""
    cancelled = False
    while True:
        migration.refresh_from_db()
        if not migration.is_active:
            break
        try:
            if not cancelled:
                _go_on(experiment)
        except Stopped:
            cancelled = True
            if migration.can_be_cancelled:
                actions.cancel_migration(migration=migration)
        time.sleep(POLL_S)
    if cancelled:
        raise Stopped


def clean_up(experiment: Experiment) -> list[str]:
    """Remove the experiment's services, layers and variants, and give the links back; a sentence for each that stays."""
    left: list[str] = []
    _say(experiment, "Leaving the edge as it was found.")
    hosts = (experiment.source, experiment.target)
    mine = f"x{experiment.pk}-"

    def attempt(act: Callable[[], object]) -> None:
        try:
            act()
        except (CellFailed, MigrationError, ValidationError) as error:
            left.append(f"This is left: {_sentence(error)}")

    for service in Service.objects.filter(name__startswith=mine, application__variant_of__isnull=False):
        attempt(partial(_remove_service, service))
    for host in hosts:
        attempt(partial(_on, host, "hosts/unshape", host.backhaul_address or "-"))
    variants = Application.objects.filter(name__startswith=mine, variant_of__isnull=False)
    for copy in LayerCopy.objects.filter(application__in=variants).select_related("application", "host"):
        attempt(partial(_remove_copy, copy))
    for variant in variants.filter(services=None, copies=None):
        attempt(partial(actions.remove_application, application=variant))
    return left


def _remove_copy(copy: LayerCopy) -> None:
    assert copy.application is not None
    _await(actions.remove_layer(application=copy.application, host=copy.host, kind=copy.kind, storage=copy.storage))


def _remove_service(service: Service) -> None:
    """Wait for what moves it, then remove it."""
    while service.migrations.active().exists():
        time.sleep(POLL_S)
    service.refresh_from_db()
    if service.status == ServiceStatus.UNKNOWN:
        raise CellFailed(f"it is not certain where {service} runs: look at both hosts, then remove it.")
    _await(actions.remove_service(service=service))
