"""The order of ranked items: best first, and of equal ones the newest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmgraph.index.selection import lower_bound

__all__ = ["best_first", "newest_first"]

Slots = NDArray[np.intp]


def newest_first(slots: Slots, seqs: NDArray[np.int64], k: int | None) -> Slots:
    """Return at most `k` slots, the one with the highest change number first.

    Args:
        slots: Array of shape (n,).
        seqs: The change number of each, all different.
        k: How many; `None` for all.
    """
    if k is not None and k < 1:
        return slots[:0]
    if k is not None and k < len(slots) // 4:
        newest = np.argpartition(seqs, len(slots) - k)[len(slots) - k :]
        slots, seqs = slots[newest], seqs[newest]
    return slots[np.argsort(seqs)[_last(k)]]


def best_first(slots: Slots, scores: NDArray[np.float32], seqs: NDArray[np.int64], k: int | None) -> Slots:
    """Return at most `k` slots, the one with the highest score first; of equal ones the newest.

    Args:
        slots: Array of shape (n,).
        scores: The score of each.
        seqs: The change number of each, all different.
        k: How many; `None` for all.

    Example:
        >>> scores = np.array([0.5, 0.9, 0.5], np.float32)
        >>> best_first(np.array([7, 8, 9]), scores, np.array([1, 2, 3]), k=2).tolist()
        [8, 9]
    """
    if k is not None and k < 1:
        return slots[:0]
    if k is not None and k < len(slots) // 4:
        kept = np.flatnonzero(scores >= lower_bound(scores, k))
        slots, scores, seqs = slots[kept], scores[kept], seqs[kept]
    if k is not None and k < len(slots) // 4:  # many are equal to the last of them
        kept = _candidates(scores, seqs, k)
        slots, scores, seqs = slots[kept], scores[kept], seqs[kept]
    return slots[np.lexsort((seqs, scores))[_last(k)]]


def _last(k: int | None) -> slice:
    """Return what takes the last `k` of an ascending order, the last one first."""
    return slice(None, None if k is None else -k - 1, -1)


def _candidates(scores: NDArray[np.float32], seqs: NDArray[np.int64], k: int) -> Slots:
    """Return the places of the `k` best, unsorted; where many are equal to the last of them, the newest of those.

    Most scores of a lexical query are 0: without the second step all of them would be sorted.
    """
    best = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
    last = scores[best].min()
    if np.count_nonzero(scores >= last) == k:
        return best
    better = np.flatnonzero(scores > last)
    equal = np.flatnonzero(scores == last)
    rest = k - len(better)
    if rest < len(equal):
        equal = equal[np.argpartition(seqs[equal], len(equal) - rest)[len(equal) - rest :]]
    return np.concatenate((better, equal))
