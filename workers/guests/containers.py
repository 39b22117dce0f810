"""What containers of all technologies have: a cable into the services' network, and a text that a host reads line by line."""

from collections.abc import Iterable

from workers.engine import MigrationError
from workers.specs import InstanceSpec


def veth_name(instance: InstanceSpec) -> str:
    """The host's end of the container's cable: the same on every host, and no other service's."""
    return "mec" + instance.hardware_address.replace(":", "")[4:]


def require_one_line(words: Iterable[str]) -> None:
    """Raises MigrationError for a word that would add a line: one of a configuration may be a hook, which runs as root."""
    for word in words:
        if not word.isprintable():
            raise MigrationError(f"{word!r} cannot stand in a container's configuration: rename what is called so.")
