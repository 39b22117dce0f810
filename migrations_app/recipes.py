"""Recipes: what an application layer is made of, read from TOML and checked before anything is built."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from django.core.exceptions import ValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic import ValidationError as PydanticError

from migrations_app.models.names import NAME, is_reserved

# no hyphen at its end: apt-get would take a package so named away
_PACKAGE = r"^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$"
# a name of an image in a registry, and nothing with which a host would read files of its own
_WORD = r"[a-z0-9]+([._-]+[a-z0-9]+)*"
_REFERENCE = rf"^{_WORD}(:[0-9]+)?(/{_WORD})*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{{64}})?$"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REQUIREMENT = r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?([=<>!~]=?[A-Za-z0-9.*,<>=!~]+)?$"


def _inside_root(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not path.startswith("/") or ".." in parts or "\0" in path or path.endswith("/"):
        raise ValueError(f"{path} leaves the layer's root: write a full path to a file, without '..'")
    return path


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(f"{value!r} cannot be a name: lower-case letters, digits and inner hyphens, at most 40")
    return value


def _pattern(text: str | None) -> str | None:
    """The probe compiles it from latin-1 bytes, on another machine: what cannot be is said here."""
    if text is not None:
        try:
            re.compile(text.encode("latin-1"), re.DOTALL)
        except (re.error, UnicodeEncodeError, OverflowError, RecursionError) as error:
            raise ValueError(f"{text!r} is no pattern over an answer's bytes: {error}") from error
    return text


Name = Annotated[str, AfterValidator(_name)]
PathInRoot = Annotated[str, AfterValidator(_inside_root)]
Package = Annotated[str, Field(pattern=_PACKAGE)]
Requirement = Annotated[str, Field(pattern=_REQUIREMENT)]
Reference = Annotated[str, Field(pattern=_REFERENCE, max_length=255)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlacedFile(_Strict):
    """A text file in the layer: `content` here, or `source`, a file beside the recipe."""

    path: PathInRoot
    content: str | None = None
    source: str | None = None
    mode: str = Field(default="0644", pattern=r"^0[0-7]{3}$")

    @model_validator(mode="after")
    def has_one_origin(self) -> Self:
        if (self.content is None) == (self.source is None):
            raise ValueError(f"{self.path}: give either content or source")
        return self


class Probe(_Strict):
    """How the portal asks the service whether it lives, from its user's side."""

    protocol: Literal["udp", "tcp", "http"]
    port: int = Field(ge=1, le=65535)
    payload: str = ""
    payload_hex: str = Field(default="", pattern=r"^([0-9a-fA-F]{2})*$")
    path: str = Field(default="/", pattern=r"^/[!-~]*$")
    # a pattern over the answer's bytes (latin-1); its last matching group is a number that may never go back
    counter: Annotated[str | None, AfterValidator(_pattern)] = Field(default=None, max_length=500)
    counter_encoding: Literal["decimal", "little-endian"] = "decimal"
    interval_ms: int | None = Field(default=None, ge=5, le=10_000)


# what an image brings itself
_OF_PACKAGES = ("base", "debian_packages", "python_packages", "files", "build", "user", "parameters")


