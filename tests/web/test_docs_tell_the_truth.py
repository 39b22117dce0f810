"""Docs: what there is is named, and what is named is there."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from migrations_app.models import MigrationStatus
from migrations_app.models.choices import FINAL
from migrations_app.recipes import PlacedFile, Probe, Recipe
from workers.engine import Outcome
from workers.plans import PLANS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
TEXTS = {page.name: page.read_text() for page in PAGES}
STAGES = {stage.name: stage for plan in PLANS.values() for stage in plan}
OUR_COMMANDS = sorted(name for name, app in get_commands().items() if app in ("migrations_app", "lab"))
# in shell scripts, the edge's own modules and the tests, read without mecportal.env
OTHER_SETTINGS = {"MEC_CACHE_DIR", "MEC_LAB", "MEC_LAB_DIR", "MEC_WORKER_THREADS"}


def settings_read() -> set[str]:
    text = (ROOT / "mecportal/settings.py").read_text()
    return set(re.findall(r'env\.(?:text|integer|flag|words|choice)\(\s*"([A-Z_]+)"', text)) | OTHER_SETTINGS


def commands_named() -> Iterator[tuple[str, str, str]]:
    """(page, command, its first word) of each command line in the docs."""
    for page, text in TEXTS.items():
        for command, word in re.findall(r"manage\.py ([a-z_]+)(?: ([a-z]+)\b)?", text):
            yield page, command, word


@pytest.mark.parametrize("name", STAGES)
def test_each_stage_is_explained_by_name_and_title(name: str) -> None:
    assert f"`{name}` | {STAGES[name].title} |" in TEXTS["architecture.md"]
    assert STAGES[name].title in TEXTS["migrating.md"]


@pytest.mark.parametrize("name", STAGES)
def test_the_table_of_stages_says_what_is_felt_and_what_commits(name: str) -> None:
    stage = STAGES[name]
    row = next(line for line in TEXTS["architecture.md"].splitlines() if line.startswith(f"| `{name}` |"))
    assert ("**down**" in row, "**commits**" in row) == (stage.down, stage.commits)
    three, two, iterative, live = (cell.strip() != "no" for cell in row.split("|")[3:7])
    in_plans = {key: name in (each.name for each in plan) for key, plan in PLANS.items()}
    expected = {"three-layers": three, "two-layers": two, "iterative": iterative, "idle-memory": three, "live": live}
    assert in_plans == expected
    assert row.split("|")[7].strip() == stage.paper_title


def test_no_stage_is_named_that_is_none() -> None:
    table = TEXTS["architecture.md"].split("## The plans")[1].split("## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(STAGES)


@pytest.mark.parametrize("outcome", [str(outcome.value) for outcome in Outcome])
def test_each_outcome_is_explained(outcome: str) -> None:
    assert MigrationStatus(outcome) in FINAL
    for page in ("architecture.md", "migrating.md"):
        assert f"| `{outcome}` |" in TEXTS[page]


@pytest.mark.parametrize("name", sorted(settings_read()))
def test_each_setting_is_explained(name: str) -> None:
    assert f"`{name}`" in TEXTS["settings.md"]


def test_no_setting_is_explained_that_is_not_read() -> None:
    rows = [line.split("|")[1] for line in TEXTS["settings.md"].splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)} <= settings_read()


@pytest.mark.parametrize("name", OUR_COMMANDS)
def test_each_command_is_explained(name: str) -> None:
    assert f"./manage.py {name}" in TEXTS["commands.md"]


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a parser and of the parsers of its actions."""
    found = {option for action in parser._actions for option in action.option_strings}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*(options_of(sub) for sub in action.choices.values()))
    return found


def parser_of(command: str) -> argparse.ArgumentParser:
    return load_command_class(get_commands()[command], command).create_parser("manage.py", command)


@pytest.mark.parametrize("name", OUR_COMMANDS)
def test_each_option_of_a_command_is_explained(name: str) -> None:
    of_all = options_of(BaseCommand().create_parser("manage.py", "any"))
    assert [
        option for option in sorted(options_of(parser_of(name)) - of_all) if option not in TEXTS["commands.md"]
    ] == []


def test_each_command_that_the_docs_name_exists() -> None:
    known = get_commands()
    assert [(page, command) for page, command, _word in commands_named() if command not in known] == []


def test_each_action_that_the_docs_name_exists() -> None:
    wrong = []
    for page, command, word in commands_named():
        if get_commands().get(command) not in ("migrations_app", "lab") or not word:
            continue
        actions = [
            action.choices for action in parser_of(command)._actions if action.choices and not action.option_strings
        ]
        if actions and word not in actions[0]:
            wrong.append((page, command, word))
    assert wrong == []


@pytest.mark.parametrize("key", sorted({*Recipe.model_fields, *Probe.model_fields, *PlacedFile.model_fields}))
def test_each_key_of_a_recipe_is_explained(key: str) -> None:
    assert f"`{key}`" in TEXTS["applications.md"]


def test_links_between_the_docs_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append((page.name, target))
    assert broken == []
