"""Signals that an item takes from others: its thread, its neighbours, its time. Whole arrays, by slot."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import FloatArray, Known
from warmgraph.ranking.periods import Period

__all__ = ["ALL", "Slots", "group_means", "in_neighbours", "in_period"]

BEST_OF_A_GROUP = 3
PREVIOUS_WEIGHTS = (0.5, 0.3, 0.1)
NEXT_WEIGHTS = (0.3, 0.2)
TOLD_LATER = 7 * 86_400.0
"""Seconds after a period within which is told what happened in it."""

Slots: TypeAlias = NDArray[np.intp] | slice
ALL = slice(None)

_Times: TypeAlias = NDArray[np.float64]


def group_means(scores: FloatArray, known: Known, at: Slots = ALL) -> FloatArray:
    """Return for each slot the mean of the best three scores of its thread, or of all if there are fewer.

    Args:
        scores: Array of shape (slots,), float32, finite.
        known: Which slots make up a thread.
        at: The slots to answer for, in their order.
    """
    if not len(scores):
        return scores
    group, grouped, starts, lengths = known.threads
    ordered, of_group = scores[grouped], group[grouped]
    best = total = np.maximum.reduceat(ordered, starts)
    for taken in range(1, BEST_OF_A_GROUP):
        # The first of the best is taken out; another one that is equal stays.
        places = np.flatnonzero(ordered == best[of_group])
        groups = of_group[places]
        first = lengths[groups] >= taken
        first[1:] &= groups[1:] != groups[:-1]
        ordered[places[first]] = -np.inf
        best = np.maximum.reduceat(ordered, starts)
        total = total + np.where(lengths > taken, best, np.float32(0))
    means: FloatArray = np.divide(total, np.minimum(lengths, BEST_OF_A_GROUP), dtype=np.float32)
    return means[group[at]]


def in_neighbours(scores: FloatArray, known: Known, at: Slots = ALL) -> FloatArray:
    """Return for each slot the weighted sum of the scores just before and after it in its thread.

    Args:
        scores: Array of shape (slots,), float32, finite.
        known: Who comes before and after whom.
        at: The slots to answer for, in their order.
    """
    padded = np.zeros(len(scores) + 1, np.float32)  # the last one is the neighbour of those that have none
    padded[:-1] = scores
    total = np.zeros_like(scores[at])
    for neighbour, weights in ((known.previous, PREVIOUS_WEIGHTS), (known.next, NEXT_WEIGHTS)):
        step = neighbour[:-1][at]
        for number, weight in enumerate(weights):
            if number:
                step = neighbour[step]
            total += np.float32(weight) * padded[step]
    return total


def in_period(said_at: _Times, period: Period, weight: float = 1.0) -> FloatArray:
    """Return `weight` where a time lies in a period, half of it within a week after, else 0, as for NaN."""
    begun = said_at >= period.start
    inside = begun & (said_at < period.end)
    soon = begun & (said_at < period.end + TOLD_LATER)
    found: FloatArray = (inside.astype(np.float32) + soon) * np.float32(0.5 * weight)
    return found
