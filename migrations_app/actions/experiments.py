"""Experiments: asked for, stopped, and what a worker writes while it runs one."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from migrations_app import recipes
from migrations_app.dispatch import RUN_EXPERIMENT, send_on_commit
from migrations_app.experiments.designs import Choice, completed, settings_of
from migrations_app.experiments.feasible import faults_of
from migrations_app.experiments.paper import RAM_MB
from migrations_app.hints import hint_on_commit
from migrations_app.models import Application, Cell, CellStatus, Experiment, ExperimentStatus, Host, Service
from migrations_app.models.names import LONGEST_NAME

from .leases import LeaseGone, next_lease

ACTIVE_EXPERIMENT = (ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)
# Beyond what the simulation fills: Python, and in a virtual machine the kernel and its page cache
BESIDE_RAM_MB = 200


@transaction.atomic
def request_experiment(
    *, choice: Choice, source: Host, target: Host, runs: int = 10, by: User | None = None
) -> Experiment:
    """Queue an experiment on two hosts. Raises ValidationError with every reason why it cannot be; nothing is changed then."""
    choice = completed(choice)
    if faults := faults_of(choice, source, target, runs):
        raise ValidationError(faults)
    experiment = Experiment(
        design=choice.design, preset=choice.preset, runs=runs, source=source, target=target, requested_by=by
    )
    experiment.validate_constraints()
    try:
        with transaction.atomic():
            experiment.save()
    except IntegrityError as error:  # another person began one at the same moment
        raise ValidationError("Another experiment is under way: wait until it has ended, or stop it.") from error
    link = min(source.bandwidth_mbit, target.bandwidth_mbit)
    cells = [
        Cell(
            experiment=experiment,
            position=position,
            application_name=setting.application,
            kind=setting.kind,
            layers=setting.way.layers,
            app_found=setting.app_found,
            storage=setting.storage,
            method=setting.way.method,
            idle_memory=setting.way.idle_memory,
            bandwidth_mbit=setting.bandwidth_mbit,
            ram_mb=setting.ram_mb,
        )
        for position, setting in enumerate(settings_of(choice, link), start=1)
    ]
    Cell.objects.bulk_create(cells)
    send_on_commit(RUN_EXPERIMENT, experiment.pk)
    hint_on_commit()
    return experiment


def stop_experiment(*, experiment: Experiment) -> None:
    """Ask for its end: the migration under way is cancelled if it still can be, and the edge is left as it was found."""
    asked = Experiment.objects.filter(pk=experiment.pk, status__in=ACTIVE_EXPERIMENT, stop_requested_at=None).update(
        stop_requested_at=timezone.now()
    )
    if not asked:
        experiment.refresh_from_db()
        ending = "is being stopped already" if experiment.is_active else "has ended"
        raise ValidationError(f"{experiment} {ending}.")
    hint_on_commit()


def claim_experiment(*, experiment_id: int) -> Experiment | None:
    """Take a queued experiment; None when another worker has it."""
    now = timezone.now()
    claimed = Experiment.objects.filter(pk=experiment_id, status=ExperimentStatus.QUEUED).update(
        status=ExperimentStatus.RUNNING, heartbeat_at=now, lease=next_lease()
    )
    if not claimed:
        return None
    Experiment.objects.filter(pk=experiment_id, started_at=None).update(started_at=now)
    hint_on_commit()
    return Experiment.objects.select_related("source", "target").get(pk=experiment_id)


def queue_silent_experiment(*, experiment_id: int, lease: int, heartbeat_at: datetime | None) -> None:
    """Let another worker go on with one whose owner stood still since that heartbeat: with its first unfinished cell."""
    still = Experiment.objects.filter(
        pk=experiment_id, status=ExperimentStatus.RUNNING, lease=lease, heartbeat_at=heartbeat_at
    )
    message = "Its worker died: another one goes on."
    if still.update(status=ExperimentStatus.QUEUED, lease=next_lease(), message=message):
        send_on_commit(RUN_EXPERIMENT, experiment_id)
        hint_on_commit()


def note_experiment(*, experiment: Experiment, **values: Any) -> None:
    """Write down what it is doing, or its environment. Raises LeaseGone."""
    mine = Experiment.objects.filter(pk=experiment.pk, lease=experiment.lease, status=ExperimentStatus.RUNNING)
    if not mine.update(**values):
        raise LeaseGone(f"{experiment} has another owner, or has ended.")
    hint_on_commit()


def finish_experiment(*, experiment: Experiment, status: ExperimentStatus, message: str) -> None:
    """Write down how it ended. Raises LeaseGone."""
    note_experiment(experiment=experiment, status=status, message=message, finished_at=timezone.now())


def begin_cell(*, cell: Cell) -> None:
    """A cell that is taken up again keeps its first beginning."""
    Cell.objects.filter(pk=cell.pk).update(status=CellStatus.RUNNING, attempts=F("attempts") + 1)
    Cell.objects.filter(pk=cell.pk, started_at=None).update(started_at=timezone.now())
    cell.refresh_from_db()
    hint_on_commit()


def note_measured(*, cell: Cell) -> None:
    """A run of the cell was measured: whoever takes it up goes on with the next."""
    Cell.objects.filter(pk=cell.pk).update(attempts=0)


def finish_cell(*, cell: Cell, status: CellStatus, error: str = "") -> None:
    """Write down how a cell ended."""
    Cell.objects.filter(pk=cell.pk).update(status=status, error=error, finished_at=timezone.now())
    hint_on_commit()


def make_variant(*, cell: Cell) -> Application:
    """The experiment's own copy of the application: its layers come and go, and nobody else's are touched.

    Raises ValidationError when the application was removed meanwhile.
    """
    original = Application.objects.lasting().filter(name=cell.application_name).first()
    if original is None:
        raise ValidationError(
            f"The application {cell.application_name} was removed meanwhile: add it again, then repeat the experiment."
        )
    recipe = recipes.Recipe.model_validate(original.recipe)
    measured_as, ram = original.name, ""
    if cell.ram_mb is not None:
        ram = f"-{cell.ram_mb}"
        wanted = {"parameters": {**recipe.parameters, "ram_mb": cell.ram_mb}}
        recipe = recipe.model_copy(update={**wanted, "memory_mb": max(recipe.memory_mb, cell.ram_mb + BESIDE_RAM_MB)})
        if cell.ram_mb != RAM_MB:
            measured_as = f"{original.name}{ram}mb"
    # known by its row and by what it is made of, not by its name, which a person may have given before
    about = {"experiment": cell.experiment, "variant_of": original, "recipe_digest": recipes.digest(recipe)}
    if (known := Application.objects.filter(measured_as=measured_as, **about).first()) is not None:
        return known
    recipe = recipe.model_copy(update={"name": free_name(Application, f"x{cell.experiment_id}{ram}-{original.name}")})
    return Application.objects.create(
        name=recipe.name,
        title=original.title,
        base_name=original.base_name,
        recipe=recipe.model_dump(mode="json"),
        measured_as=measured_as,
        **about,
    )


def free_name(model: type[Application] | type[Service], wanted: str) -> str:
    """This name, cut to the length that names have, and numbered where another row has it."""
    name, number = wanted[:LONGEST_NAME].rstrip("-"), 1
    while model.objects.filter(name=name).exists():
        number += 1
        name = f"{wanted[: LONGEST_NAME - len(str(number)) - 1].rstrip('-')}-{number}"
    return name
