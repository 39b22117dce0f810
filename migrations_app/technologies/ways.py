"""How a running service goes from host to host: one row a way, from which plans, choices, forms, filters and checks derive.

A way is how the state is transferred (saved and sent, or by the technology itself) with a number of layers. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from . import TECHNOLOGIES
from .base import Technology, Work
from .findings import FAULT, Finding

CHECKED = ("check", "prepare")
APP_LAYER = ("clone_base_as_app", "rsync_app_filesystem", "clone_app_as_instance")
SUSPENDED = ("suspend_instance", "rsync_instance_filesystem", "rsync_instance_memory", "restore_instance")
COMMITTED = ("announce", "verify", "clean_up_source")


@dataclass(frozen=True)
class Way:
    """One way. Empty sets of technologies and storages mean that there is no bound.

    `transfer` tells ways apart that have the same layers; two ways with one transfer are what a service's policy chooses from.
    """

    key: str
    transfer: str
    layers: int  # 2: the application travels inside the instance; 3: the target may hold it already
    stages: tuple[str, ...]  # by their names, in order
    method: str = "save"  # as rows and programs have it: "save", or "live" where the technology itself moves it
    idle_memory: bool = False  # memory travels as a difference to that of the idle application
    technologies: frozenset[str] = frozenset()
    storages: frozenset[str] = frozenset()
    # all but what changes meanwhile travels before the downtime, which takes so long; None: the technology's own work
    live_work: Work | None = None
    # in this stage a person may still cancel although it commits: it decides itself when to switch over
    copies_in: str = ""
    # the stage whose bytes are the running state's
    memory_stage: str = "rsync_instance_memory"

    @property
    def layers_in_words(self) -> str:
        """As a sentence begins."""
        return {2: "Two layers", 3: "Three layers"}[self.layers]

    @property
    def live(self) -> bool:
        """Whether the technology itself moves the running guest."""
        return self.method == "live"

    @property
    def in_rounds(self) -> bool:
        """Whether the portal copies memory and files in rounds before the suspension."""
        return self.method == "iterative"

    @property
    def copied_while_running(self) -> bool:
        """Whether what the service holds travels before it is suspended."""
        return self.live_work is not None

    def refusals(self, service: str, technology: Technology, storage: str) -> Iterator[Finding]:
        """Why a service of this technology and storage cannot go this way; one sentence with what to choose."""
        if sentence := technology.storage_refusal(storage):
            yield Finding(FAULT, sentence)
        elif self.technologies and technology.key not in self.technologies:
            why = TRANSFERS[self.transfer].no_technology
            yield Finding(FAULT, why.format(service=service, technology=technology, noun=technology.noun))
        elif self.storages and storage not in self.storages:
            yield Finding(FAULT, TRANSFERS[self.transfer].no_storage.format(service=service))

    def takes(self, technology: Technology, storage: str) -> bool:
        """Whether services of this technology and storage can go this way at all."""
        return not list(self.refusals("", technology, storage))


@dataclass(frozen=True)
class Transfer:
    """How the running state travels: what a person chooses beside the number of layers."""

    label: str
    short: str  # as part of a list of words
    help: str
    # why not, and what to choose: with {service}, {technology} and {noun}, what a guest of it is
    no_technology: str = ""
    no_storage: str = ""
    only_three_layers: str = ""


TRANSFERS = {
    "save": Transfer(
        "Save and rsync", "save", "The service is suspended, its memory saved and sent, and it goes on there."
    ),
    "iterative": Transfer(
        "Iterative",
        "iterative",
        "Memory and files are copied in rounds while the service runs; suspended, it only waits for what changed since.",
        no_technology="{service} is {noun}, whose memory is not copied in rounds: choose “Save and rsync” or “Live”.",
        only_three_layers="Rounds copy what lies above the application layer: choose three layers.",
    ),
    "idle": Transfer(
        "Save and rsync, from idle memory",
        "idle memory",
        "Memory travels as a difference to that of the idle application, which lies with its layer.",
        no_technology="{service} is {noun}, of whose idle application no memory is kept: choose “Save and rsync”.",
        only_three_layers="Memory is sent as a difference to the idle application's where its layer lies: choose three layers.",
    ),
    "live": Transfer(
        "Live",
        "live",
        "QEMU mirrors the disk and copies memory while the service runs.",
        no_technology="{service} is {noun}, and {technology} has no live migration of its own: choose “Save and rsync”.",
        no_storage="QEMU's live migration copies an overlay's changes, and {service} is a full copy: choose “Save and rsync”.",
        only_three_layers="QEMU's live migration needs the application layer on the target: choose three layers.",
    ),
}

ITERATIVE_STAGES = ("copy_rounds", "suspend_instance", "send_rest", "restore_instance")
THREE_LAYERS = Way("three-layers", "save", 3, (*CHECKED, *APP_LAYER, *SUSPENDED, *COMMITTED))
TWO_LAYERS = Way("two-layers", "save", 2, (*CHECKED, "clone_base_as_instance", *SUSPENDED, *COMMITTED))
IDLE_MEMORY = Way(
    "idle-memory",
    "idle",
    3,
    THREE_LAYERS.stages,
    idle_memory=True,
    technologies=frozenset({"kvm"}),
)
ITERATIVE = Way(
    "iterative",
    "iterative",
    3,
    (*CHECKED, *APP_LAYER, *ITERATIVE_STAGES, *COMMITTED),
    method="iterative",
    technologies=frozenset({"lxc", "oci"}),
    live_work=Work(1.2, 0.5, 0.3),
    memory_stage="copy_rounds",
)
LIVE = Way(
    "live",
    "live",
    3,
    (*CHECKED, *APP_LAYER, "live_copy", "switch_over", *COMMITTED),
    method="live",
    technologies=frozenset({"kvm"}),
    storages=frozenset({"overlay"}),
    live_work=Work(1.5, 0.45, 1.5),
    copies_in="live_copy",
    memory_stage="live_copy",
)
WAYS: dict[str, Way] = {way.key: way for way in (THREE_LAYERS, TWO_LAYERS, ITERATIVE, IDLE_MEMORY, LIVE)}

# as rows and programs have them, each with the transfer that is its plain one
METHODS = {way.method: way.transfer for way in WAYS.values() if not way.idle_memory}


def ways_of(transfer: str) -> dict[int, Way]:
    """The ways in which the state is transferred so, by their number of layers."""
    return {way.layers: way for way in WAYS.values() if way.transfer == transfer}


def transfer_of(method: str, idle_memory: bool) -> str:
    """The transfer as rows and programs tell it; one that there is not is returned in words."""
    found = (way.transfer for way in WAYS.values() if (way.method, way.idle_memory) == (method, idle_memory))
    return next(found, f"{method} from idle memory" if idle_memory else method)


def way_of(layers: int, method: str, idle_memory: bool) -> Way:
    """The way as a row of the history has it."""
    return ways_of(transfer_of(method, idle_memory))[layers]


class NoSuchWay(ValueError):
    """There is none with what was chosen; `args[0]` says why, and what to choose."""


def chosen(layers: int, transfer: str) -> Way:
    """The way with this transfer and number of layers. Raises NoSuchWay."""
    if transfer not in TRANSFERS:
        raise NoSuchWay(f"There is no method {transfer}: choose {' or '.join(METHODS)}.")
    possible = sorted({way.layers for way in WAYS.values()})
    if layers not in possible:
        raise NoSuchWay(f"There is no migration with {layers} layers: choose {' or '.join(map(str, possible))}.")
    if layers not in (ways := ways_of(transfer)):
        raise NoSuchWay(TRANSFERS[transfer].only_three_layers)
    return ways[layers]


def technologies_of(transfer: str) -> str:
    """The labels of the technologies whose services can be transferred so, as a list in words."""
    takes = {key for way in ways_of(transfer).values() for key in (way.technologies or TECHNOLOGIES)}
    return ", ".join(technology.label for key, technology in TECHNOLOGIES.items() if key in takes)
