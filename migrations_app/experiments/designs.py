"""Which cells an experiment has. Pure: a choice in, settings out, in the order in which they are measured."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrations_app.models import Design, Kind, Method, Storage

from . import paper

# How the state travels: the method, and whether memory is sent as a difference to the idle application's
HOWS: dict[str, tuple[str, bool]] = {
    "save": (Method.SAVE, False),
    "idle": (Method.SAVE, True),
    "live": (Method.LIVE, False),
}
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
    kinds: tuple[str, ...] = (Kind.LXC,)
    storages: tuple[str, ...] = (Storage.OVERLAY,)
    hows: tuple[str, ...] = ("save",)
    ram_mb: tuple[int, ...] = RAM_MB
    bandwidths_mbit: tuple[int, ...] = BANDWIDTHS_MBIT
    preset: str = ""


@dataclass(frozen=True)
class Setting:
    """What is the same in all runs of a cell."""

    application: str
    kind: str
    layers: int
    app_found: bool
    storage: str
    how: str
    bandwidth_mbit: int
    ram_mb: int | None = None

    @property
    def method(self) -> str:
        """The migration's method."""
        return HOWS[self.how][0]

    @property
    def idle_memory(self) -> bool:
        """Whether memory is sent as a difference to the idle application's."""
        return HOWS[self.how][1]


def completed(choice: Choice) -> Choice:
    """The choice with the preset's and the design's own values."""
    sweep = choice.design in (Design.FIGURE_5_RAM, Design.FIGURE_5_BANDWIDTH)
    applications = choice.applications or (paper.RAM_APPLICATIONS[:1] if sweep else paper.APPLICATIONS)
    choice = replace(choice, applications=applications)
    if choice.preset == AS_IN_THE_PAPER:
        alike = tuple(PAPERS_OWN.get(name, name) for name in choice.applications)
        choice = replace(choice, applications=alike, storages=(Storage.DIRECTORY,), hows=("save",))
    return choice


def settings_of(choice: Choice, link_mbit: int) -> list[Setting]:
    """All cells of a completed choice, on hosts whose link has so many Mbit/s."""
    return list(_settings(choice, link_mbit))


def _settings(choice: Choice, link_mbit: int) -> Iterator[Setting]:
    for kind in choice.kinds:
        for application in choice.applications:
            for storage in choice.storages:
                for how in choice.hows:
                    if not possible(kind, storage, how):
                        continue
                    plain = Setting(application, kind, 3, True, storage, how, link_mbit)
                    if choice.design == Design.FIGURE_5_RAM:
                        yield from (replace(plain, ram_mb=size) for size in choice.ram_mb)
                    elif choice.design == Design.FIGURE_5_BANDWIDTH:
                        yield from (replace(plain, bandwidth_mbit=width) for width in choice.bandwidths_mbit)
                    else:
                        for layers, found in MODELS:
                            if layers == 3 or how == "save":
                                yield replace(plain, layers=layers, app_found=found)


def possible(kind: str, storage: str, how: str) -> bool:
    """Whether this kind of guest can travel this way at all."""
    if how == "save":
        return True
    return kind == Kind.KVM and (how != "live" or storage == Storage.OVERLAY)
