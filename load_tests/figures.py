"""Figures that measurement, simulation and report share; pure."""

import itertools
from collections.abc import Iterable, Sequence


def at_share(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the ordered ones lies; 0 where there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def changes_of_direction(counts: Iterable[int]) -> int:
    """How often a number that was going up went down, or the other way round."""
    steps = [b - a for a, b in itertools.pairwise(counts) if a != b]
    return sum((a > 0) != (b > 0) for a, b in itertools.pairwise(steps))
