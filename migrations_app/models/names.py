"""Names that travel into commands on hosts: checked once, where they come in."""

import math
import re

from django.core.exceptions import ValidationError

LONGEST_NAME = 40
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def _must_match(allowed: re.Pattern[str], value: str, sentence: str) -> None:
    """Raises ValidationError with the sentence, in which %(value)s stands for what was written."""
    if not allowed.fullmatch(value):
        raise ValidationError(sentence, params={"value": value})


def validate_name(value: str) -> None:
    """Lower-case letters, digits and inner hyphens, at most 40: safe as a host name, a directory and an argument."""
    _must_match(
        NAME,
        value,
        "“%(value)s” cannot be a name: use up to 40 lower-case letters, digits and hyphens, "
        "beginning and ending with a letter or digit.",
    )


# what the portal calls instances of its own: the idle application whose memory it keeps beside a layer
OWN_PREFIXES = ("mec-idle-",)


def is_reserved(value: str) -> bool:
    """Whether the portal uses such names itself."""
    return value.startswith(OWN_PREFIXES)


def validate_given_name(value: str) -> None:
    """A name that a person gives to a service or application: not one that the portal uses itself."""
    validate_name(value)
    if is_reserved(value):
        raise ValidationError(
            "“%(value)s” cannot be a name: the portal itself uses those that begin with “mec-idle-”. Choose another one.",
            params={"value": value},
        )


# as the kernel and systemd take them: longer names, spaces and slashes are no interface, and quotes would leave a script
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def validate_interface(value: str) -> None:
    """A network interface's name: at most 15 letters, digits, dots, hyphens and underscores."""
    _must_match(
        INTERFACE,
        value,
        "“%(value)s” cannot be an interface: use up to 15 letters, digits, dots, hyphens and underscores, "
        "beginning with a letter or digit.",
    )


def validate_user(value: str) -> None:
    """A Unix account's name, as Debian's adduser takes it."""
    _must_match(
        USER,
        value,
        "“%(value)s” cannot be a user: use up to 32 lower-case letters, digits, hyphens and underscores, "
        "beginning with a letter or underscore.",
    )


ADDRESS = re.compile(r"[A-Za-z0-9:](?:[A-Za-z0-9.:-]{0,252}[A-Za-z0-9.:])?")
# one line of a known_hosts file without its names: a newline would pin further keys on the hosts that connect there
HOST_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{16,16384}={0,3}(?: [ -~]{0,200})?")


def validate_address(value: str) -> None:
    """A machine's DNS name or IP address, without a zone."""
    _must_match(
        ADDRESS,
        value,
        "“%(value)s” cannot be an address: write a DNS name or an IP address, without spaces.",
    )


def validate_key_file(value: str) -> None:
    """A full path on the portal's machine: workers do not run where a person typed it."""
    if not value.startswith("/") or not value.isprintable():
        raise ValidationError(
            "“%(value)s” cannot be a key file: write its full path on the portal's machine, without line breaks.",
            params={"value": value},
        )


def validate_host_key(value: str) -> None:
    """One public key as in known_hosts: its type, the key, and perhaps a comment."""
    if value and not HOST_KEY.fullmatch(value):
        raise ValidationError(
            "This is no public host key: give one line, its type and the key, as ssh-keyscan prints it."
        )


def validate_finite(value: float) -> None:
    """Infinite and undefined numbers pass every other limit, and no database or JSON reader takes them."""
    if not math.isfinite(value):
        raise ValidationError("Write a finite number.")
