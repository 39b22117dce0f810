"""All work on a service excludes each other, from the moment that it is asked for; pages say who has it."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from migrations_app import actions
from migrations_app.actions.leases import LeaseGone
from migrations_app.models import Event, Host, Migration, Operation, Service
from tests import factories


def lock(edge: dict[str, Any]) -> str:
    return str(Service.objects.get(pk=edge["service"].pk).lock)


# (a removal that has begun has written `removing`, and a migration is refused for that)
@pytest.mark.parametrize(("button", "begun"), [("stop", False), ("stop", True), ("remove", False)])
def test_a_service_that_is_about_to_be_stopped_or_removed_is_not_migrated(
    button: str, begun: bool, as_operator: Client, edge: dict[str, Any]
) -> None:
    as_operator.post(f"/services/{edge['service'].name}/{button}/")
    if begun:
        Operation.objects.filter(kind=button).update(status="running")
    before = Migration.objects.count()
    as_operator.post(f"/services/{edge['service'].name}/migrate/", {"target": edge["target"].name, "layers": 3})
    assert Migration.objects.count() == before


@pytest.mark.parametrize("second", ["start", "remove"])
def test_two_different_kinds_of_work_on_one_service_do_not_run_at_once(
    second: str, as_operator: Client, edge: dict[str, Any]
) -> None:
    as_operator.post(f"/services/{edge['service'].name}/stop/")
    answer = as_operator.post(f"/services/{edge['service'].name}/{second}/", follow=True)
    assert list(Operation.objects.filter(status="queued").values_list("kind", flat=True)) == ["stop"]
    work = Operation.objects.get(kind="stop")
    assert f"is being stopped (work {work.pk}): wait until that has ended." in answer.content.decode()


def test_a_deployment_has_its_service_from_the_beginning(edge: dict[str, Any]) -> None:
    work = actions.deploy_service(name="new", application=edge["service"].application, host=edge["target"])
    assert Service.objects.get(name="new").lock == f"operation {work.pk}"
    with pytest.raises(ValidationError, match="new is being deployed"):
        actions.remove_service(service=Service.objects.get(name="new"))


def test_work_that_was_refused_leaves_no_trace(edge: dict[str, Any], site: list[tuple[str, int]]) -> None:
    actions.stop_service(service=edge["service"])
    held, before = lock(edge), Operation.objects.count()
    with pytest.raises(ValidationError):
        actions.remove_service(service=edge["service"])
    assert (lock(edge), Operation.objects.count()) == (held, before)


@pytest.mark.parametrize("succeeded", [True, False])
def test_the_end_of_work_gives_the_service_back(succeeded: bool, edge: dict[str, Any]) -> None:
    work = actions.stop_service(service=edge["service"])
    factories.ended(work, succeeded)
    assert lock(edge) == ""


def test_a_migration_that_is_cancelled_while_it_waits_gives_its_service_back(edge: dict[str, Any]) -> None:
    migration = actions.request_migration(service=edge["service"], target=edge["target"])
    assert lock(edge) == f"migration {migration.pk}"
    actions.cancel_migration(migration=migration)
    assert lock(edge) == ""


def test_a_late_end_gives_nothing_back_that_is_others(edge: dict[str, Any]) -> None:
    ended = factories.ended(actions.stop_service(service=edge["service"]))
    now = actions.start_service(service=edge["service"])
    actions.finish_operation(operation=ended, succeeded=True, message="once more, since the answer was lost")
    with pytest.raises(LeaseGone):
        actions.finish_operation(operation=ended, succeeded=False, message="Its worker died.")
    assert lock(edge) == f"operation {now.pk}"


def test_a_lock_that_ended_work_left_behind_stands_in_nobodys_way(edge: dict[str, Any]) -> None:
    Service.objects.update(lock=f"operation {edge['operation'].pk}")
    work = actions.stop_service(service=edge["service"])
    assert lock(edge) == f"operation {work.pk}"
    Service.objects.update(lock="migration 999999")
    assert actions.claim_operation(operation_id=work.pk)
    assert lock(edge) == f"operation {work.pk}"


def test_an_operation_whose_service_is_others_by_now_ends_with_a_sentence(edge: dict[str, Any]) -> None:
    work = actions.stop_service(service=edge["service"])
    other = factories.migration(edge["service"], edge["target"], status="running", finished_at=None)
    assert actions.claim_operation(operation_id=work.pk) is None
    work.refresh_from_db()
    assert work.status == "failed"
    assert work.message.startswith("It was not begun.")
    assert f"#{other.pk}" in work.message
    assert lock(edge) == f"migration {other.pk}"


def test_a_migration_whose_service_is_others_by_now_ends_with_a_sentence(edge: dict[str, Any]) -> None:
    migration = actions.request_migration(service=edge["service"], target=edge["target"])
    other = factories.operation(kind="stop", subject=edge["service"].name, service=edge["service"], status="running")
    Service.objects.update(lock=f"operation {other.pk}")
    assert actions.claim(migration_id=migration.pk) is None
    migration.refresh_from_db()
    assert (migration.status, migration.finished_at is not None) == ("rejected", True)
    assert "is being stopped" in migration.error
    assert Event.objects.filter(migration=migration, kind="outcome").exists()
    assert lock(edge) == f"operation {other.pk}"


def test_a_service_of_a_running_experiment_is_left_to_it(as_operator: Client, edge: dict[str, Any]) -> None:
    experiment = factories.experiment(edge["service"].host, edge["target"], status="running")
    Service.objects.update(experiment=experiment)
    service = Service.objects.get()
    for act in (actions.start_service, actions.stop_service, actions.remove_service):
        with pytest.raises(ValidationError, match="belongs to the experiment"):
            act(service=service)
    with pytest.raises(ValidationError, match="belongs to the experiment"):
        actions.request_migration(service=service, target=edge["target"])
    cell = experiment.cells.get(position=2)
    moving = actions.request_migration(service=service, target=edge["target"], cell=cell)
    actions.cancel_migration(migration=moving)
    experiment.__class__.objects.update(status="stopped")
    service = Service.objects.get()
    assert actions.remove_service(service=service).is_active, "what an ended experiment left can be removed"


def test_work_on_a_service_that_was_removed_meanwhile_is_refused(edge: dict[str, Any]) -> None:
    service = Service.objects.get()
    Service.objects.all().delete()
    with pytest.raises(ValidationError, match="was removed meanwhile"):
        actions.request_migration(service=service, target=edge["target"])
    service.pk = 999_999
    with pytest.raises(ValidationError, match="was removed meanwhile"):
        actions.stop_service(service=service)


def test_the_page_says_why_nothing_can_be_done_now(as_operator: Client, edge: dict[str, Any]) -> None:
    work = actions.stop_service(service=edge["service"])
    text = as_operator.get(f"/services/{edge['service'].name}/").content.decode()
    assert f"Nothing else can be done to it now: {edge['service']} is being stopped (work {work.pk})" in text
    buttons = text.split('id="buttons"')[1].split("</div>")[0]
    assert "<button" not in buttons
    assert "href" not in buttons
    page = as_operator.get(f"/services/{edge['service'].name}/migrate/").content.decode()
    assert f"Not now: {edge['service']} is being stopped (work {work.pk})" in page
    assert 'disabled aria-describedby="why-not"' in page


def test_a_host_with_work_on_it_is_not_forgotten(as_operator: Client, edge: dict[str, Any]) -> None:
    host = factories.HostFactory()
    work = actions.check_host(host=host)
    answer = as_operator.post(f"/hosts/{host.name}/remove/", follow=True)
    assert f"(work {work.pk}) is under way on {host}" in answer.content.decode()
    assert Host.objects.filter(pk=host.pk).exists()
    factories.ended(work)
    actions.remove_host(host=host)


def test_layers_of_two_storages_are_two_pieces_of_work(edge: dict[str, Any]) -> None:
    about: dict[str, Any] = {"application": edge["service"].application, "host": edge["target"]}
    for storage in ("overlay", "directory"):
        actions.build_application(storage=storage, **about)
    with pytest.raises(ValidationError, match="is already under way"):
        actions.build_application(storage="overlay", **about)
    assert Operation.objects.filter(kind="build_application").count() == 2


@pytest.mark.parametrize("name", ["mec-idle-1", "mec-idle-camera"])
def test_names_that_the_portal_uses_itself_are_refused(name: str, as_operator: Client, edge: dict[str, Any]) -> None:
    form = {
        "name": name,
        "application": "game-server",
        "host": edge["target"].name,
        "kind": "lxc",
        "storage": "overlay",
    }
    assert "the portal itself uses" in as_operator.post("/deploy/", form).content.decode()
    with pytest.raises(ValidationError, match="the portal itself uses"):
        actions.deploy_service(name=name, application=edge["service"].application, host=edge["target"])
    recipe = f'name = "{name}"\ncommand = ["/bin/true"]\n[probe]\nprotocol = "tcp"\nport = 1\n'
    with pytest.raises(ValidationError, match="the portal itself uses"):
        actions.add_application(text=recipe)
