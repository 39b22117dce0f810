"""The lab's own application that fills memory, as a recipe with other parameters."""

import shutil
from pathlib import Path

from tests.lab.site import ROOT, Site

APPLICATIONS = ROOT / "lab/applications"


def add_memory(site: Site, folder: Path, ram_mb: int, change_mb_per_s: int) -> str:
    """Add an application that holds so much random memory and changes so much of it each second, at random places; its name."""
    recipe = (APPLICATIONS / "ram-simulation.toml").read_text()
    name = f"memory-{ram_mb}"
    for old, new in (
        ('name = "ram-simulation"', f'name = "{name}"'),
        ("ram_mb = 330", f"ram_mb = {ram_mb}"),
        ("change_mb_per_s = 10", f"change_mb_per_s = {change_mb_per_s}"),
        ('order = "in_turn"', 'order = "scattered"'),
    ):
        assert old in recipe
        recipe = recipe.replace(old, new)
    (folder / f"{name}.toml").write_text(recipe)
    shutil.copy(APPLICATIONS / "ram.py", folder)
    site.ok("application", "add", str(folder / f"{name}.toml"))
    return name
