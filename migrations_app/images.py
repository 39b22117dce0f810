"""Archives of container images: read where they are added, kept by their digest until no application is made of them.

Sources: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md and, for what the tools' `save`
writes, https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md
"""

import hashlib
import json
import os
import shlex
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from migrations_app.technologies import TECHNOLOGIES

_MOST_JSON_BYTES = 4_000_000
WRITTEN_BY = " or ".join(f"“{each.archive_command}”" for each in TECHNOLOGIES.values() if each.runs_images)


@dataclass(frozen=True)
class ImageConfig:
    """What an image says of the container that is to be made of it."""

    command: tuple[str, ...]  # its entrypoint and what follows it
    user: str  # empty: root
    ports: tuple[str, ...]  # "6379/tcp"
    volumes: tuple[str, ...]

    def __str__(self) -> str:
        says = [f"runs “{shlex.join(self.command)}” as {self.user or 'root'}"]
        says += [f"exposes {', '.join(self.ports)}"] if self.ports else []
        says += [f"keeps {', '.join(self.volumes)} in its instance layer"] if self.volumes else []
        return ", ".join(says)


def read_archive(file: Path) -> ImageConfig:
    """The one image in an archive, compressed or not.

    Raises ValidationError with what to do.
    """
    try:
        with tarfile.open(file) as archive:
            config = _config_in(archive, file)
    except (OSError, tarfile.TarError, ValueError, LookupError, TypeError, AttributeError, EOFError) as error:
        # not there, not an archive, or one whose parts are of another shape than they should be
        why = f" {error.strerror}." if isinstance(error, OSError) and error.strerror else ""
        raise ValidationError(f"{file} is no archive of a container image: make one with {WRITTEN_BY}.{why}") from error
    if config.get("os", "linux") != "linux":
        raise ValidationError(f"{file} is an image for {config['os']}: only Linux's can run on a MEC host.")
    says = config.get("config") or {}
    command = (*(says.get("Entrypoint") or ()), *(says.get("Cmd") or ()))
    return ImageConfig(
        command=command,
        user=says.get("User") or "",
        ports=tuple(sorted(says.get("ExposedPorts") or ())),
        volumes=tuple(sorted(says.get("Volumes") or ())),
    )


def _config_in(archive: tarfile.TarFile, file: Path) -> Any:
    names = {name.removeprefix("./"): name for name in archive.getnames()}
    if "index.json" in names:
        manifests = _json(archive, names["index.json"])["manifests"]
        manifest = _json(archive, names[_blob(_only([each["digest"] for each in manifests], file))])
        return _json(archive, names[_blob(manifest["config"]["digest"])])
    manifests = _json(archive, names["manifest.json"])
    return _json(archive, names[_only([each["Config"] for each in manifests], file)])


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def _only(images: list[str], file: Path) -> str:
    if len(images) != 1:
        raise ValidationError(f"{file} has {len(images)} images: save one alone, with {WRITTEN_BY}.")
    return images[0]


def _json(archive: tarfile.TarFile, name: str) -> Any:
    member = archive.extractfile(name)
    if member is None:
        raise LookupError(name)
    return json.loads(member.read(_MOST_JSON_BYTES))


def keep_archive(file: Path) -> str:
    """Keep an archive for the hosts; its SHA-256. Raises ValidationError when it cannot be written."""
    try:
        with file.open("rb") as archive:
            digest = hashlib.file_digest(archive, "sha256").hexdigest()
        place = kept_archive(digest)
        if not place.exists():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            new = place.with_suffix(f".{os.getpid()}.new")
            try:
                shutil.copyfile(file, new)
                new.chmod(0o600)
                new.rename(place)
            finally:
                new.unlink(missing_ok=True)
    except OSError as error:
        raise ValidationError(f"{file} cannot be kept in {settings.DATA_DIR}/images: {error.strerror}.") from error
    return digest


def kept_archive(digest: str) -> Path:
    """Where an archive is kept. All of the portal's processes have this directory."""
    return Path(settings.DATA_DIR) / "images" / f"{digest}.tar"


def forget_archive(digest: str) -> None:
    """Remove an archive that no application is made of any more."""
    kept_archive(digest).unlink(missing_ok=True)
