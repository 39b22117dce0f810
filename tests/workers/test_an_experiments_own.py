"""An experiment knows its own services and applications by their rows, and whatever happens it comes to its end."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.utils import timezone

from migrations_app import actions
from migrations_app.models import Application, Cell, Experiment, Operation, OperationKind, Service
from tests import factories
from workers import conditions, experimenting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_broker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    monkeypatch.setattr("migrations_app.dispatch.send_now", lambda task, pk: None)


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Experiment]:
    """A queued one on two hosts, whose operations end at once."""
    service, target = factories.ready_edge()
    factories.HostFactory(name="user", role="user")
    factories.network()
    made = factories.experiment(service.host, target, status="queued", environment={"known": True})
    made.cells.update(status="waiting")

    def awaited(operation: Operation) -> None:
        if operation.kind == OperationKind.REMOVE and operation.service:
            operation.service.delete()
        factories.ended(operation)

    monkeypatch.setattr(experimenting, "_await", awaited)
    monkeypatch.setattr(experimenting, "on", lambda *_: {"busy_percent": "0"})
    yield made


def claimed(experiment: Experiment) -> Experiment:
    """As the worker has it that runs it."""
    mine = actions.claim_experiment(experiment_id=experiment.pk)
    assert mine is not None
    return mine


def execute(experiment: Experiment) -> Experiment:
    experimenting.execute(claimed(experiment))
    experiment.refresh_from_db()
    return experiment


def test_it_removes_no_service_of_a_person(experiment: Experiment) -> None:
    experiment = claimed(experiment)
    mine = factories.ServiceFactory(
        name=f"x{experiment.pk}-mine", application=Application.objects.get(), host=experiment.source
    )
    experimenting._fresh_service(experiment, experiment.cells.get(position=1))
    experimenting.clean_up(experiment)
    assert Service.objects.filter(pk=mine.pk).exists(), "its instance is gone, and its state"


def test_it_takes_no_persons_service_for_its_own(experiment: Experiment) -> None:
    experiment = claimed(experiment)
    name = f"x{experiment.pk}-1"
    mine = factories.ServiceFactory(name=name, application=Application.objects.get(), host=experiment.source)
    fresh = experimenting._fresh_service(experiment, experiment.cells.get(position=1))
    assert fresh.pk != mine.pk
    assert (fresh.name, fresh.experiment) == (f"{name}-2", experiment)


def test_it_takes_no_persons_application_for_its_own(experiment: Experiment) -> None:
    experiment = claimed(experiment)
    original = Application.objects.get(name="game-server")
    theirs = factories.ApplicationFactory(
        name=f"x{experiment.pk}-game-server", recipe=factories.RECIPE | {"memory_mb": 999}, recipe_digest="77" * 32
    )
    variant = actions.make_variant(cell=experiment.cells.get(position=1))
    assert (variant.variant_of, variant.experiment) == (original, experiment)
    assert variant.layer_name != theirs.layer_name
    experimenting.clean_up(experiment)
    assert set(Application.objects.all()) == {original, theirs}


def test_two_long_names_make_two_variants(experiment: Experiment) -> None:
    long = "a-very-long-name-of-an-application-which"
    names = []
    for end in ("-x", "-y"):
        name = long[:38] + end
        recipe = factories.RECIPE | {"name": name, "command": [f"/srv/{end}"]}
        factories.ApplicationFactory(name=name, recipe=recipe, recipe_digest=end[1] * 64)
        cell = experiment.cells.get(position=1)
        cell.application_name = name
        variant = actions.make_variant(cell=cell)
        assert variant.recipe["command"] == [f"/srv/{end}"]
        assert (variant.recipe["name"], len(variant.name) <= 40) == (variant.name, True)
        assert actions.make_variant(cell=cell) == variant, "the next cell goes on with it"
        names.append(variant.name)
    assert len(set(names)) == 2


def test_a_cell_whose_application_was_removed_fails_by_name_and_the_experiment_ends(experiment: Experiment) -> None:
    Service.objects.all().delete()
    actions.remove_application(application=Application.objects.get(name="game-server"))
    ended = execute(experiment)
    assert (ended.status, ended.message) == ("finished", "All cells have ended; 2 failed.")
    for cell in ended.cells.all():
        assert cell.status == "failed"
        assert "The application game-server was removed meanwhile: add it again" in cell.error


def test_what_nobody_foresaw_fails_its_cell_and_no_other(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[int] = []

    def measured(_experiment: Experiment, cell: Cell, service: Service) -> None:
        run.append(cell.position)
        if cell.position == 1:
            raise KeyError("boom")
        for _ in range(3):
            factories.migration(service, experiment.target, cell=cell)

    monkeypatch.setattr(experimenting, "_run", measured)
    ended = execute(experiment)
    assert [cell.status for cell in ended.cells.all()] == ["failed", "done"]
    assert "Unexpected KeyError: 'boom'" in ended.cells.get(position=1).error
    assert run == [1, 2]
    assert not Application.objects.filter(variant_of__isnull=False).exists()


class WorkerDies(BaseException):
    """As SIGKILL does: nothing that the worker would do after it is done."""


def test_a_cell_that_ends_each_worker_fails_and_the_others_are_measured(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly, *others = experiment.cells.values_list("pk", flat=True)

    def run(_experiment: Experiment, cell: Cell, _service: Service) -> None:
        if cell.pk == deadly:
            raise WorkerDies
        raise experimenting.CellFailed("it came to be tried")

    monkeypatch.setattr(experimenting, "_run", run)
    for _worker in range(experimenting.MOST_ATTEMPTS):
        with pytest.raises(WorkerDies):
            execute(experiment)
        Experiment.objects.update(status="queued")
    experiment = execute(experiment)
    assert experiment.status == "finished"
    assert "3 workers died over it" in experiment.cells.get(pk=deadly).error
    assert {cell.error for cell in experiment.cells.filter(pk__in=others)} == {"it came to be tried"}


def test_a_database_that_is_away_fails_no_cell(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(experimenting, "_run", away)
    with pytest.raises(OperationalError):
        execute(experiment)
    experiment.refresh_from_db()
    assert (experiment.status, experiment.cells.get(position=1).status) == ("running", "running"), "another goes on"


def test_what_nobody_foresaw_before_the_first_cell_ends_the_experiment(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(experimenting, "_settle", broken)
    ended = execute(experiment)
    assert (ended.status, ended.message) == ("failed", "Unexpected RuntimeError: boom")


def test_one_that_is_stopped_while_it_waits_for_what_was_begun_ends(experiment: Experiment) -> None:
    own = factories.ServiceFactory(application=Application.objects.get(), host=experiment.source, experiment=experiment)
    factories.operation(kind="stop", subject=own.name, service=own, status="running")
    Experiment.objects.update(stop_requested_at=timezone.now())
    assert execute(experiment).status == "stopped"


def test_work_that_never_ends_keeps_no_experiment_from_its_end(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("migrations_app.dispatch.send_now", lambda task, pk: None)
    monkeypatch.setattr(experimenting, "WAIT_LIMIT_S", 0.2)
    with pytest.raises(experimenting.CellFailed, match="did not end within"):
        experimenting._await(actions.check_host(host=experiment.source))


def test_its_own_copies_are_no_ones_while_it_runs(experiment: Experiment) -> None:
    Experiment.objects.update(status="running")
    experiment.refresh_from_db()
    variant = actions.make_variant(cell=experiment.cells.get(position=1))
    about: dict[str, Any] = {"application": variant, "host": experiment.target}
    for refused in (
        lambda: actions.deploy_service(name="mine", **about),
        lambda: actions.build_application(**about),
        lambda: actions.remove_layer(kind="lxc", storage="overlay", **about),
        lambda: actions.remove_application(application=variant),
    ):
        with pytest.raises(ValidationError, match="belongs to the experiment"):
            refused()
    recipe = f'name = "{variant.name}"\ncommand = ["/bin/true"]\n[probe]\nprotocol = "tcp"\nport = 1\n'
    with pytest.raises(ValidationError, match="an experiment's own copy of game-server"):
        actions.add_application(text=recipe)
    assert actions.build_application(experiment=experiment, **about).is_active


def test_an_experiment_whose_worker_died_waits_for_the_work_it_had_begun(experiment: Experiment) -> None:
    variant = actions.make_variant(cell=experiment.cells.get(position=1))
    work = actions.build_application(application=variant, host=experiment.target, experiment=experiment)
    Operation.objects.update(requested_at=timezone.now() - timedelta(hours=1))
    waited: list[int] = []

    def ends(_seconds: float) -> None:
        waited.append(1)
        factories.ended(work)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(experimenting.time, "sleep", ends)
        experimenting._settle(experiment)
    assert waited == [1]


def test_a_link_that_was_narrowed_at_one_end_is_given_back_at_both(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []

    def on(host: Any, script: str, *_: Any) -> None:
        done.append((script, host.name))
        if (script, host) in (("hosts/shape", experiment.target), ("hosts/unshape", experiment.target)):
            raise RuntimeError("it is away")

    monkeypatch.setattr(conditions, "on", on)
    cell = experiment.cells.get(position=1)
    cell.bandwidth_mbit = 1
    with pytest.raises(RuntimeError), conditions.link(cell, experiment.source, experiment.target):
        pytest.fail("nothing is measured over a link of another width")
    assert ("hosts/unshape", experiment.source.name) in done
