"""Equal numbers together: what `numpy.unique` tells, in a third of its time where they are few."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from warmgraph.index.base import IntArray

__all__ = ["Groups", "grouped"]


class Groups(NamedTuple):
    """Numbers by what they are.

    Args:
        names: The numbers, ascending, each once.
        sizes: How often each one stands.
        order: Where they stand, name by name.
    """

    names: IntArray
    sizes: IntArray
    order: IntArray


def grouped(numbers: IntArray) -> Groups:
    """Return which numbers there are, how often, and where.

    Args:
        numbers: Array of shape (n,), int64.

    Example:
        >>> names, sizes, order = grouped(np.array([7, 4, 7]))
        >>> names.tolist(), sizes.tolist(), order.tolist()
        ([4, 7], [1, 2], [1, 0, 2])
    """
    order = numbers.argsort(kind="stable")
    ranked = numbers.take(order)
    ends = np.empty(len(ranked), np.bool_)
    ends[-1:] = True
    np.not_equal(ranked[1:], ranked[:-1], out=ends[:-1])
    last = ends.nonzero()[0]
    sizes = last.copy()
    sizes[1:] -= last[:-1]
    sizes[:1] += 1
    return Groups(ranked.take(last), sizes, order)
