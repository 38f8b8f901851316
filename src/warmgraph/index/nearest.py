"""The nearest of many by small whole distances, without sorting them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import IntArray

__all__ = ["nearest", "up_to", "within"]

_SAMPLE = 509
"""Distances looked at to guess the threshold: 9 us for 12,000 distances instead of 34 with a histogram of all."""


_GROUPS = 16
"""Groups of distances for each hit wanted."""

_FARTHEST = 2**16 - 1


def nearest(distances: npt.NDArray[np.uint16], number: int) -> IntArray:
    """Return where the smallest distances stand.

    Args:
        distances: Array of shape (n,), uint16.
        number: How many; a few more or less than that come back where distances are equal, at least half of it.

    Example:
        >>> nearest(np.array([9, 2, 7, 3], np.uint16), 2).tolist()
        [1, 3]
    """
    if number >= len(distances):
        return np.arange(len(distances))
    few = _few(distances, number)
    return _among(distances.take(few), few, number)


def within(distances: npt.NDArray[np.uint16], k: int, slack: int, number: int) -> IntArray:
    """Return where the distances stand that are at most `slack` larger than the k-th smallest.

    Args:
        distances: Array of shape (n,), uint16.
        k: How many are looked for in the end.
        slack: How much larger a distance may be.
        number: The number usual: between a fifth and twice as many come back; those with equal distances all or not
            at all, but never more than four times as many.

    Example:
        >>> within(np.array([9, 2, 7, 3, 4, 8], np.uint16), k=1, slack=2, number=2).tolist()
        [1, 3, 4]
    """
    total = len(distances)
    least = max(number // 5, 1)
    if least >= total or k >= total:
        return np.arange(total)
    kept = (distances <= min(int(_kth(distances, k)) + slack, _FARTHEST)).nonzero()[0]
    if len(kept) < least:
        return nearest(distances, least)
    return _among(distances.take(kept), kept, 2 * number) if len(kept) > 2 * number else kept


def up_to(distances: npt.NDArray[np.uint16], bound: int, number: int, *, beyond: int = -1) -> IntArray:
    """Return where the distances stand that are at most `bound`.

    Args:
        distances: Array of shape (n,), uint16.
        bound: The largest distance wanted.
        number: How many come back at most, or twice as many where distances are equal: the smallest ones.
        beyond: Only what is larger than this.

    Example:
        >>> up_to(np.array([9, 2, 7, 3], np.uint16), 7, number=5, beyond=2).tolist()
        [2, 3]
    """
    kept = (distances <= min(bound, _FARTHEST)).nonzero()[0]
    if beyond >= 0:
        kept = kept[distances.take(kept) > min(beyond, _FARTHEST)]
    return _among(distances.take(kept), kept, number)


def _kth(distances: npt.NDArray[np.uint16], k: int) -> np.uint16:
    """Return the k-th smallest distance, or one a little larger: the k-th smallest of the minima of disjoint groups."""
    groups = _GROUPS * k
    if groups * 4 <= len(distances):
        height = len(distances) // groups
        distances = distances[: height * groups].reshape(height, groups).min(axis=0)
    else:
        distances = distances.copy()
    distances.partition(k - 1)
    bound: np.uint16 = distances[k - 1]
    return bound


def _few(distances: npt.NDArray[np.uint16], number: int) -> IntArray:
    """Return the places of the smallest distances: at least so many, and not many more."""
    total = len(distances)
    step = total // _SAMPLE
    if step < 2:
        return np.arange(total)
    # Odd, so that it does not fall on the same place of every page.
    sample = distances[:: step | 1].copy()
    expected = number * len(sample) / total
    rank = min(int(expected + 3 * expected**0.5) + 2, len(sample) - 1)
    sample.partition(rank)
    few = (distances <= sample[rank]).nonzero()[0]
    return few if len(few) >= number else np.arange(total)


def _among(distances: npt.NDArray[np.uint16], places: IntArray, number: int) -> IntArray:
    """Return the places with the smallest distances: all up to the threshold, or without it if that is too many."""
    if number >= len(places):
        return places
    kept: IntArray = places[distances <= np.partition(distances, number - 1)[number - 1]]
    if len(kept) <= 2 * number:
        return kept
    best: IntArray = places[np.argpartition(distances, number - 1)[:number]]
    return best
