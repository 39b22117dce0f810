"""Every word that reaches a host is checked where it comes in: nothing in it may become a command, a file's line or an element."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from migrations_app import actions, recipes
from migrations_app.models import Host, Operation
from tests import factories
from tests.web.test_hosts import FORM, shown_key  # noqa: F401
from tests.web.test_services import RECIPE

WRONG = [
    {"access_bridge": "br'/><b c='"},
    {"access_bridge": "b\nMEC_END\nhalt"},
    {"access_bridge": "x|;e halt\n#"},
    {"access_bridge": "br access"},
    {"access_bridge": "-x"},
    {"user": "root -oProxyCommand=x"},
    {"user": "-oProxyCommand=x"},
    {"user": "x;halt"},
    {"user": "root\n"},
    {"address": "-oProxyCommand=x"},
    {"address": "10.9.9.9 halt"},
    {"address": "10.9.9.9\nhalt"},
    {"key_file": "key"},
    {"key_file": "/key\n/etc/shadow"},
    {"bandwidth_mbit": 10**9},
    {"bandwidth_mbit": 10**30},
    {"port": 10**30},
    {"latitude": float("nan")},
    {"name": "mec-9\n"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_what_no_host_can_have_is_refused_beside_its_field(
    wrong: dict[str, Any],
    as_operator: Client,
    shown_key: str,  # noqa: F811
) -> None:
    [name] = wrong
    values = {**FORM, **wrong}
    text = str(wrong[name])
    if text == text.strip():  # a form takes the blanks around a word away
        answer = as_operator.post("/register-host/", values)
        assert len(answer.context["form"].errors[name]) == 1
        as_operator.post("/register-host/confirm/")
    assert not Host.objects.exists(), Host.objects.values("access_bridge", "user", "address", "key_file")
    with pytest.raises(ValidationError) as refused:
        actions.register_host(host_key=shown_key, **values)
    assert list(refused.value.message_dict) == [name]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_the_same_is_refused_when_a_host_is_edited(wrong: dict[str, Any], edge: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        actions.update_host(host=edge["target"], **wrong)


@pytest.mark.parametrize("key", ["", "nonsense", "ssh-ed25519 AAAA", f"{factories.HOST_KEY}\n* {factories.HOST_KEY}"])
def test_only_one_public_key_is_pinned(key: str, edge: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        actions.register_host(host_key=key, **FORM)
    if key:
        with pytest.raises(ValidationError):
            actions.pin_host_key(host=edge["target"], host_key=key)
    assert Host.objects.get(pk=edge["target"].pk).host_key == factories.HOST_KEY


@pytest.mark.parametrize("name", ["../../etc", "x/y", "x y", "x" * 200, "-x"])
@pytest.mark.parametrize("action", ["build", "provision"])
def test_a_base_is_called_by_a_name(name: str, action: str, as_operator: Client, edge: dict[str, Any]) -> None:
    as_operator.post(f"/hosts/{edge['target'].name}/{action}-base/", {"base": name})
    assert not Operation.objects.filter(kind=f"{action}_base").exists()


@pytest.mark.parametrize("cidr", ["fe80::%;halt/64", "10.0.2.0/24\nx", "10.0.2.0/24 x"])
def test_a_network_is_a_network(cidr: str, db: None) -> None:
    with pytest.raises(ValidationError):
        actions.set_network(cidr=cidr, first="10.0.2.10", last="10.0.2.20")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('title = "a\\u0000b"', "NUL"),
        ('command = ["/bin/x", "a\\u0000b"]', "NUL"),
        ('debian_packages = ["dpkg-"]', "debian_packages.0"),
        ('debian_packages = ["x\\ny"]', "debian_packages.0"),
        ('python_packages = ["--pre"]', "python_packages.0"),
        ("parameters = {x = nan}", "parameters"),
        ('environment = {"1X" = "y"}', "cannot be the name"),
        ("memory_mb = " + "9" * 5000, "not TOML"),
        ("parameters = {x = " + "[" * 5000 + "]" * 5000 + "}", "not TOML"),
        ('probe.counter = "("', "no pattern"),
        ('probe.counter = "\\u20ac"', "no pattern"),
    ],
)
def test_a_recipe_that_no_host_could_build_is_refused_with_a_sentence(line: str, says: str) -> None:
    given = line.partition(" =")[0]
    kept = [before for before in RECIPE.splitlines() if not before.startswith(f"{given.removeprefix('probe.')} =")]
    place = kept.index("[probe]") + 1 if given.startswith("probe.") else 0
    kept.insert(place, line.removeprefix("probe."))
    with pytest.raises(ValidationError) as refused:
        recipes.parse("\n".join(kept))
    assert says in " ".join(refused.value.messages)


def test_a_key_file_is_found_wherever_a_worker_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, db: None) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("migrations_app.host_keys.fetch", lambda *_: (factories.HOST_KEY, "SHA256:x"))
    call_command(
        "host", "add", "mec-9", "--address", "10.9.9.9", "--key-file", "key", "--backhaul", "10.8.8.8", "--yes"
    )
    assert Host.objects.get().key_file == f"{tmp_path}/key"
