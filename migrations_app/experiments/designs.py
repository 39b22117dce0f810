"""Which cells an experiment has. Pure: a choice in, settings out, in the order in which they are measured."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrations_app.models import Design, Storage
from migrations_app.technologies import DEFAULT, TECHNOLOGIES
from migrations_app.technologies.ways import Way, ways_of

from . import paper

RAM_MB = (50, 100, 200, 300, 400, 500, 600)
BANDWIDTHS_MBIT = (1, 5, 10, 50, 100)
# (layers, the target holds the application layer): the found one comes right after the run that brought it
MODELS = ((3, False), (3, True), (2, False))
AS_IN_THE_PAPER = "as-in-the-paper"
# recipes that take the paper's bytes, in place of those that take few
PAPERS_OWN = {"ram-simulation": "ram-as-in-the-paper", "face-detection": "face-as-in-the-paper"}


@dataclass(frozen=True)
class Choice:
    """What an operator asks for; bandwidths of 0 entries mean the hosts' own."""

    design: str
    applications: tuple[str, ...] = ()
    kinds: tuple[str, ...] = (DEFAULT.key,)
    storages: tuple[str, ...] = (Storage.OVERLAY,)
    transfers: tuple[str, ...] = ("save",)
    ram_mb: tuple[int, ...] = RAM_MB
    bandwidths_mbit: tuple[int, ...] = BANDWIDTHS_MBIT
    preset: str = ""


@dataclass(frozen=True)
class Setting:
    """What is the same in all runs of a cell."""

    application: str
    kind: str
    way: Way
    app_found: bool
    storage: str
    bandwidth_mbit: int
    ram_mb: int | None = None


def completed(choice: Choice) -> Choice:
    """The choice with the preset's and the design's own values."""
    sweep = choice.design in (Design.FIGURE_5_RAM, Design.FIGURE_5_BANDWIDTH)
    applications = choice.applications or (paper.RAM_APPLICATIONS[:1] if sweep else paper.APPLICATIONS)
    choice = replace(choice, applications=applications)
    if choice.preset == AS_IN_THE_PAPER:
        alike = tuple(PAPERS_OWN.get(name, name) for name in choice.applications)
        choice = replace(choice, applications=alike, storages=(Storage.DIRECTORY,), transfers=("save",))
    return choice


def settings_of(choice: Choice, link_mbit: int) -> list[Setting]:
    """All cells of a completed choice, on hosts whose link has so many Mbit/s."""
    return list(_settings(choice, link_mbit))


def _settings(choice: Choice, link_mbit: int) -> Iterator[Setting]:
    for kind in choice.kinds:
        for application in choice.applications:
            for storage in choice.storages:
                for transfer in choice.transfers:
                    ways = ways_of(transfer)
                    if not ways[3].takes(TECHNOLOGIES[kind], storage):
                        continue
                    plain = Setting(application, kind, ways[3], True, storage, link_mbit)
                    if choice.design == Design.FIGURE_5_RAM:
                        yield from (replace(plain, ram_mb=size) for size in choice.ram_mb)
                    elif choice.design == Design.FIGURE_5_BANDWIDTH:
                        yield from (replace(plain, bandwidth_mbit=width) for width in choice.bandwidths_mbit)
                    else:
                        for layers, found in MODELS:
                            if layers in ways:
                                yield replace(plain, way=ways[layers], app_found=found)
