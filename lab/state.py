"""What an edge was brought up with, kept in state.json; what is running is asked of the machine instead."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.layout import EMULATED, Layout
from lab.machine import Places


@dataclass(frozen=True)
class Wanted:
    """What `lab up` was asked for: bandwidth in Mbit/s, one-way delay and jitter in ms, disks in MB (0: no limit).

    `machines` is what the MEC hosts are, one of kinds.KINDS.
    """

    hosts: int = 3
    bandwidth_mbit: float = 100.0
    user_delay_ms: float = 25.0
    user_jitter_ms: float = 5.0
    disk_mb: int = 0
    machines: str = EMULATED


@dataclass
class State:
    """The edge as it was brought up. `number` stays over `lab down`, so that hosts keep their addresses."""

    lab: str
    number: int
    wanted: Wanted
    delay_by: str = "relay"
    bandwidth_mbit: dict[str, float] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """Names and addresses."""
        return Layout(self.lab, self.number, self.wanted.hosts, self.wanted.machines)


def load(places: Places) -> State | None:
    """The kept state, or None where this edge was never up. Raises LabError for a file that cannot be read."""
    path = places.root / "state.json"
    try:
        values = json.loads(path.read_text())
        return State(**{**values, "wanted": Wanted(**values["wanted"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise LabError(f"{path} cannot be read ({error}). Delete it, and run `lab down` and `lab up`.") from error


def save(places: Places, state: State) -> None:
    """Write the state, whole or not at all."""
    places.root.mkdir(parents=True, exist_ok=True)
    unfinished = places.root / "state.json.new"
    unfinished.write_text(json.dumps(asdict(state), indent=1))
    unfinished.rename(places.root / "state.json")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one `lab up`, `link` or `down` at a time; the next one waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
