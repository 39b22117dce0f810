"""One experiment: cell by cell, by the same operations and migrations that an operator asks for, and the edge left as found."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from migrations_app import actions
from migrations_app.admission.occupied import busy_with
from migrations_app.deciding import forecasts
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
)
from workers import environment, records
from workers.conditions import link, on, wait_until_quiet
from workers.engine import MigrationError
from workers.lease import LOST_DATABASE, kept

log = logging.getLogger(__name__)
POLL_S = 0.2
# No work takes so long: what is not done by then keeps no experiment from its end
WAIT_LIMIT_S = 7200.0
# A cell that ends so many workers without a measured run would end each one
MOST_ATTEMPTS = 3


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
        except LOST_DATABASE:  # nothing can be written now: another worker goes on with the first unfinished cell
            raise
        except Exception as error:  # whatever it is, the experiment ends with it, and the next one can begin
            end, message = ExperimentStatus.FAILED, _sentence(error)
        left = clean_up(experiment)
        actions.finish_experiment(experiment=experiment, status=end, message=" ".join([message, *left]))


def _settle(experiment: Experiment) -> None:
    """Wait until what a worker that died had begun has ended: others take over its migration and its operation."""
    own = Q(service__experiment=experiment) | Q(application__experiment=experiment)
    begun = Operation.objects.filter(own, status__in=(OperationStatus.QUEUED, OperationStatus.RUNNING))
    moving = Migration.objects.active().filter(cell__experiment=experiment)
    deadline = time.monotonic() + WAIT_LIMIT_S
    while (moving.exists() or begun.exists()) and time.monotonic() < deadline:
        _go_on(experiment)
        time.sleep(POLL_S)


def _ending(experiment: Experiment) -> str:
    failed = experiment.cells.filter(status=CellStatus.FAILED).count()
    return f"All cells have ended; {failed} failed." if failed else "All cells are measured."


def _go_on(experiment: Experiment) -> None:
    if Experiment.objects.filter(pk=experiment.pk, stop_requested_at__isnull=False).exists():
        raise Stopped


def _say(experiment: Experiment, message: str) -> None:
    actions.note_experiment(experiment=experiment, message=message)


def _attempt(experiment: Experiment, cell: Cell) -> None:
    """Measure one cell; its failure is noted, and does not end the experiment."""
    actions.begin_cell(cell=cell)
    try:
        if cell.attempts > MOST_ATTEMPTS:
            raise CellFailed(
                f"{MOST_ATTEMPTS} workers died over it without measuring a run: look what they wrote (worker.log), then start "
                "it once more."
            )
        service = _fresh_service(experiment, cell)
        while (measured := cell.migrations.filter(status=MigrationStatus.SUCCEEDED).count()) < experiment.runs:
            _go_on(experiment)
            _say(experiment, f"{cell}: run {measured + 1} of {experiment.runs}.")
            _run(experiment, cell, service)
            actions.note_measured(cell=cell)
    except (Stopped, *LOST_DATABASE):
        raise
    except Exception as error:  # one cell's failure, of whatever kind, is not the others'
        actions.finish_cell(cell=cell, status=CellStatus.FAILED, error=_sentence(error))
    else:
        actions.finish_cell(cell=cell, status=CellStatus.DONE)


def _sentence(error: Exception) -> str:
    """What went wrong, for a person; what nobody foresaw is logged with its place, too."""
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    if isinstance(error, CellFailed | MigrationError | records.NotReady):
        return str(error.args[0])
    log.error("an experiment met what nobody foresaw", exc_info=error)
    return f"Unexpected {type(error).__name__}: {error}"


def _fresh_service(experiment: Experiment, cell: Cell) -> Service:
    """A service that has just been started from its layers, at the source; it is the experiment's own by its row."""
    variant = actions.make_variant(cell=cell)
    for before in Service.objects.filter(experiment=experiment):
        _remove_service(experiment, before)
    _say(experiment, f"{cell}: deploying.")
    name = actions.free_name(Service, f"x{experiment.pk}-{cell.position}")
    how: dict[str, Any] = {"kind": cell.kind, "storage": cell.storage, "experiment": experiment}
    _await(actions.deploy_service(name=name, application=variant, host=experiment.source, **how))
    return Service.objects.get(experiment=experiment, name=name)


def _run(experiment: Experiment, cell: Cell, service: Service) -> None:
    """One measured migration, to the host where the service is not."""
    service.refresh_from_db()
    source, target = experiment.source, experiment.target
    if service.host_id == target.pk:
        source, target = target, source
    _prepare_target(cell, service, target)
    with link(cell, source, target):
        wait_until_quiet(cell, source, target)
        expected = forecasts(service, target, cell.way.transfer, bandwidth_mbit=cell.bandwidth_mbit)
        migration = actions.request_migration(
            service=service,
            target=target,
            way=cell.way,
            reason=f"{experiment}",
            forecast=expected[cell.way.layers].as_dict(),
            cell=cell,
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
        "experiment": cell.experiment,
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


def _await(operation: Operation) -> None:
    """Wait until an operation has ended; CellFailed with its sentence when it failed, or does not end at all."""
    deadline = time.monotonic() + WAIT_LIMIT_S
    while True:
        operation.refresh_from_db()
        if operation.status == OperationStatus.SUCCEEDED:
            return
        if operation.status == OperationStatus.FAILED:
            raise CellFailed(f"{operation}: {operation.message}")
        if time.monotonic() > deadline:
            raise CellFailed(f"{operation} (work {operation.pk}) did not end within {WAIT_LIMIT_S / 3600:.0f} hours.")
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

    def attempt(act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # the rest is taken away all the same
            left.append(f"This is left: {_sentence(error)}")

    for service in Service.objects.filter(experiment=experiment):
        attempt(partial(_remove_service, experiment, service))
    for host in hosts:
        attempt(partial(on, host, "hosts/unshape", host.backhaul_address or "-"))
    variants = Application.objects.filter(experiment=experiment)
    for copy in LayerCopy.objects.filter(application__in=variants).select_related("application", "host"):
        attempt(partial(_remove_copy, experiment, copy))
    for variant in variants.filter(services=None, copies=None):
        attempt(partial(actions.remove_application, application=variant, experiment=experiment))
    return left


def _remove_copy(experiment: Experiment, copy: LayerCopy) -> None:
    assert copy.application is not None
    about: dict[str, Any] = {"host": copy.host, "kind": copy.kind, "storage": copy.storage, "experiment": experiment}
    _await(actions.remove_layer(application=copy.application, **about))


def _remove_service(experiment: Experiment, service: Service) -> None:
    """Wait for what has it, then remove it."""
    deadline = time.monotonic() + WAIT_LIMIT_S
    while busy_with(service) and time.monotonic() < deadline:
        time.sleep(POLL_S)
        service.refresh_from_db()
    _await(actions.remove_service(service=service, experiment=experiment))
