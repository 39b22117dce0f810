"""Signing in: whoever guesses has to wait, is told until when, and shuts nobody else out."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from mecportal import settings as site_settings
from migrations_app.signing import NAMES_AN_ADDRESS, client_address

PASSWORD = "a long password 1"
TRIES = site_settings.AXES_FAILURE_LIMIT


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    """Dozens of passwords are compared here, which is slow on purpose otherwise."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def vera(viewer: User) -> User:
    viewer.set_password(PASSWORD)
    viewer.save()
    return viewer


def sign_in(name: str = "vera", password: str = PASSWORD, address: str = "10.0.0.1", **headers: str) -> Any:
    return Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": password}, headers=headers)


def guess(times: int, **about: Any) -> None:
    for number in range(times):
        sign_in(**{"password": f"wrong {number}", **about})


def test_after_some_wrong_passwords_the_right_one_is_refused_too_and_the_page_says_until_when(vera: User) -> None:
    guess(TRIES - 1)
    assert sign_in().status_code == 302
    guess(TRIES)
    answer = sign_in()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) in range(890, 901)
    assert "in 15 minutes" in answer.content.decode()
    assert "sessionid" not in answer.cookies


def test_the_last_wrong_password_is_answered_by_the_same_page(vera: User) -> None:
    guess(TRIES - 1)
    assert sign_in(password="wrong").status_code == 429


def test_trying_meanwhile_makes_it_no_longer(vera: User) -> None:
    guess(TRIES)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=10))
    guess(3)
    assert "in 5 minutes" in sign_in().content.decode()
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=6))
    assert sign_in().status_code == 302


def test_nobody_is_shut_out_by_whom_is_elsewhere_or_has_another_name(vera: User) -> None:
    guess(TRIES + 2, address="10.0.0.66")
    assert sign_in().status_code == 302
    guess(TRIES, name="olga")
    assert sign_in().status_code == 302


def test_one_address_does_not_try_many_names(vera: User) -> None:
    for number in range(TRIES * NAMES_AN_ADDRESS):
        guess(1, name=f"name{number}")
    assert sign_in().status_code == 429
    assert sign_in(address="10.0.0.2").status_code == 302


def test_signing_in_oneself_gives_no_new_tries_of_other_names(vera: User) -> None:
    for number in range(TRIES * NAMES_AN_ADDRESS - 1):
        guess(1, name=f"name{number}")
    assert sign_in().status_code == 302
    guess(1, name="another")
    assert sign_in().status_code == 429


def test_whoever_is_signed_in_already_stays_so(vera: User, as_viewer: Client) -> None:
    guess(TRIES)
    assert as_viewer.get("/").status_code == 200


def test_a_fresh_password_lets_its_person_in_at_once(vera: User, capsys: pytest.CaptureFixture[str]) -> None:
    guess(TRIES)
    call_command("portal", "person", "vera", "--role", "viewer")
    assert sign_in(password=capsys.readouterr().out.split()[-1]).status_code == 302


def test_the_operator_of_the_portal_ends_a_pause(vera: User) -> None:
    guess(TRIES)
    call_command("axes_reset_username", "vera", verbosity=0)
    assert sign_in().status_code == 302


@pytest.mark.parametrize(
    ("behind_tls", "peer", "passed_on", "known_as"),
    [
        (False, "10.0.0.1", "", "10.0.0.1"),
        (False, "10.0.0.1", "192.0.2.7", "10.0.0.1"),  # anyone may write the header where no proxy does
        (True, "127.0.0.1", "192.0.2.7", "192.0.2.7"),
        (True, "127.0.0.1", "1.1.1.1, 192.0.2.7", "192.0.2.7"),
        (True, "127.0.0.1", "nonsense", None),
        (False, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        (False, "::ffff:10.0.0.1", "", "10.0.0.1"),
        (False, "fe80::1%eth0", "", "fe80::"),
        (False, "", "", None),
    ],
)
def test_tries_are_counted_for_the_address_they_came_from(
    behind_tls: bool, peer: str, passed_on: str, known_as: str | None, settings: Any
) -> None:
    settings.BEHIND_TLS = behind_tls
    headers = {"X-Forwarded-For": passed_on} if passed_on else {}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)) == known_as


def test_behind_a_proxy_one_guest_does_not_shut_out_the_others(vera: User, settings: Any) -> None:
    settings.BEHIND_TLS = True
    for _ in range(TRIES):
        sign_in(password="wrong", address="127.0.0.1", **{"X-Forwarded-For": "8.8.8.8, 192.0.2.7"})
    assert sign_in(address="127.0.0.1", **{"X-Forwarded-For": "192.0.2.7"}).status_code == 429
    assert sign_in(address="127.0.0.1", **{"X-Forwarded-For": "192.0.2.8"}).status_code == 302


@pytest.mark.parametrize("name", ["", "\0", "x" * 5000, "'; --"])
def test_a_name_that_cannot_be_is_a_wrong_one(name: str, db: None) -> None:
    assert sign_in(name=name).status_code == 200


def test_ordinary_pages_ask_nothing_about_tries(as_viewer: Client, edge: dict[str, Any]) -> None:
    with CaptureQueriesContext(connection) as asked:
        for path in ("/", "/hosts/", "/migrations/", "/login/"):
            as_viewer.get(path)
    assert [query["sql"] for query in asked if "axes" in query["sql"]] == []
