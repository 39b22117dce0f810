"""The summary: the paper's stages, adding up to the total."""

from typing import Any

import pytest
from django.test import Client

from migrations_app.models import StageRun
from migrations_app.report import OTHER, PAPER_STAGES, stage_shares, summary


def row(position: int, title: str, seconds: float | None, sent: int = 0) -> StageRun:
    return StageRun(position=position, name=f"stage{position}", paper_title=title, seconds=seconds, bytes_on_wire=sent)


def test_the_stages_add_up_to_the_total_and_the_shares_to_a_hundred(edge: dict[str, Any]) -> None:
    told = summary(edge["migration"])
    assert sum(stage["seconds"] for stage in told["stages"]) == pytest.approx(told["total_s"])
    assert sum(stage["percent_of_total"] for stage in told["stages"]) == pytest.approx(100, abs=0.5)
    assert [stage["title"] for stage in told["stages"]] == list(PAPER_STAGES)


def test_time_in_no_named_stage_is_other_remaining_tasks() -> None:
    shares = stage_shares([row(0, OTHER, 0.5), row(1, "Suspend instance", 1.0)], 4.0)
    assert shares[-1]["title"] == OTHER
    assert shares[-1]["seconds"] == 3.0


def test_rows_of_one_of_the_papers_stages_are_one_line() -> None:
    shares = stage_shares([row(0, "Restore instance", 1.0, 5), row(1, "Restore instance", 0.5, 7)], 2.0)
    assert shares[0]["seconds"] == 1.5
    assert shares[0]["bytes"] == 12
    assert shares[0]["in_downtime"] is True


def test_a_total_a_hair_below_its_parts_gives_no_negative_time() -> None:
    assert stage_shares([row(0, "Suspend instance", 1.0001)], 1.0)[-1]["seconds"] == 0.0


def test_a_migration_that_ran_no_stage_has_only_the_rest() -> None:
    assert [stage["title"] for stage in stage_shares([], None)] == [OTHER]


ROUND = {"number": 1, "read": 340_000_000, "changed": 335_000_000, "sent": 331_000_000, "seconds": 28.5}


def test_the_rounds_of_an_iterative_migration_are_in_the_report_and_on_its_page(
    as_operator: Client, edge: dict[str, Any]
) -> None:
    migration = edge["migration"]
    assert summary(migration)["rounds"] == []
    assert "Had changed" not in as_operator.get(f"/migrations/{migration.pk}/").content.decode()
    migration.stages.filter(position=4).update(name="copy_rounds", rounds=[ROUND])
    assert summary(migration)["rounds"] == [ROUND]
    assert as_operator.get(f"/api/migrations/{migration.pk}").json()["rounds"] == [ROUND]
    page = as_operator.get(f"/migrations/{migration.pk}/").content.decode()
    assert "<td>335 MB</td><td>331 MB</td><td>92.9 Mbit/s</td><td>28.5 s</td>" in page
