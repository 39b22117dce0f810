"""Names that travel into commands on hosts: checked once, where they come in."""

import re

from django.core.exceptions import ValidationError

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def validate_name(value: str) -> None:
    """Lower-case letters, digits and inner hyphens, at most 40: safe as a host name, a directory and an argument."""
    if not NAME.fullmatch(value):
        raise ValidationError(
            "“%(value)s” cannot be a name: use up to 40 lower-case letters, digits and hyphens, "
            "beginning and ending with a letter or digit.",
            params={"value": value},
        )
