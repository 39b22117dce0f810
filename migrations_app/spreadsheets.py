"""What leaves the portal to be opened in a spreadsheet."""


def safe(value: object) -> object:
    """A spreadsheet takes a text that begins so for a formula, and may run it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else value


class Line:
    """What the csv module writes into, when each line is sent at once."""

    def write(self, text: str) -> str:
        return text
