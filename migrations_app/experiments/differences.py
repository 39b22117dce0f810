"""In words: where this edge differs from the paper's machines, so that nobody compares what cannot be compared."""

from collections.abc import Iterator
from typing import Any

from django.template.defaultfilters import pluralize

from migrations_app.models import Design, Experiment, Storage
from migrations_app.technologies import TECHNOLOGIES

from . import paper


def differences(experiment: Experiment, cells: list[dict[str, Any]]) -> list[str]:
    """One sentence each; about what the experiment measured only."""
    return list(_sentences(experiment, cells))


def _sentences(experiment: Experiment, cells: list[dict[str, Any]]) -> Iterator[str]:
    theirs = paper.figures()["conditions"]
    kinds = {cell["kind"] for cell in cells}
    hosts = experiment.environment.get("hosts", {})
    for name, facts in hosts.items():
        memory = (facts.get("memory_total_bytes") or 0) / 1e9
        yield (
            f"{name}: {_counted(facts.get('cores'), 'processor')} ({facts.get('cpu_model')}), {memory:.0f} GB of memory, "
            f"{facts.get('os')}, Linux {facts.get('kernel')}; the paper's hosts had {theirs['host']['cpus']} processors and "
            f"{theirs['host']['ram_gb']} GB each, emulated by {theirs['host']['emulator']}, with {theirs['host']['guest_os']}."
        )
    first: dict[str, Any] = next(iter(hosts.values()), {})
    for key, technology in TECHNOLOGIES.items():
        if key in kinds and technology.described:
            yield technology.described(first, theirs)
    if any(cell["storage"] != Storage.DIRECTORY for cell in cells):
        yield "Storage: layers lie as overlays in cells that say so; the paper's were full copies (directory)."
    link = experiment.environment.get("link_mbit")
    if link is not None:
        yield f"The link between the hosts has {link} Mbit/s; the paper's had {paper.link_mbit()}."
    if any(cell["bandwidth_mbit"] != paper.link_mbit() for cell in cells):
        yield f"The paper's figures stand beside cells at {paper.link_mbit()} Mbit/s only: its Table I is of that link."
    if experiment.runs != theirs["runs_per_cell"]:
        yield f"Each cell has at most {_counted(experiment.runs, 'run')}; the paper's had {theirs['runs_per_cell']}."
    applications = {cell["application"] for cell in cells}
    if "ram-simulation" in applications:
        yield (
            "ram-simulation fills its memory with random data, which does not compress; the paper's 330 MB took 97 MB of "
            "traffic. ram-as-in-the-paper has data that compress as far."
        )
    if "face-detection" in applications:
        yield (
            "face-detection installs OpenCV from its Python wheel, a quarter of the bytes of the paper's installation; "
            "face-as-in-the-paper installs all of Debian's."
        )
    if experiment.design == Design.FIGURE_5_RAM:
        yield "The paper draws this figure and gives no table of it; its cell at 330 MB is in its Table I."
    yield "The paper's state crosses by rsync once the service is suspended, and so does ours, unless a cell says live."


def _counted(number: object, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {noun}{pluralize(number)}"
