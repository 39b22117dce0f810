"""Typed readers of the environment: a missing or wrong value refuses to start, and says which and why."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names (secrets), or the default."""
    if value := os.environ.get(name):
        return value
    if file := os.environ.get(f"{name}_FILE"):
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {file}: {error.strerror}.") from error
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set: set it, or {name}_FILE, in the environment.")
    return default


def integer(name: str, default: int, at_least: int = 0) -> int:
    """The whole number in NAME; a wrong one or one below `at_least` refuses to start."""
    value = text(name, str(default))
    if not value.isdecimal() or int(value) < at_least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {at_least}, and is {value!r}.")
    return int(value)


def choice(name: str, words: tuple[str, ...]) -> str:
    """One of the words, the first where NAME is not set; anything else refuses to start."""
    value = text(name, words[0])
    if value not in words:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(words)}, and is {value!r}.")
    return value


def flag(name: str, default: bool = False) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off; anything else refuses to start."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, and is {value!r}.")


def words(name: str, default: str = "") -> list[str]:
    """The comma-separated words in NAME."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]
