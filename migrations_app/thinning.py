"""Of a long series of the probe's samples those that a plot needs, the same for the page, its reports and the database.

No peak is lost, and where the service was down is seen exactly: the first and the last question of each gap stay, with the
answers beside them. The exact figures are computed while the migration runs, from all samples.
"""

from collections.abc import Callable, Iterable, Sequence

Sample = Sequence[float | int | None]
# More points than a screen has columns; together some 60 kB of a page
MOST_ANSWERED, MOST_UNANSWERED = 3000, 1000


def thinned(samples: Iterable[Sample]) -> list[Sample]:
    """At most so many samples of each sort, in the order in which they were asked. What is thinned already stays as it is."""
    asked = sorted((sample for sample in samples if sample[0] is not None), key=lambda sample: sample[0] or 0.0)
    answered = [place for place, sample in enumerate(asked) if sample[1] is not None]
    unanswered = [place for place, sample in enumerate(asked) if sample[1] is None]
    if len(answered) <= MOST_ANSWERED and len(unanswered) <= MOST_UNANSWERED:
        return asked
    edges = _edges(asked)

    def slowest(places: list[int]) -> int:
        return max(places, key=lambda place: asked[place][1] or 0.0)

    kept = [*_few(answered, edges, MOST_ANSWERED, slowest), *_few(unanswered, edges, MOST_UNANSWERED, min)]
    return [asked[place] for place in sorted(kept)]


def _edges(asked: list[Sample]) -> set[int]:
    """The places on both sides of each change from answered to not answered, or back; and where all begins and ends."""
    silent = [sample[1] is None for sample in asked]
    changes = {place + side for place in range(len(asked) - 1) if silent[place] != silent[place + 1] for side in (0, 1)}
    return {0, len(asked) - 1, *changes}


def _few(places: list[int], edges: set[int], most: int, pick: Callable[[list[int]], int]) -> list[int]:
    """The edges, and of each run of the others the one to pick; of edges without number those at both ends."""
    if len(places) <= most:
        return places
    fixed = edges.intersection(places)
    if 2 * len(fixed) > most:
        fixed = {places[0], places[-1]}
    others = [place for place in places if place not in fixed]
    step = -(-len(others) // (most - len(fixed)))
    return [*fixed, *(pick(others[at : at + step]) for at in range(0, len(others), step))]
