"""What can go wrong with the edge, as sentences that an operator can act on."""


class LabError(Exception):
    """Something about the emulated edge failed; the message says what, and what to do next."""


class NotFound(LabError):
    """There is no machine of that name in this edge."""
