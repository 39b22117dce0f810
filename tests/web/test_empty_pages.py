"""A fresh installation: each page says what to do next."""

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "Register two or more hosts"),
        ("/hosts/", "Register the MEC hosts"),
        ("/layers/", "Register a MEC host first"),
        ("/applications/", "Add a recipe"),
        ("/services/", "Register a MEC host first"),
        ("/migrations/", "Migrate a running service"),
        ("/timeline/", "moved, crashed, rebooted"),
    ],
)
def test_an_empty_page_says_the_next_step(path: str, says: str, as_operator: Client) -> None:
    assert says in as_operator.get(path).content.decode()


def test_an_empty_export_is_valid(as_viewer: Client) -> None:
    answer = as_viewer.get("/migrations/export.json")
    assert b"".join(answer.streaming_content) == b"[]\n"


def test_what_is_not_there_is_404(as_viewer: Client) -> None:
    for path in ("/hosts/none/", "/services/none/", "/applications/none/", "/migrations/7/", "/operations/7/"):
        assert as_viewer.get(path).status_code == 404


def test_an_answer_forbids_what_is_not_from_here(as_viewer: Client) -> None:
    policy = as_viewer.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
