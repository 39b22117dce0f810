"""Container images as applications: what an archive says, what is refused in one sentence, what is kept and for how long."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from migrations_app import actions, images
from migrations_app.experiments import feasible
from migrations_app.models import Application
from tests import factories

pytestmark = pytest.mark.django_db
CONFIG = {
    "os": "linux",
    "config": {
        "Entrypoint": ["/usr/bin/shop"],
        "Cmd": ["--open"],
        "User": "www-data",
        "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
        "Volumes": {"/srv/kept": {}},
    },
}


def packed(file: Path, members: dict[str, Any], mode: str = "w") -> Path:
    with tarfile.open(file, mode) as archive:  # type: ignore[call-overload]
        for name, value in members.items():
            text = value if isinstance(value, bytes) else json.dumps(value).encode()
            about = tarfile.TarInfo(name)
            about.size = len(text)
            archive.addfile(about, io.BytesIO(text))
    return file


def of_docker(file: Path, config: dict[str, Any] = CONFIG, copies: int = 1, mode: str = "w") -> Path:
    return packed(file, {"manifest.json": [{"Config": "c.json", "Layers": []}] * copies, "c.json": config}, mode)


def of_oci(file: Path) -> Path:
    index = {"manifests": [{"digest": "sha256:aa"}]}
    blobs = {"blobs/sha256/aa": {"config": {"digest": "sha256:bb"}}, "blobs/sha256/bb": CONFIG}
    return packed(file, {"oci-layout": {}, "index.json": index, **blobs})


@pytest.fixture(autouse=True)
def kept_in(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "images"


def add(file: Path, name: str = "shop") -> Application:
    return actions.add_image(archive=file, name=name, probe={"protocol": "tcp", "port": 80})


@pytest.mark.parametrize("pack", [of_docker, of_oci, lambda file: of_docker(file, mode="w:gz")])
def test_an_archive_says_what_its_container_runs_exposes_and_keeps(
    tmp_path: Path, pack: Callable[[Path], Path]
) -> None:
    about = images.read_archive(pack(tmp_path / "shop.tar"))
    assert str(about) == (
        "runs “/usr/bin/shop --open” as www-data, exposes 443/tcp, 80/tcp, keeps /srv/kept in its instance layer"
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda file: file, "No such file"),
        (lambda file: file.write_text("no archive") and file, "is no archive of a container image"),
        (lambda file: packed(file, {"other.json": {}}), "is no archive of a container image"),
        (lambda file: packed(file, {"index.json": [1]}), "is no archive of a container image"),
        (lambda file: of_docker(file, copies=2), "has 2 images: save one alone"),
        (lambda file: of_docker(file, copies=0), "has 0 images: save one alone"),
        (lambda file: of_docker(file, CONFIG | {"os": "windows"}), "an image for windows"),
    ],
)
def test_what_is_no_archive_of_one_image_is_refused(tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        images.read_archive(make(tmp_path / "file.tar"))


def test_its_archive_is_kept_as_long_as_an_application_is_made_of_it(
    tmp_path: Path, kept_in: Path, django_capture_on_commit_callbacks: Any
) -> None:
    file = of_docker(tmp_path / "shop.tar")
    first, second = add(file), add(file, "shop-2")
    kept = kept_in / f"{first.recipe['archive']}.tar"
    assert kept.read_bytes() == file.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0
    with django_capture_on_commit_callbacks(execute=True):
        actions.remove_application(application=second)
    assert kept.exists()
    with django_capture_on_commit_callbacks(execute=True):
        newer = add(of_docker(tmp_path / "newer.tar", CONFIG | {"created": "later"}))
    assert [path.name for path in kept_in.iterdir()] == [f"{newer.recipe['archive']}.tar"]


def test_of_an_image_that_is_refused_no_archive_stays(tmp_path: Path, kept_in: Path) -> None:
    shop = add(of_docker(tmp_path / "shop.tar"))
    factories.ServiceFactory(application=shop)
    with pytest.raises(ValidationError, match="Services of shop are deployed from the earlier recipe"):
        add(of_docker(tmp_path / "newer.tar", CONFIG | {"created": "later"}))
    assert [path.name for path in kept_in.iterdir()] == [f"{shop.recipe['archive']}.tar"]


def test_a_recipe_with_an_archive_that_the_portal_does_not_have_is_refused() -> None:
    text = f'name = "shop"\narchive = "{"0" * 64}"\n[probe]\nprotocol = "tcp"\nport = 80'
    with pytest.raises(ValidationError, match="The portal does not have the archive"):
        actions.add_application(text=text)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('user = "games"\nbuild = [["true"]]', "an image brings its own: remove build, user"),
        (f'archive = "{"0" * 64}"', "give either image or archive"),
        ('image = "oci-archive:/etc/shadow"', "image: String should match pattern"),
        ('image = "dir:/etc"', "image: String should match pattern"),
        ('image = "-v"', "image: String should match pattern"),
        ("", "command is missing: add it to the recipe, or name an image"),
    ],
)
def test_a_recipe_of_an_image_says_nothing_that_the_image_says(more: str, says: str) -> None:
    image = "" if not more or "image =" in more else 'image = "docker.io/library/postgres:17"\n'
    with pytest.raises(ValidationError) as refused:
        actions.add_application(text=f'name = "shop"\n{image}{more}\n[probe]\nprotocol = "tcp"\nport = 80')
    assert says in refused.value.messages[0]


@pytest.mark.parametrize(
    "name", ["postgres", "postgres:17", "docker.io/library/postgres:17", "host:5000/a/b__c@sha256:" + "0" * 64]
)
def test_names_of_images_are_taken_as_they_are_written(name: str) -> None:
    added = actions.add_application(text=f'name = "shop"\nimage = "{name}"\n[probe]\nprotocol = "tcp"\nport = 80')
    assert (added.recipe["image"], added.base_name, added.of_image) == (name, "", True)


def test_an_image_is_deployed_in_what_runs_images_and_in_nothing_else(tmp_path: Path) -> None:
    shop, host = add(of_docker(tmp_path / "shop.tar")), factories.HostFactory()
    actions.set_network(cidr="10.2.0.0/16", first="10.2.0.10", last="10.2.0.99")
    with pytest.raises(ValidationError, match="shop is a container image, which LXC does not run: choose OCI"):
        actions.deploy_service(name="shop", application=shop, host=host, kind="lxc")
    with pytest.raises(ValidationError, match="choose OCI"):
        actions.build_application(application=shop, host=host, kind="kvm")
    made = actions.deploy_service(name="shop", application=shop, host=host)
    assert made.service is not None
    assert made.service.kind == "oci"


def test_an_experiment_of_it_with_another_technology_is_refused(tmp_path: Path) -> None:
    add(of_docker(tmp_path / "shop.tar"))
    choice = feasible.Choice(design="table-1", applications=("shop",), kinds=("lxc", "oci"), storages=("overlay",))
    found = [*feasible._choice_faults(choice, 1)]
    assert "shop is a container image, which LXC does not run: choose OCI." in found


def test_its_page_shows_the_image_and_offers_the_technology_that_runs_it(tmp_path: Path, as_operator: Client) -> None:
    shop, _host = add(of_docker(tmp_path / "shop.tar")), factories.HostFactory()
    shown = as_operator.get("/applications/shop/").content.decode()
    assert shop.recipe["archive"] in shown
    assert "as the image says" in shown
    for address in ("/applications/shop/", "/deploy/?application=shop"):
        assert '<option value="oci" selected>' in as_operator.get(address).content.decode(), address
    assert "its image" in as_operator.get("/applications/").content.decode()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--archive", "{file}", "--name", "shop"], "as tcp:PORT. The image exposes 443/tcp, 80/tcp."),
        (["--archive", "{file}", "--probe", "tcp:80"], "--name is missing"),
        (["--archive", "{file}", "{file}", "--name", "shop", "--probe", "tcp:80"], "not both"),
        (["--image", "a", "--name", "shop", "--probe", "tcp:80/path"], "write tcp:PORT, udp:PORT or http:PORT/PATH"),
        (["--image", "a", "--name", "shop", "--probe", "tcp:99999"], "probe.port"),
        (["--image", "a", "--name", "shop", "--probe", "tcp:80", "--env", "HOME"], "write NAME=VALUE"),
        (["--image", "a", "--name", "Shop", "--probe", "tcp:80"], "cannot be a name"),
        (["{file}", "--memory-mb", "64"], "--memory-mb: of an image alone"),
        ([], "Nothing to add"),
    ],
)
def test_the_command_says_what_is_missing(tmp_path: Path, words: list[str], says: str) -> None:
    file = of_docker(tmp_path / "shop.tar")
    with pytest.raises(CommandError) as refused:
        call_command("application", "add", *(word.format(file=file) for word in words))
    assert says in str(refused.value)
    assert not Application.objects.exists()


def test_the_command_adds_what_it_was_told(tmp_path: Path) -> None:
    out = io.StringIO()
    file = of_docker(tmp_path / "shop.tar")
    words = [
        "--archive",
        str(file),
        "--name",
        "shop",
        "--probe",
        "http:80/health",
        "--env",
        "A=b=c",
        "--command",
        "x 'y z'",
    ]
    call_command("application", "add", *words, "--memory-mb", "64", "--cpus", "0.5", stdout=out)
    assert out.getvalue().startswith("shop is added. The image runs “/usr/bin/shop --open”")
    recipe = Application.objects.get().recipe
    assert (recipe["environment"], recipe["command"]) == ({"A": "b=c"}, ["x", "y z"])
    assert (recipe["memory_mb"], recipe["cpus"]) == (64, 0.5)
    assert (recipe["probe"]["protocol"], recipe["probe"]["path"]) == ("http", "/health")
