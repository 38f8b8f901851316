"""The best few of many scores, the same way everywhere."""

from __future__ import annotations

import numpy as np

from warmgraph.index.base import FloatArray, Hits, IntArray

__all__ = ["best_of_each", "lower_bound", "top_k"]

_SORT = 200
"""Up to so many scores, sorting them all is fastest."""

_GROUPS = 16
"""Groups for each score wanted: with 16, the bound lets through hardly more than are wanted."""


def top_k(slots: IntArray, scores: FloatArray, k: int) -> Hits:
    """Return the `k` best of `slots` by score, best first; equal scores: the higher slot first.

    Args:
        slots: Array of shape (n,), int64, each slot once.
        scores: Array of shape (n,), float32, without NaN.
        k: How many; all, if there are fewer.

    Example:
        >>> top_k(np.array([7, 3, 9]), np.array([0.5, 0.8, 0.5], np.float32), 2).slots.tolist()
        [3, 9]
    """
    if len(scores) > _SORT and k < len(scores):
        few = (scores >= lower_bound(scores, k)).nonzero()[0]
        slots, scores = slots[few], scores[few]
    best = np.lexsort((slots, scores))[: -k - 1 : -1]
    return Hits(slots[best], scores[best])


def best_of_each(slots: IntArray, scores: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return each slot once, with the best of its scores.

    Example:
        >>> best_of_each(np.array([7, 3, 7]), np.array([0.5, 0.25, 0.75], np.float32))
        (array([3, 7]), array([0.25, 0.75], dtype=float32))
    """
    names, item = np.unique(slots, return_inverse=True)
    best = np.full(len(names), -np.inf, np.float32)
    np.maximum.at(best, item, scores)
    return names, best


def lower_bound(scores: FloatArray, k: int) -> np.float32:
    """Return a score that at least `k` scores reach, and not many more unless they are equal.

    The k-th best of the maxima of disjoint groups is one, and 10 times cheaper than selecting among all scores
    (70 us against 650 at 100,000).
    """
    groups = min(_GROUPS * k, len(scores) // 8)
    if groups >= 4 * k:
        height = len(scores) // groups
        scores = scores[: height * groups].reshape(height, groups).max(axis=0)
    else:
        scores = scores.copy()
    scores.partition(len(scores) - k)
    bound: np.float32 = scores[len(scores) - k]
    return bound
