"""Recalls of rare words: loops over the few items that have any of them.

Whole arrays take three times as long for them, and more in the middle of a graph, where the caches are not ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from warmgraph.index import NamespaceIndex
from warmgraph.store.recalls import Dropped, DropReason

__all__ = ["PLACES", "TIE", "Glance", "Place", "best_of_few", "glance_of", "look_at_few", "new_among", "recall_few"]

Place: TypeAlias = tuple[float, int, int]  # score, change number, slot


PLACES = 6  # the best five, and the first that is not among them
TIE = 0.01  # words do not tell two items apart that are this close


class Glance(NamedTuple):
    """What one lexical pass over a namespace saw: `Signals`, and the lead of the best warm item over the sixth.

    The lead is 0 where the best two are as good as equal.
    """

    best_warm: float | None
    best_cold: float | None
    lead: float
    warm_items: int
    items: int


def recall_few(
    index: NamespaceIndex,
    few: Mapping[int, float],
    scores: Mapping[int, float],
    wanted: int,
    exclude: Collection[str],
    dropped: list[Dropped] | None = None,
) -> tuple[Glance, list[Place]]:
    """Do what `look_at_few` and `best_of_few` do for the warm items, at once. The caller holds the index's lock.

    Args:
        index: The namespace.
        few: Lexical scores above 0 by slot.
        scores: What ranks, by the same slots.
        wanted: How many places.
        exclude: Keys to leave out.
        dropped: Takes what is left out because it says nothing new.
    """
    excluded = _slots_of(index, exclude) if exclude else frozenset[int]()
    is_warm, seqs, all_warm = index.views.warm, index.views.seq, index.warm_items == len(index)
    places: list[Place] = []
    for slot, score in scores.items():
        if score > 0 and slot not in excluded and (all_warm or is_warm[slot]):
            places.append((score, seqs[slot], slot))
    places.sort(reverse=True)
    found = _new_places(index, places, wanted, dropped) if wanted else []
    return _glance(index, few, excluded), found


def look_at_few(index: NamespaceIndex, few: Mapping[int, float], exclude: Collection[str]) -> Glance:
    """Compare the warm items with the cold ones, given the lexical scores above 0 by slot."""
    return _glance(index, few, _slots_of(index, exclude) if exclude else frozenset())


def _glance(index: NamespaceIndex, few: Mapping[int, float], excluded: Collection[int]) -> Glance:
    """Compare the warm ones of some slots, whose lexical scores are above 0, with the others."""
    items, warm_items = len(index), index.warm_items
    if items == warm_items and not excluded:
        return glance_of(few.values(), 0.0, warm_items, items)
    is_warm = index.views.warm
    warm: list[float] = []
    cold = 0.0
    for slot, score in few.items():
        if slot in excluded:
            continue
        if is_warm[slot]:
            warm.append(score)
        elif score > cold:
            cold = score
    return glance_of(warm, cold, warm_items - sum([is_warm[slot] for slot in excluded]), items - len(excluded))


def glance_of(warm_scores: Iterable[float], cold: float, warm_items: int, items: int) -> Glance:
    """Return a glance, given the best scores of warm items in any order, and the best one of the others.

    Warm items that share no word with the query score 0, and need not be among the scores.
    """
    best_cold = cold if items > warm_items else None
    if not warm_items:
        return Glance(None, best_cold, 0.0, warm_items, items)
    ranked = sorted(warm_scores, reverse=True)[:PLACES]
    ranked += [0.0] * (PLACES - len(ranked))
    lead = ranked[0] - ranked[PLACES - 1] if ranked[0] - ranked[1] >= TIE else 0.0
    return Glance(ranked[0], best_cold, lead, warm_items, items)


def best_of_few(
    index: NamespaceIndex,
    scores: Mapping[int, float],
    k: int | None,
    *,
    warm_only: bool,
    exclude: Collection[str],
    varied: bool,
    dropped: list[Dropped] | None = None,
) -> list[Place]:
    """Return the best items that score above 0, the newest of equal ones first; see `rank` for the arguments."""
    is_warm, seqs = index.views.warm, index.views.seq
    excluded = _slots_of(index, exclude)
    places = [
        (score, seqs[slot], slot)
        for slot, score in scores.items()
        if score > 0 and slot not in excluded and (is_warm[slot] or not warm_only)
    ]
    places.sort(reverse=True)
    return _new_places(index, places, k, dropped) if varied and k else places[:k]


def _new_places(index: NamespaceIndex, places: list[Place], k: int, dropped: list[Dropped] | None) -> list[Place]:
    """Return which `k` of ranked places say something new."""
    left: list[tuple[int, DropReason]] | None = None if dropped is None else []
    kept = new_among(index, [slot for _, _, slot in places], k, left)
    if left and dropped is not None:
        dropped += [Dropped(index.key(places[at][2]), places[at][0], reason) for at, reason in left]
    return [places[at] for at in kept]


def new_among(
    index: NamespaceIndex, slots: Sequence[int], k: int, dropped: list[tuple[int, DropReason]] | None = None
) -> list[int]:
    """Return which `k` of ranked slots say something new, as places in the ranking.

    Of items with the same words the best stands for all, and at most a quarter of the places goes to questions.

    Args:
        index: The namespace.
        slots: Ranked slots.
        k: How many.
        dropped: Takes the places that are left out before there are `k`, with the reason.
    """
    is_question, fingerprints = index.views.question, index.fingerprints
    kept: list[int] = []
    said: set[int] = set()
    questions = max(k // 4, 1)
    for at, slot in enumerate(slots):
        mark, asked = fingerprints[slot], is_question[slot]
        if (mark and mark in said) or (asked and not questions):
            if dropped is not None:
                dropped.append((at, "duplicate" if mark and mark in said else "crowded"))
            continue
        said.add(mark)
        questions -= asked
        kept.append(at)
        if len(kept) == k:
            break
    return kept


def _slots_of(index: NamespaceIndex, keys: Collection[str]) -> set[int]:
    return {slot for key in keys if (slot := index.slot(key)) is not None}