class Recipe(_Strict):
    """One application: the same recipe serves every kind of guest, and one of an image those that run images."""

    name: Name
    title: str = Field(default="", max_length=120)
    # an image that a host has or can pull, or an archive of one that the portal keeps: with its own entrypoint, user and volumes
    image: Reference | None = None
    archive: Sha256 | None = None
    base: Name = "debian-13"
    debian_packages: list[Package] = []
    python_packages: list[Requirement] = []
    files: list[PlacedFile] = []
    # commands run in the layer when it is built, after packages and files are there
    build: list[list[str]] = []
    command: list[str] = []  # with an image, what follows its entrypoint; empty: as the image says
    user: str = Field(default="root", pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    environment: dict[str, str] = {}
    parameters: dict[str, str | int | Finite] = {}
    # limits, which are the service's on every host that it comes to
    memory_mb: int = Field(default=256, ge=16, le=1_048_576)
    cpus: Finite | None = Field(default=None, ge=0.05, le=1024)  # None: all that the host has
    pids: int = Field(default=1024, ge=16, le=4_194_304)
    probe: Probe

    @model_validator(mode="before")
    @classmethod
    def is_of_packages_or_of_an_image(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        images = [key for key in ("image", "archive") if values.get(key) is not None]
        if not images and not values.get("command"):
            raise ValueError("command is missing: add it to the recipe, or name an image")
        if len(images) == 2:
            raise ValueError("give either image or archive")
        # a recipe that was kept has all keys
        brought = [key for key in _OF_PACKAGES if images and values.get(key) not in (None, [], {}, _default(cls, key))]
        if brought:
            raise ValueError(f"an image brings its own: remove {', '.join(brought)}, or build it into the image")
        return values

    @model_validator(mode="after")
    def name_is_free(self) -> Self:
        if is_reserved(self.name):
            raise ValueError(f"name: the portal itself uses names like {self.name}: choose another one")
        return self

    @model_validator(mode="after")
    def command_is_a_path(self) -> Self:
        if not self.of_image and not self.command[0].startswith("/"):
            raise ValueError(f"command: {self.command[0]} must be a full path inside the layer")
        for name in self.environment | self.parameters:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of an environment variable or parameter")
        return self

    @property
    def of_image(self) -> bool:
        """Whether its layer is an image as somebody made it, and not built from packages."""
        return self.image is not None or self.archive is not None

    def command_line(self) -> list[str]:
        """The command with each {parameter} replaced by its value."""
        words = []
        for word in self.command:
            for name, value in self.parameters.items():
                word = word.replace("{" + name + "}", str(value))
            words.append(word)
        return words

    def probe_payload(self) -> bytes:
        """The bytes that the probe sends."""
        return bytes.fromhex(self.probe.payload_hex) if self.probe.payload_hex else self.probe.payload.encode()


def _default(recipe: type[Recipe], key: str) -> Any:
    return recipe.model_fields[key].default


def parse(text: str, beside: Path | None = None) -> Recipe:
    """Read a recipe; `source` files are read from the folder `beside`, and from nowhere outside it.

    Raises ValidationError with one sentence for each fault.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or lists in lists in lists
        raise ValidationError(f"This is not TOML: {error}.") from error
    return validated(values, beside)


def validated(values: dict[str, Any], beside: Path | None = None) -> Recipe:
    """The same, of values that were read elsewhere."""
    try:
        recipe = Recipe.model_validate(values)
    except PydanticError as error:
        raise ValidationError([_sentence(fault) for fault in error.errors()]) from error
    files = [_with_content(file, beside) for file in recipe.files]
    whole = recipe.model_copy(update={"files": files})
    if any("\0" in text for text in _texts(whole.model_dump())):
        raise ValidationError(
            "The recipe has a NUL character, which no command, file name or database takes: remove it."
        )
    return whole


def _texts(value: Any) -> Iterator[str]:
    """Every text in it, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(part)


def _with_content(file: PlacedFile, beside: Path | None) -> PlacedFile:
    if file.source is None:
        return file
    if beside is None:
        raise ValidationError(f"{file.path}: a pasted recipe cannot read {file.source}: write its content instead.")
    path = (beside / file.source).resolve()
    if not path.is_relative_to(beside.resolve()):
        raise ValidationError(f"{file.source} leaves the recipe's folder: put the file beside the recipe.")
    try:
        content = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationError(f"{file.source} cannot be read as text beside the recipe: {error}.") from error
    return PlacedFile(path=file.path, content=content, mode=file.mode)


def _sentence(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "recipe"
    if fault["type"] == "extra_forbidden":
        return f"{where} is not a key that a recipe knows: remove it or correct its spelling."
    if fault["type"] == "missing":
        return f"{where} is missing: add it to the recipe."
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}."


def digest(recipe: Recipe) -> str:
    """A digest of what the layer is made of: a change in it makes a new layer."""
    made_of = recipe.model_dump(
        include={
            "base",
            "debian_packages",
            "python_packages",
            "files",
            "build",
            "command",
            "user",
            "environment",
            "parameters",
        }
    )
    # a recipe of packages keeps the digest that it had before there were images
    made_of |= {key: value for key, value in (("image", recipe.image), ("archive", recipe.archive)) if value}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
