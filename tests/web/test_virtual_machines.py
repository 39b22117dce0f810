"""What the pages, the API and the actions know of virtual machines: methods, kinds, and what cannot be."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from migrations_app import actions
from migrations_app.admission.verdict import verdict
from migrations_app.deciding import decide
from migrations_app.models import BaseLayer, HostFacts, LayerCopy, Migration, Operation, Service, StageRun
from migrations_app.report import summary
from migrations_app.technologies.findings import faults
from migrations_app.technologies.ways import (
    IDLE_MEMORY,
    ITERATIVE,
    LIVE,
    THREE_LAYERS,
    WAYS,
    NoSuchWay,
    Way,
    chosen,
    transfer_of,
)
from tests import factories

KVM_FACTS = {
    "qemu_version": "10.0.13",
    "libvirt_version": "11.3.0",
    "acceleration": "tcg",
    "machine_type": "pc-q35-10.0",
}


@pytest.fixture
def machine(edge: dict[str, Any]) -> dict[str, Any]:
    """The edge's service as a virtual machine, between two hosts that have libvirt and the base."""
    service: Service = edge["service"]
    Service.objects.filter(pk=service.pk).update(kind="kvm")
    service.refresh_from_db()
    base = BaseLayer.objects.create(name=service.application.base_name, kind="kvm", digest="ab" * 16)
    for host in (service.host, edge["target"]):
        facts = HostFacts.objects.get(host=host)
        facts.values |= KVM_FACTS
        facts.save()
        LayerCopy.objects.create(
            host=host, base=base, kind="kvm", name=base.name, digest=base.digest, size_bytes=1, origin="built"
        )
    LayerCopy.objects.filter(application=service.application).update(kind="kvm")
    return edge


def refused(edge: dict[str, Any], way: Way = THREE_LAYERS) -> str:
    return " ".join(faults(verdict(edge["service"], edge["target"], way=way)))


def why_not(layers: int, transfer: str) -> str:
    with pytest.raises(NoSuchWay) as caught:
        chosen(layers, transfer)
    return str(caught.value)


def test_a_virtual_machine_may_move_by_each_method(machine: dict[str, Any]) -> None:
    for way in WAYS.values():
        sentence = f"{machine['service']} is a virtual machine, whose memory is not copied in rounds: choose"
        if way is ITERATIVE:
            assert sentence in refused(machine, way)
            continue
        assert refused(machine, way) == ""


def test_what_a_method_cannot_do_is_said_in_a_sentence(edge: dict[str, Any]) -> None:
    assert "LXC has no live migration of its own" in refused(edge, LIVE)
    assert "of whose idle application no memory is kept" in refused(edge, IDLE_MEMORY)
    assert "There is no method teleport" in why_not(3, "teleport")
    assert "There is no method live from idle memory" in why_not(3, transfer_of("live", idle_memory=True))
    assert "choose 2 or 3" in why_not(4, "save")


def test_a_container_is_told_that_it_cannot_be_moved_live_before_its_layers_are_judged(edge: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="LXC has no live migration of its own"):
        decide(edge["service"], edge["target"], 2, "live")


def test_a_live_migration_needs_three_layers_and_an_overlay(machine: dict[str, Any]) -> None:
    assert "choose three layers" in why_not(2, "live")
    machine["service"].storage = "directory"
    assert "is a full copy" in refused(machine, LIVE)


def test_a_host_without_libvirt_gets_no_virtual_machine(machine: dict[str, Any]) -> None:
    facts = HostFacts.objects.get(host=machine["target"])
    facts.values |= {"libvirt_version": "", "qemu_version": ""}
    facts.save()
    machine["target"].refresh_from_db()
    assert "has no libvirt and no QEMU" in refused(machine)
    with pytest.raises(ValidationError, match="has no libvirt and no QEMU"):
        actions.deploy_service(
            name="new", application=machine["service"].application, host=machine["target"], kind="kvm"
        )


def test_another_acceleration_or_an_older_version_is_seen_before_a_host_is_asked(machine: dict[str, Any]) -> None:
    facts = HostFacts.objects.get(host=machine["target"])
    facts.values |= {"acceleration": "kvm", "qemu_version": "9.2.0"}
    facts.save()
    machine["target"].refresh_from_db()
    said = [f"{check.state}: {check.sentence}" for check in verdict(machine["service"], machine["target"])]
    assert any(line.startswith("fault: Guests run with QEMU's TCG") for line in said)
    assert any("QEMU is 10.0.13" in line for line in said)


def page(client: Client, edge: dict[str, Any], query: str = "") -> str:
    return client.get(f"/services/{edge['service'].name}/migrate/{query}").content.decode()


