"""A stranger cannot fill the disk, and what an operator types does not run in another's spreadsheet."""

import csv
import io
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from mecportal.limits import MOST_BODY_BYTES, limited
from migrations_app.models import Cell, Experiment, Migration
from migrations_app.spreadsheets import safe
from tests import factories


class Asked:
    """One request to an application that reads all of its body, and answers."""

    def __init__(self, chunks: list[bytes], headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.chunks, self.read, self.sent = chunks, 0, []  # type: ignore[var-annotated]
        self.scope = {"type": "http", "headers": headers or []}

    async def receive(self) -> dict[str, Any]:
        self.read += 1
        return {"type": "http.request", "body": self.chunks[self.read - 1], "more_body": self.read < len(self.chunks)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def status(self) -> int:
        async def pages(scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["more_body"]:
                pass
            await send({"type": "http.response.start", "status": 200, "headers": []})

        await limited(pages)(self.scope, self.receive, self.send)
        return int(self.sent[0]["status"])


async def test_a_body_that_is_too_long_is_not_read() -> None:
    asked = Asked([b"x"] * 9, [(b"content-length", str(MOST_BODY_BYTES + 1).encode())])
    assert (await asked.status(), asked.read) == (413, 0)


async def test_one_that_does_not_say_how_long_it_is_is_read_up_to_the_limit() -> None:
    asked = Asked([b"x" * 1_000_000] * 50)
    assert (await asked.status(), asked.read) == (413, 4)


@pytest.mark.parametrize("length", [b"", b"-1", b"x", b"1e9"])
async def test_a_body_of_the_usual_size_goes_through(length: bytes) -> None:
    assert await Asked([b"x" * 1000], [(b"content-length", length)]).status() == 200


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(text: str) -> None:
    assert str(safe(text)) == "'" + text


def test_the_reports_of_experiments_and_of_compare_hold_no_formula(as_viewer: Client, edge: dict[str, Any]) -> None:
    Cell.objects.filter(experiment=edge["experiment"]).update(error="=cmd|'/c calc'!A0")
    Migration.objects.update(application_name="=HYPERLINK()")
    for path in (f"/experiments/{edge['experiment'].pk}/report.csv", "/compare/compare.csv", "/migrations/export.csv"):
        answer = as_viewer.get(path)
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        cells = [cell for row in csv.reader(io.StringIO(text.decode())) for cell in row]
        assert [cell for cell in cells if cell.startswith(("=", "@", "+"))] == []


def test_many_experiments_are_a_short_page(as_viewer: Client, edge: dict[str, Any]) -> None:
    source, target = edge["service"].host, edge["target"]
    rows = [Experiment(design="table-1", source=source, target=target, status="finished") for _ in range(150)]
    Experiment.objects.bulk_create(rows)
    text = as_viewer.get("/experiments/").content.decode()
    assert text.count("<tr>") == 101
    assert "The latest 100" in text


def test_a_reason_that_does_not_fit_is_refused_in_a_sentence(edge: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="at most 200 characters"):
        call_command("live_migrate", edge["service"].name, "--to", edge["target"].name, "--reason", "x" * 201)
    assert Migration.objects.count() == 1


def test_registering_keeps_only_what_the_form_asks_for(as_operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.web.test_hosts import FORM

    monkeypatch.setattr("migrations_app.views.registering.fetch", lambda *_: (factories.HOST_KEY, "SHA256:x"))
    as_operator.post("/register-host/", FORM | {"more": "x" * 100_000})
    assert "more" not in as_operator.session["host_to_register"]["values"]
