"""Measures what having one owner costs a migration: each write with the lease in its condition, each command behind a fence."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.table import Figures
from tests.engine.world import World
from workers.hosts.base import script_for

ROOT = Path(__file__).resolve().parents[2]
OWNERSHIP_MS = 20.0
SAMPLES = 300
# milliseconds of one write with and without the owner's condition, in turn, in a database as the portal has it
WRITES = """
import django, sys, time
django.setup()
from contextlib import nullcontext
from django.core.management import call_command
from django.db import transaction
call_command("migrate", verbosity=0)
from tests import factories
from migrations_app.actions.leases import owning
from migrations_app.models import Event, Migration, StageRun
service, target = factories.ready_edge()
made = factories.migration(service, target, status="running", lease=1)
factories.stages(made)
def write(owned):
    began = time.perf_counter()
    with owning(Migration, made.pk, 1) if owned else transaction.atomic():
        StageRun.objects.filter(migration_id=made.pk, position=3).update(status="done", seconds=1.0)
        Event.objects.create(migration_id=made.pk, kind="stage", message="done", data={"position": 3})
    return time.perf_counter() - began
pairs = [(write(True), write(False)) for _ in range(%d)]
for column in zip(*pairs):
    print(1000 * sorted(column)[len(column) // 2])
"""


class _Owner:
    number, mark, ends_itself = 1, "migration-1", True

    async def require(self) -> None:
        return None


def measure_ownership(figures: Figures) -> None:
    """Milliseconds more of a whole migration, by how many writes and commands one has."""
    world = World(3, True)
    asyncio.run(world.migrate())
    writes, commands = world.journal.writes, len(world.source.calls) + len(world.target.calls)
    owned, plain = _writes_ms()
    fenced, free = _commands_ms()
    figures.add(f"one owner: {writes} writes of a migration with their lease, more (ms)", [writes * (owned - plain)])
    figures.add(f"one owner: {commands} commands on hosts behind a fence, more (ms)", [commands * (fenced - free)])
    more = writes * (owned - plain) + commands * (fenced - free)
    figures.add("one owner: all of it, more of a migration's time (ms)", [more], OWNERSHIP_MS)


def _writes_ms() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MEC_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "mecportal.settings",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", WRITES % SAMPLES],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    owned, plain = done.stdout.split()
    return float(owned), float(plain)


def _commands_ms() -> tuple[float, float]:
    """Of a shell that gets a script with a fence and without, in turn."""
    fenced, free = script_for("hosts/forget", fence=_Owner()), script_for("hosts/forget")

    def run(text: str) -> float:
        began = time.perf_counter()
        subprocess.run(["sh", "-eu", "-s", "--", "bench-0"], input=text, text=True, check=True)
        return 1000 * (time.perf_counter() - began)

    pairs = [(run(fenced), run(free)) for _ in range(SAMPLES)]
    first, second = (sorted(column)[SAMPLES // 2] for column in zip(*pairs, strict=True))
    return first, second