def test_the_dialog_offers_a_machine_all_methods_and_a_container_says_why_not(
    as_operator: Client, machine: dict[str, Any]
) -> None:
    text = page(as_operator, machine, "?how=live")
    assert 'value="idle"' in text
    assert "QEMU mirrors the disk" in text
    assert "while the service goes on" in text
    Service.objects.filter(pk=machine["service"].pk).update(kind="lxc")
    text = page(as_operator, machine)
    assert "of whose idle application no memory is kept" in text
    assert "LXC has no live migration of its own" in text


@pytest.mark.parametrize(
    ("how", "method", "idle"), [("save", "save", False), ("idle", "save", True), ("live", "live", False)]
)
def test_a_click_asks_for_the_chosen_method(
    as_operator: Client, machine: dict[str, Any], how: str, method: str, idle: bool
) -> None:
    choice = {"target": machine["target"].name, "layers": 3, "how": how}
    as_operator.post(f"/services/{machine['service'].name}/migrate/", choice)
    made = Migration.objects.first()
    assert made is not None
    assert (made.method, made.idle_memory) == (method, idle)
    assert (summary(made)["method"], summary(made)["idle_memory"]) == (method, idle)


def test_a_wrong_combination_is_refused_on_the_page_and_nothing_is_begun(
    as_operator: Client, machine: dict[str, Any]
) -> None:
    before = Migration.objects.count()
    choice = {"target": machine["target"].name, "layers": 2, "how": "live"}
    answer = as_operator.post(f"/services/{machine['service'].name}/migrate/", choice)
    assert answer.status_code == 422
    assert "choose three layers" in answer.content.decode()
    assert Migration.objects.count() == before


def copying(machine: dict[str, Any], stage: str) -> Migration:
    made = factories.migration(
        machine["service"], machine["target"], status="running", method="live", committed_at=timezone.now()
    )
    StageRun.objects.create(migration=made, position=5, name=stage, title=stage, paper_title="Other", status="running")
    return made


def test_a_live_migration_can_be_cancelled_as_long_as_it_copies(machine: dict[str, Any]) -> None:
    made = copying(machine, "live_copy")
    assert made.can_be_cancelled
    actions.cancel_migration(migration=made)
    made.refresh_from_db()
    assert made.cancel_requested_at is not None


def test_a_live_migration_that_switches_over_cannot_be_cancelled(machine: dict[str, Any]) -> None:
    made = copying(machine, "switch_over")
    assert not made.can_be_cancelled
    with pytest.raises(ValidationError, match="too late to cancel"):
        actions.cancel_migration(migration=made)


def test_the_page_of_a_migration_shows_what_qemu_says(as_operator: Client, machine: dict[str, Any]) -> None:
    made = copying(machine, "live_copy")
    StageRun.objects.filter(migration=made).update(detail="Iteration 2: 80 of 270 MB")
    text = as_operator.get(f"/migrations/{made.pk}/").content.decode()
    assert "Iteration 2: 80 of 270 MB" in text
    assert "LXC · 3 layers · live" in text or "KVM · 3 layers · live" in text


def test_the_history_never_averages_methods_and_can_be_filtered_by_them(
    as_operator: Client, machine: dict[str, Any]
) -> None:
    factories.migration(machine["service"], machine["target"], kind="kvm", method="live")
    factories.migration(machine["service"], machine["target"], kind="kvm")
    text = as_operator.get("/migrations/").content.decode()
    assert "KVM · 3 layers · live" in text
    whole, live = (
        b"".join(as_operator.get(f"/migrations/export.csv{query}")).decode().splitlines()  # type: ignore[arg-type]
        for query in ("", "?method=live")
    )
    assert {"method", "idle_memory"} <= set(whole[0].split(","))
    assert (len(live), len(whole)) == (2, 4)


def test_the_edge_says_of_each_service_and_layer_what_kind_it_is(as_viewer: Client, machine: dict[str, Any]) -> None:
    factories.ServiceFactory(name="boxed", application=machine["service"].application, host=machine["target"])
    text = as_viewer.get("/").content.decode()
    for name, kind in ((machine["service"].name, "KVM"), ("boxed", "LXC")):
        assert f'/services/{name}/">{name}</a> <span class="tag">{kind}</span>' in text
    assert 'debian-13 <span class="tag">LXC base</span>' in text
    assert 'debian-13 <span class="tag">KVM base</span>' in text


@pytest.mark.parametrize("action", ["provision", "build"])
def test_the_base_of_each_kind_is_asked_for_by_its_own_button(
    as_operator: Client, machine: dict[str, Any], action: str
) -> None:
    as_operator.post(f"/hosts/{machine['target'].name}/{action}-base/", {"kind": "kvm"})
    assert Operation.objects.filter(kind=f"{action}_base").values_list("argument", flat=True)[0] == "kvm/debian-13"
