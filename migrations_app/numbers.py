"""Whole numbers as the databases hold them, from addresses and queries: what is larger names nothing that could be there."""

from typing import Annotated

from django.urls import register_converter
from django.urls.converters import IntConverter
from pydantic import Field

LARGEST = 2**63 - 1
# a row's number in the API
Number = Annotated[int, Field(ge=0, le=LARGEST)]


def whole_number(text: str) -> int | None:
    """The number that a text of digits says; None for anything else, and for what 64 bits cannot hold."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST))):
        return None
    return number if (number := int(text)) <= LARGEST else None


class NumberConverter(IntConverter):
    """A row's number in an address: a larger one is an address that leads nowhere."""

    def to_python(self, value: str) -> int:
        number = whole_number(value)
        if number is None:
            raise ValueError("beyond 64 bits")
        return number


register_converter(NumberConverter, "number")
