"""A program that asks for JSON finds exactly one object on standard output, whatever happened."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from migrations_app.management import following
from migrations_app.models import Migration

ROOT = Path(__file__).resolve().parents[2]


def told(*words: str) -> tuple[dict[str, Any], int]:
    """The object, and the exit code."""
    out, code = io.StringIO(), 0
    try:
        call_command(*words, "--json", stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return json.loads(out.getvalue()), code


@pytest.mark.parametrize(
    ("service", "host", "says"),
    [
        ("{service}", "{here}", "already"),
        ("{service}", "nowhere", "There is no host"),
        ("none", "{there}", "There is no service"),
    ],
)
def test_a_refusal_is_an_object(service: str, host: str, says: str, edge: dict[str, Any]) -> None:
    names = {"service": edge["service"].name, "here": edge["service"].host.name, "there": edge["target"].name}
    said, code = told("live_migrate", service.format(**names), "--to", host.format(**names))
    assert (said["outcome"], code) == ("refused", 1)
    assert set(said) == {"outcome", "error"}
    assert says in said["error"]


def test_what_no_worker_has_taken_is_named_with_its_number(
    edge: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "WORKER_LIMIT_S", 0.0)
    said, code = told("live_migrate", edge["service"].name, "--to", edge["target"].name)
    assert (said["outcome"], code) == ("queued", 1)
    assert Migration.objects.get(pk=said["migration"]).status == "queued"
    assert "No worker has taken" in said["error"]


def test_who_stops_watching_learns_what_goes_on(edge: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        Migration.objects.filter(status="queued").update(status="running")
        raise KeyboardInterrupt

    monkeypatch.setattr(following.time, "sleep", interrupted)
    said, _code = told("live_migrate", edge["service"].name, "--to", edge["target"].name)
    assert said["outcome"] in ("queued", "running")
    assert said["migration"] == Migration.objects.all()[0].pk


def test_a_database_that_is_away_is_an_object(edge: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("could not connect")

    monkeypatch.setattr("migrations_app.management.commands.live_migrate.follow_migration", away)
    said, code = told("live_migrate", edge["service"].name, "--to", edge["target"].name)
    assert (said["outcome"], code) == ("unknown", 1)
    assert "could not connect" in said["error"]


@pytest.mark.parametrize("words", [["game", "--json"], ["--json"], ["game", "--to", "x", "--layers", "4", "--json"]])
def test_a_wrong_argument_is_an_object(words: list[str], tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "live_migrate", *words]
    env = {**os.environ, "MEC_DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert (said["outcome"], done.returncode) == ("refused", 1)
    assert said["error"]


def test_a_report_that_was_refused_replaces_the_one_of_an_earlier_run(tmp_path: Path, edge: dict[str, Any]) -> None:
    file = tmp_path / "report.json"
    file.write_text('{"cells": []}')
    with contextlib.suppress(SystemExit), pytest.raises(CommandError, match="There is no experiment #99"):
        call_command("experiment", "report", "99", "--json", str(file))
    assert json.loads(file.read_text())["outcome"] == "refused"
