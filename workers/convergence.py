"""When the rounds of an iterative migration end: by data. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

# of the processor time that a service uses, when it changes its memory as fast as the link carries it: once, and once more
SLOWED_TO_PERCENT = (40, 40)
# more do not pay: each reads all of the memory once more
MOST_ROUNDS = 12
# a round that sends more than this share of what the one before it sent: what changes does not become less any more
SHRINKS_BELOW = 0.9
# a rest that takes up to so many seconds is not worth slowing a service down, whose users feel that, too
TOLERATED_S = 5.0


@dataclass(frozen=True)
class Round:
    """One round: bytes of memory read, of them what the target did not hold as it was, bytes sent (files included), seconds."""

    number: int
    read: int
    changed: int
    sent: int
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes sent a second."""
        return self.sent / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For StageRun.rounds."""
        return asdict(self)


@dataclass(frozen=True)
class Decision:
    """Whether to copy once more, and why not; `rest_s` are the seconds that sending the rest would take now."""

    again: bool
    rest_s: float
    why: str = ""
    converges: bool = True  # or what is left is little all the same

    def sentence(self, rounds: Sequence[Round]) -> str:
        """For the page: the last round, and what comes of it."""
        last = rounds[-1]
        changed, sent = (
            f"{last.changed / 1e6:.1f} MB had changed",
            f"{last.sent / 1e6:.1f} MB sent in {last.seconds:.1f} s",
        )
        return f"Round {last.number}: {changed}, {sent}; {self.why or f'the rest would take {self.rest_s:.1f} s'}."


def decide(rounds: Sequence[Round], *, wanted_s: float, bandwidth_mbit: int) -> Decision:
    """After each round: is what will be left small enough, does it still shrink, or were there enough of them?

    What is left when the service is suspended at once is at most what changed during the last round, of which that round's
    bytes are the measure.
    """
    last = rounds[-1]
    rest_s = last.sent * 8 / (bandwidth_mbit * 1e6)
    little = rest_s <= TOLERATED_S
    if rest_s <= wanted_s:
        return Decision(False, rest_s, f"what is left takes {rest_s * 1000:.0f} ms to send")
    if len(rounds) >= 3 and last.sent > SHRINKS_BELOW * rounds[-2].sent:
        return Decision(False, rest_s, f"it changes as fast as it is sent, and the rest takes {rest_s:.1f} s", little)
    if len(rounds) >= MOST_ROUNDS:
        return Decision(False, rest_s, f"after {MOST_ROUNDS} rounds the rest takes {rest_s:.1f} s", little)
    return Decision(True, rest_s)
