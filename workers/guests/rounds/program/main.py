"""`python3 -I rounds.pyz send|receive …`."""

import sys

from . import receiver, sender


def main() -> None:
    """What the first argument says, with the others."""
    work = {"send": sender.main, "receive": receiver.main}[sys.argv[1]]
    sys.exit(work(sys.argv[2:]))
