"""What the house knows of a technology that services run in: plain values, and pure rules over what hosts said of themselves."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .findings import Finding, Side
from .versions import Judgement, Version


@dataclass(frozen=True)
class Tool:
    """A program that a host must have, and which of its versions may follow which."""

    key: str  # of the host's facts
    title: str
    follows: Callable[[Version, Version], Judgement]
    package: str = ""  # Debian's, where a host's check is to name it


@dataclass(frozen=True)
class Work:
    """Seconds of a migration with next to nothing to send, measured on the emulated edge."""

    before_s: float
    down_s: float
    after_s: float


def _as_its_recipe_says(limit_bytes: int) -> int:
    return limit_bytes


def _nothing_more(_source: Side, _target: Side) -> Iterator[Finding]:
    return iter(())


def _no_problem(_values: Mapping[str, Any]) -> list[dict[str, str]]:
    return []


def _no_machine(_here: Mapping[str, Any], _all: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Technology:
    """One technology: how it is called, what it needs, how it lies on hosts, what of it may meet.

    `facts` are (key, label) of the facts that a host's page shows for it, `clone` says what an overlay's clone is. The two
    commands are for a person on a host: `list_command`, and `remove_command` with {name} for the instance.
    """

    key: str  # as rows of the database, scripts and the command line have it
    label: str
    noun: str  # what a guest of it is: "a container"
    tools: tuple[Tool, ...]
    facts: tuple[tuple[str, str], ...]
    work: Work
    clone: str
    list_command: str
    remove_command: str
    # below the hosts' layer directory, and the folder of a layer that holds its files
    layers_folder: str
    layer_content: str
    first_answer_limit_s: float  # from a start to the first answer
    # the bytes that a guest takes of its host's memory, whose recipe allows so many
    memory_needed: Callable[[int], int] = _as_its_recipe_says
    # beyond the tools' versions: whether what was saved on the one can go on at the other, as far as their facts say
    fits: Callable[[Side, Side], Iterable[Finding]] = _nothing_more
    # what a guest's definition takes from the facts of its host, and of all hosts
    machine: Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], dict[str, Any]] = _no_machine
    # whether the memory of the idle application is kept beside its layer
    keeps_idle_memory: bool = False
    # so many of its tools, the first ones, make a host one that is to have it: others may have the first for a purpose of their own
    begun_by: int = 1
    # what its scripts on hosts share with other technologies': names in workers/scripts/shared
    shares: tuple[str, ...] = ()
    # the storages in which its layers can lie, and what to do where another is asked for
    storages: tuple[str, ...] = ("overlay", "directory")
    no_storage: str = ""
    # the command that writes the archive of a container image, where such an image is an application of it as it is
    archive_command: str = ""
    # what is wrong with a host's installation of it: `what`, and the command that fixes it as `fix`
    problems: Callable[[Mapping[str, Any]], list[dict[str, str]]] = _no_problem
    # what an experiment's report says of it: the facts of a host, the paper's conditions
    described: Callable[[Mapping[str, Any], Mapping[str, Any]], str] | None = None

    def __str__(self) -> str:
        return self.label

    @property
    def runs_images(self) -> bool:
        """Whether a container image is an application of it as it is."""
        return bool(self.archive_command)

    def storage_refusal(self, storage: str) -> str:
        """One sentence why its layers cannot lie so; empty when they can."""
        return "" if storage in self.storages else self.no_storage

    def is_installed(self, values: Mapping[str, Any]) -> bool:
        """Whether a host with these facts has begun to have it, so that what it lacks of it is a problem."""
        return all(values.get(tool.key) for tool in self.tools[: self.begun_by])

    def missing_tools(self, values: Mapping[str, Any]) -> list[str]:
        """What a host with these facts lacks; what no check has asked for yet is not missing."""
        return [tool.title for tool in self.tools if values.get(tool.key, "unknown") == ""]
