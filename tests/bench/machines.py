"""Measures virtual machines: saved, saved from idle memory and live; their downtime beside a container's; deploying; memory."""

import time
from statistics import median
from typing import Any

from tests.bench.containers import move_a_container
from tests.bench.edge import available_mb, build, deploy, felt_s, move_to_and_fro, of_the_stage
from tests.bench.forecasts import measure_forecasts, runs_of
from tests.bench.table import Figures
from tests.lab.site import Site

# (application, the user's downtime in s when saved and sent): the bars at 100 Mbit/s
APPLICATIONS: list[tuple[str, float | None]] = [
    ("no-application", None),
    ("game-server", 8.0),
    ("video-streaming", None),
    ("ram-as-in-the-paper", 20.0),
    ("face-detection", 15.0),
]
LIVE_DOWNTIME_S = 0.5
CLONE_S, DEPLOY_S = 0.3, 40.0
FOUR_SERVICES_MB = 3072
LXC_TO_KVM = 1.0
RUNS = 3


def measure_machines(figures: Figures, site: Site, free_mb: float, containers_s: dict[str, list[float]]) -> None:
    """All of it. Containers' downtimes that this run has measured already, `containers_s`, are not measured again."""
    measure_four_services(figures, site, free_mb)
    for application, downtime_bar in APPLICATIONS:
        lxc_s = containers_s.get(application) or _container(figures, site, application)
        kvm_s = measure_machine(figures, site, application, downtime_bar)
        figures.add(f"downtime of LXC / KVM, {application}", [median(lxc_s) / median(kvm_s)], LXC_TO_KVM)


def measure_four_services(figures: Figures, site: Site, free_mb: float) -> None:
    """What two virtual machines and two containers take of `free_mb` of memory, all hosts and the portal included."""
    names = {"vm-1": "kvm", "vm-2": "kvm", "ct-1": "lxc", "ct-2": "lxc"}
    for name, kind in names.items():
        deploy(site, name, "game-server", kind, host=f"mec-{name[-1]}")
    figures.add("two KVM and two LXC services (MB of memory)", [free_mb - available_mb()], FOUR_SERVICES_MB)
    for name in names:
        site.ok("service", "remove", name)


def measure_machine(figures: Figures, site: Site, application: str, downtime_bar: float | None) -> list[float]:
    """One application by all three methods; the user's downtimes where it was saved and sent."""
    service, title = f"vm-{application}", f"KVM, {application}"
    build(site, application, "kvm")
    began = time.monotonic()
    deploy(site, service, application, "kvm")
    figures.add(f"{title}: deployed, layers present (s)", [time.monotonic() - began], DEPLOY_S)

    saved = move_to_and_fro(site, service, runs_of(application, RUNS))
    _add(figures, f"{title}, saved", saved, downtime_bar)
    figures.add(f"    {title}: a clone (s)", of_the_stage(saved, "clone_app_as_instance"), CLONE_S)
    measure_forecasts(figures, site, title, application, saved)
    idle = move_to_and_fro(site, service, RUNS, "--idle-memory")
    _add(figures, f"{title}, saved, from idle memory", idle, downtime_bar)
    live = move_to_and_fro(site, service, RUNS, "--method", "live")
    _add(figures, f"{title}, live", live, LIVE_DOWNTIME_S)
    site.ok("service", "remove", service)
    return felt_s(saved)


def _container(figures: Figures, site: Site, application: str) -> list[float]:
    felt = felt_s(move_a_container(site, application, RUNS))
    figures.add(f"LXC, {application}: the user's downtime (s)", felt)
    return felt


def _add(figures: Figures, title: str, moves: list[dict[str, Any]], downtime_bar: float | None) -> None:
    figures.add(f"{title}: the user's downtime (s)", felt_s(moves), downtime_bar)
    figures.add(f"    {title}: total (s)", [moved["total_s"] for moved in moves])
    figures.add(f"    {title}: on the wire (MB)", [moved["bytes_on_wire"] / 1e6 for moved in moves])
