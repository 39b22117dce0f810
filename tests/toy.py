"""A technology that exists in the tests alone: what docs/architecture.md says one needs, and nothing of the product is changed."""

import pytest

from migrations_app.admission import rules
from migrations_app.technologies import TECHNOLOGIES, Technology, Tool, Work
from migrations_app.technologies.findings import Side, faults
from migrations_app.technologies.versions import not_older
from workers.guests import GUESTS
from workers.guests.scripted import ScriptedGuest
from workers.hosts.base import MecHost
from workers.layers import STORES
from workers.layers.base import Cloning
from workers.specs import AppAtSource, InstanceSpec, MigrationSpec, SavedState
from workers.transfer.rsync import Part

TOY = Technology(
    key="toy",
    label="Toy",
    noun="a toy",
    tools=(Tool("toy_version", "Toy tool", not_older, "toybox"),),
    facts=(("toy_version", "Toy tool"),),
    work=Work(0.1, 0.2, 0.1),
    clone="a toy copy",
    list_command="toy list",
    remove_command="toy remove {name}",
    layers_folder="toy/",
    layer_content="rootfs",
    first_answer_limit_s=1.0,
)


class ToyGuest(ScriptedGuest):
    """Each step of its life is a script beside it."""

    kind = "toy"

    async def start(self, host: MecHost, instance: InstanceSpec) -> None:
        await self._call(host, "start", instance.service)

    async def _restore(self, target: MecHost, spec: MigrationSpec, saved: SavedState) -> dict[str, str]:
        return await self._call(target, "restore", spec.migration, spec.service, saved.digest)

    async def faults(self, target: MecHost, here: Side, there: Side) -> list[str]:
        return faults([*rules.between(self.kind, here, there)])

    def explain(self, log: str) -> str | None:
        return "it was taken apart: put it together again." if "in pieces" in log else None


class ToyLayers(Cloning):
    """Its layers lie as an overlay."""

    kind, storage = "toy", "overlay"

    def instance_parts(self, spec: MigrationSpec, app: AppAtSource) -> list[Part]:
        return [Part(f"instances/{spec.service}/upper", "instance/upper")]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Technology:
    """The toy is one of the technologies."""
    monkeypatch.setitem(TECHNOLOGIES, TOY.key, TOY)
    monkeypatch.setitem(GUESTS, TOY.key, ToyGuest())
    monkeypatch.setitem(STORES, (TOY.key, "overlay"), ToyLayers())
    return TOY
