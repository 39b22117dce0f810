"""What ended work left is listed on its host's page."""

from typing import Any

from django.test import Client

from migrations_app import actions
from migrations_app.models import Operation
from tests import factories


def test_a_leftover_has_a_button_that_asks_for_its_removal(as_operator: Client, edge: dict[str, Any]) -> None:
    host = edge["target"]
    problems = [{"what": "Migration #7 has ended and left incoming/7.", "fix": "", "leftover": "7"}]
    actions.record_facts(host=host, values=factories.FACTS, problems=problems)
    assert 'name="mark" value="7"' in as_operator.get(f"/hosts/{host.name}/").content.decode()
    as_operator.post(f"/hosts/{host.name}/remove-leftover/", {"mark": "7"})
    assert Operation.objects.get(kind="remove_leftover").argument == "7"


def test_a_viewer_is_shown_it_without_a_button(as_viewer: Client, edge: dict[str, Any]) -> None:
    problems = [{"what": "Migration #7 has ended and left incoming/7.", "fix": "", "leftover": "7"}]
    actions.record_facts(host=edge["target"], values=factories.FACTS, problems=problems)
    page = as_viewer.get(f"/hosts/{edge['target'].name}/").content.decode()
    assert "has ended and left" in page
    assert "Remove it from" not in page
