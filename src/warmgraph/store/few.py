"""Recalls of rare words: loops over the few items that have any of them.

Whole arrays take three times as long for them, and more in the middle of a graph, where the caches are not ours.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from warmgraph.index import NamespaceIndex
from warmgraph.ranking import LexicalScorer, Scorer

__all__ = ["Glance", "Place", "best_of_few", "glance_of", "look_at_few", "new_among", "recall_few"]

Place: TypeAlias = tuple[float, int, int]  # score, change number, slot


class Glance(NamedTuple):
    """What one lexical pass over a namespace saw: `Signals`, and the lead of the best warm item over the next."""

    best_warm: float | None
    best_cold: float | None
    lead: float
    warm_items: int
    items: int


def recall_few(
    index: NamespaceIndex, few: Mapping[int, float], scorer: LexicalScorer, wanted: int, exclude: Collection[str]
) -> tuple[Glance, list[Place]]:
    """Do what `look_at_few` and `best_of_few` do for the warm items, in one loop. The caller holds the index's lock."""
    is_warm, is_question, seqs = index.warm.data, index.questions.data, index.seqs.data
    less = float(np.float32(scorer.question_penalty))
    excluded = _slots_of(index, exclude) if exclude else ()
    best = second = cold = 0.0
    places: list[Place] = []
    for slot, score in few.items():
        if slot in excluded:
            continue
        if not is_warm[slot]:
            if score > cold:
                cold = score
            continue
        if score > best:
            best, second = score, best
        elif score > second:
            second = score
        if is_question[slot] and less:
            (score,) = array("f", (score - less,))
        if score > 0:
            places.append((score, seqs[slot], slot))
    places.sort(reverse=True)
    kept = new_among(index, [slot for _, _, slot in places], wanted) if wanted else []
    items, warm_items = len(index) - len(excluded), index.warm_items
    for slot in excluded:
        warm_items -= is_warm[slot]
    best_cold = cold if items > warm_items else None
    glance = Glance(best, best_cold, best - second if warm_items > 1 else best, warm_items, items)
    return (glance if warm_items else glance._replace(best_warm=None, lead=0.0)), [places[at] for at in kept]


def look_at_few(index: NamespaceIndex, few: Mapping[int, float], exclude: Collection[str]) -> Glance:
    """Compare the warm items with the cold ones, given the lexical scores above 0 by slot."""
    is_warm = index.warm.data
    excluded = _slots_of(index, exclude)
    warm_items = index.warm_items - sum(is_warm[slot] for slot in excluded)
    warm_scores, cold = [0.0, 0.0], 0.0
    for slot, score in few.items():
        if slot in excluded:
            continue
        if is_warm[slot]:
            warm_scores.append(score)
        elif score > cold:
            cold = score
    return glance_of(warm_scores, cold, warm_items, len(index) - len(excluded))


def glance_of(warm_scores: Sequence[float], cold: float, warm_items: int, items: int) -> Glance:
    """Return a glance, given the best scores of warm items in any order, and the best one of the others."""
    best = max(warm_scores) if warm_items else None
    second = sorted(warm_scores)[-2] if warm_items > 1 else 0.0
    lead = 0.0 if best is None else best - second
    return Glance(best, cold if items > warm_items else None, lead, warm_items, items)


def best_of_few(
    index: NamespaceIndex,
    few: Mapping[int, float],
    scorer: Scorer,
    k: int | None,
    *,
    warm_only: bool,
    exclude: Collection[str],
    varied: bool,
) -> list[Place]:
    """Return the best items that score at all, the newest of equal ones first; see `rank` for the arguments."""
    is_warm, is_question, seqs = index.warm.data, index.questions.data, index.seqs.data
    less = float(np.float32(scorer.question_penalty)) if isinstance(scorer, LexicalScorer) else 0.0
    scores = array("f", [score - less if is_question[slot] else score for slot, score in few.items()])
    excluded = _slots_of(index, exclude)
    places = [
        (score, seqs[slot], slot)
        for slot, score in zip(few, scores, strict=True)
        if score > 0 and slot not in excluded and (is_warm[slot] or not warm_only)
    ]
    places.sort(reverse=True)
    if varied and k:
        kept = new_among(index, [slot for _, _, slot in places], k)
        places = [places[at] for at in kept]
    return places[:k]


def new_among(index: NamespaceIndex, slots: Sequence[int], k: int) -> list[int]:
    """Return which `k` of ranked slots say something new, as places in the ranking.

    Of items with the same words the best stands for all, and at most a quarter of the places goes to questions.
    """
    is_question, fingerprints = index.questions.data, index.fingerprints
    kept: list[int] = []
    said: set[int] = set()
    questions = max(k // 4, 1)
    for at, slot in enumerate(slots):
        mark, asked = fingerprints[slot], is_question[slot]
        if (mark and mark in said) or (asked and not questions):
            continue
        said.add(mark)
        questions -= asked
        kept.append(at)
        if len(kept) == k:
            break
    return kept


def _slots_of(index: NamespaceIndex, keys: Collection[str]) -> set[int]:
    return {slot for key in keys if (slot := index.slot(key)) is not None}
