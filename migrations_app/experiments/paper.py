"""What Machen et al., "Live Service Migration in Mobile Edge Clouds", report; the figures are in paper.json."""

import json
from functools import cache
from pathlib import Path
from typing import Any

# our recipes by the paper's names of the applications
TITLES = {
    "no-application": "No Application",
    "game-server": "Game Server",
    "ram-simulation": "RAM Simulation",
    "ram-as-in-the-paper": "RAM Simulation",
    "video-streaming": "Video Streaming",
    "face-detection": "Face Detection",
    "face-as-in-the-paper": "Face Detection",
}
APPLICATIONS = ("no-application", "game-server", "ram-simulation", "video-streaming", "face-detection")
RAM_APPLICATIONS = ("ram-simulation", "ram-as-in-the-paper")
RAM_MB = 330


@cache
def figures() -> dict[str, Any]:
    """The file, read once."""
    known: dict[str, Any] = json.loads((Path(__file__).parent / "paper.json").read_text())
    return known


def link_mbit() -> int:
    """The bandwidth between the paper's hosts, in all but its sweep of bandwidths."""
    link: int = figures()["conditions"]["mec_to_mec"]["bandwidth_mbit"]
    return link


def table_1(application: str, kind: str, layers: int, app_found: bool) -> dict[str, float] | None:
    """The paper's means: seconds `total` and `downtime`, megabytes `data`; None where it has none."""
    row = figures()["table_1"].get(kind, {}).get(TITLES.get(application, ""))
    if row is None:
        return None
    model = "2" if layers == 2 else "3_found" if app_found else "3_not_found"
    return {
        "total": row[f"total_{model}"],
        "data": row[f"data_{model}"],
        "downtime": row["downtime_2" if layers == 2 else "downtime_3"],
    }


def installed_mb(application: str, kind: str) -> float | None:
    """Megabytes that the application takes on disk in the paper."""
    about = figures()["applications"].get(TITLES.get(application, ""))
    return about["install_mb"].get(kind) if about else None
