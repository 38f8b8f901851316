"""Recalls of common words: whole arrays, of the warm items alone wherever these are enough."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import NamespaceIndex
from warmgraph.store.few import PLACES, Glance, Place, glance_of, new_among
from warmgraph.store.recalls import Dropped, DropReason

__all__ = ["best_of_many", "look_at_many", "new_of_many", "warm_slots"]


def look_at_many(index: NamespaceIndex, lexical: NDArray[np.float32], exclude: Collection[str]) -> Glance:
    """Compare the warm items with the cold ones, where none expires. The caller holds the index's lock.

    Args:
        index: The namespace.
        lexical: Array of shape (size,), float32: lexical scores by slot.
        exclude: Keys to leave out.
    """
    excluded = _slots_of(index, exclude)
    warm = _without(index.warm_slots, excluded)
    scores = lexical.take(warm)
    items = len(index) - len(excluded)
    cold = 0.0
    if items > len(warm):
        rest = lexical.copy()  # what is in no slot scores 0
        rest[index.warm_slots] = 0.0
        rest[excluded] = 0.0
        cold = rest.max().item()
    if len(scores) > PLACES:
        scores.partition(len(scores) - PLACES)
        scores = scores[-PLACES:]
    return glance_of(scores.tolist(), cold, len(warm), items)


def warm_slots(index: NamespaceIndex, exclude: Collection[str]) -> NDArray[np.intp]:
    """Return the slots of the warm items but for some keys, ascending. The caller holds the index's lock."""
    return _without(index.warm_slots, _slots_of(index, exclude))


def best_of_many(
    index: NamespaceIndex,
    slots: NDArray[np.intp],
    scores: NDArray[np.float32],
    k: int,
    dropped: list[Dropped] | None = None,
) -> list[Place]:
    """Return the best `k` slots that score above 0 and say something new, best first, the newest of equal ones first.

    The caller holds the index's lock.

    Args:
        index: The namespace.
        slots: Array of shape (n,): the candidates.
        scores: Array of shape (n,), float32: their scores.
        k: How many.
        dropped: Takes what is left out because it says nothing new.
    """
    depth = 4 * k
    while k:
        bound = np.partition(scores, len(scores) - depth)[len(scores) - depth].item() if depth < len(scores) else 0.0
        kept = (scores >= bound if bound > 0 else scores > 0).nonzero()[0]
        these = slots[kept]
        ranked = list(zip(scores[kept].tolist(), index.seqs[these].tolist(), these.tolist(), strict=True))
        ranked.sort(reverse=True)
        left: list[tuple[int, DropReason]] = []
        new = new_among(index, [slot for _, _, slot in ranked], k, left)
        if len(new) == k or bound <= 0:
            if dropped is not None:
                dropped += [Dropped(index.key(ranked[at][2]), ranked[at][0], reason) for at, reason in left]
            return [ranked[at] for at in new]
        depth *= 4
    return []


def new_of_many(
    index: NamespaceIndex,
    slots: NDArray[np.intp] | None,
    scores: NDArray[np.float32] | None,
    k: int,
    dropped: list[Dropped] | None,
) -> NDArray[np.intp]:
    """Return the places of the best `k` that say something new, sorting no more than it takes to find them.

    Args:
        index: The namespace.
        slots: The candidates, as in `NamespaceIndex.order`.
        scores: Their scores.
        k: How many.
        dropped: As in `best_of_many`.
    """
    candidates, depth = index.size if slots is None else len(slots), 4 * k
    while True:
        places = index.order(slots, scores, depth)
        ranked = (places if slots is None else slots[places]).tolist()
        left: list[tuple[int, DropReason]] = []
        kept = new_among(index, ranked, k, left)
        if len(kept) == k or depth >= candidates:
            if dropped is not None:
                for at, reason in left:
                    score = None if scores is None else float(scores[places[at]])
                    dropped.append(Dropped(index.key(ranked[at]), score, reason))
            return places[kept]
        depth *= 4


def _slots_of(index: NamespaceIndex, keys: Collection[str]) -> list[int]:
    return [slot for key in set(keys) if (slot := index.slot(key)) is not None]


def _without(slots: NDArray[np.intp], excluded: list[int]) -> NDArray[np.intp]:
    return slots[~np.isin(slots, excluded)] if excluded else slots
