"""First come, first served: in the queue, and on each host."""

from typing import Any

import pytest

from migrations_app import actions
from migrations_app.models import Migration, Operation
from tests import factories
from tests.workers.conftest import Sent
from tests.workers.machines import minutes_ago
from workers import reconciling
from workers.lease import Lease

pytestmark = pytest.mark.django_db(transaction=True)


def three(settings: Any) -> list[Migration]:
    """Of three services of one host, of which one at a time may move."""
    settings.MIGRATIONS_PER_HOST = 1
    service, target = factories.ready_edge()
    others = [factories.ServiceFactory(host=service.host, application=service.application) for _ in range(2)]
    return [actions.request_migration(service=one, target=target) for one in (service, *others)]


def test_what_has_waited_longest_is_sent_first(sent: Sent) -> None:
    service, target = factories.ready_edge()
    other = factories.ServiceFactory(host=service.host, application=service.application)
    waiting = [actions.request_migration(service=one, target=target).pk for one in (service, other)]
    checks = [actions.check_host(host=host).pk for host in (service.host, target)]
    for model in (Migration, Operation):
        model.objects.update(requested_at=minutes_ago(1))
    sent.clear()
    reconciling.send_waiting()
    assert [pk for task, pk in sent if task == "workers.run_migration"] == waiting
    assert [pk for task, pk in sent if task == "workers.run_operation"] == checks


@pytest.mark.usefixtures("sent")
def test_a_newer_migration_does_not_overtake_one_that_waits_for_the_same_host(settings: Any) -> None:
    first, old, new = three(settings)
    assert actions.claim(migration_id=first.pk)
    assert actions.claim(migration_id=old.pk) is None
    Migration.objects.filter(pk=first.pk).update(status="succeeded")
    assert actions.claim(migration_id=new.pk) is None, "the older one waits on"
    assert new.events.latest("pk").message.endswith("came first.")
    assert actions.claim(migration_id=old.pk)


def test_the_end_of_one_sends_the_next_at_once(settings: Any, sent: Sent) -> None:
    first, old, _new = three(settings)
    claimed = actions.claim(migration_id=first.pk)
    assert claimed is not None
    sent.clear()
    actions.finish(
        migration_id=first.pk,
        lease=Lease(claimed).number,
        status=Migration(status="rolled_back").shown_status,
        message="",
    )
    assert sent == [("workers.run_migration", old.pk)]
