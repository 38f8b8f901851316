"""Ranking over the indexes of one or many namespaces, shared by both stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import NOBODY, NamespaceIndex
from warmgraph.ranking import NO_CUES, Candidates, Cues, DenseScorer, LexicalScorer, Scorer, related

__all__ = ["Glance", "Query", "Ranked", "look", "rank"]

Namespace: TypeAlias = tuple[str, ...]
NO_SCORE = np.float32(-np.inf)
PLACES = 6  # the best five, and the first that is not among them
TIE = 0.01  # words do not tell two items apart that are this close


@dataclass(frozen=True, slots=True)
class Query:
    """What to rank by.

    Args:
        terms: The query's terms.
        vector: Its embedding, of shape (dims,); `None` when it was not embedded.
        scorer: From signals to scores.
        cues: What it says besides its words.
        events: The terms of each event that its relation names.
    """

    terms: Sequence[str]
    vector: NDArray[np.float32] | None
    scorer: Scorer
    cues: Cues = NO_CUES
    events: Sequence[Sequence[str]] = ()

    def scores(self, index: NamespaceIndex) -> NDArray[np.float32]:
        """Return scores by slot, -inf where an item is not searchable. The caller holds the index's lock."""
        dense = None if self.vector is None else index.dense(self.vector)
        if isinstance(self.scorer, DenseScorer):
            return dense if dense is not None else np.full(index.size, NO_SCORE)
        known = index.indexed if dense is None else index.indexed | (dense != NO_SCORE)
        scores = self.scorer.score(
            Candidates(
                lexical=index.lexical(self.terms),
                dense=dense,
                is_question=index.questions,
                importance=index.importances,
                known=index.known,
                cues=self.cues,
                author=self._author(index),
                related=self._related(index),
            )
        )
        return np.where(known, scores, NO_SCORE)

    def few(self, index: NamespaceIndex) -> Mapping[int, float] | None:
        """Return the scores above 0 by slot, if words alone decide and only few items have any of them; else `None`."""
        if self.vector is not None or type(self.scorer) is not LexicalScorer:  # not one of somebody's own
            return None
        few = index.few(self.terms)
        if few is None or self.cues.period is not None or self.events:  # others count without a word in common
            return None
        return self.scorer.score_few(few, index.questions.data, index.traits, self.cues, self._author(index))

    def _related(self, index: NamespaceIndex) -> NDArray[np.float32] | None:
        """Return how well each slot stands in the relation that the query asks for, `None` if it asks for none."""
        if self.cues.relation is None or not self.events:
            return None
        return related(self.cues.relation.kind, [index.lexical(terms) for terms in self.events], index.known)

    def _author(self, index: NamespaceIndex) -> int:
        """Return the number of the only author that the query names, or `NOBODY`."""
        named = index.traits.named(self.cues.words) if self.cues.words else {}
        return next(iter(named.values())) if len(named) == 1 else NOBODY


class Ranked(NamedTuple):
    """A place in a ranking. `score` is `None` for an item that is not searchable, or without a query."""

    namespace: Namespace
    key: str
    score: float | None


_Place: TypeAlias = tuple[float, int, Ranked]


class Glance(NamedTuple):
    """What one lexical pass over a namespace saw: `Signals`, and the lead of the best warm item over the sixth.

    The lead is 0 where the best two are as good as equal.
    """

    best_warm: float | None
    best_cold: float | None
    lead: float
    warm_items: int
    items: int


def look(index: NamespaceIndex, terms: Sequence[str], now: float, exclude: Collection[str] = ()) -> Glance:
    """Score all items of a namespace by their words, and compare the warm ones with the cold ones."""
    with index.lock:
        few = None if index.mortal else index.few(terms)
        if few is not None:
            return _look_at_few(index, few, exclude)
        live = index.live(now, exclude)
        warm = live & index.warm
        scores = index.lexical(terms)
    items, warm_items = int(np.count_nonzero(live)), int(np.count_nonzero(warm))
    warm_scores = scores[warm]
    if warm_items > PLACES:
        warm_scores = np.partition(warm_scores, warm_items - PLACES)[-PLACES:]
    cold_scores = scores[live & ~warm]
    return _glance(warm_scores.tolist(), cold_scores.max().item() if len(cold_scores) else 0.0, warm_items, items)


def _look_at_few(index: NamespaceIndex, few: Mapping[int, float], exclude: Collection[str]) -> Glance:
    is_warm = index.warm.data
    excluded = _slots_of(index, exclude)
    warm_items = index.warm_items - sum(is_warm[slot] for slot in excluded)
    warm_scores, cold = [0.0], 0.0  # the best of warm items that share no word
    for slot, score in few.items():
        if slot in excluded:
            continue
        if is_warm[slot]:
            warm_scores.append(score)
        elif score > cold:
            cold = score
    return _glance(warm_scores, cold, warm_items, len(index) - len(excluded))


def _slots_of(index: NamespaceIndex, keys: Collection[str]) -> set[int]:
    return {slot for key in keys if (slot := index.slot(key)) is not None}


def _glance(warm_scores: list[float], cold: float, warm_items: int, items: int) -> Glance:
    best = max(warm_scores) if warm_items else None
    if best is None:
        return Glance(None, cold if items > warm_items else None, 0.0, warm_items, items)
    ranked = [*sorted(warm_scores, reverse=True), *[0.0] * PLACES]
    lead = best - ranked[PLACES - 1] if best - ranked[1] >= TIE else 0.0
    return Glance(best, cold if items > warm_items else None, lead, warm_items, items)


def rank(
    indexes: Sequence[tuple[Namespace, NamespaceIndex]],
    query: Query | None,
    *,
    now: float,
    wanted: int,
    warm_only: bool = False,
    above: float | None = None,
    exclude: Collection[str] = (),
    varied: bool = False,
) -> Iterator[Ranked]:
    """Yield all items, best first; equal ones newest first, those without a score last.

    The first `wanted` are picked without sorting the rest, which is sorted only if somebody asks for more.

    Args:
        indexes: The namespaces to rank.
        query: What to rank by; `None` yields the newest first.
        now: Seconds since the epoch; what has expired is left out.
        wanted: How many the caller probably takes.
        warm_only: Whether to leave out items that are not warm.
        above: Leaves out items whose score is not higher.
        exclude: Keys to leave out.
        varied: Leaves out, among the first `wanted`, what says nothing new. Of items with the same words the best
            stands for all, and at most a quarter of the places goes to questions: who asks the same thing often
            would otherwise recall the asking, and the echoes of the answer.
    """
    first = _best(indexes, query, now, max(wanted, 1), warm_only, above, exclude, varied)
    yield from first
    if len(first) < max(wanted, 1):
        return
    seen = {(ranked.namespace, ranked.key) for ranked in first}
    for ranked in _best(indexes, query, now, None, warm_only, above, exclude, False):
        if (ranked.namespace, ranked.key) not in seen:
            yield ranked


def _best(
    indexes: Sequence[tuple[Namespace, NamespaceIndex]],
    query: Query | None,
    now: float,
    k: int | None,
    warm_only: bool,
    above: float | None,
    exclude: Collection[str],
    varied: bool,
) -> list[Ranked]:
    found: list[_Place] = []
    for namespace, index in indexes:
        with index.lock:
            few = None if query is None or above != 0 or index.mortal else query.few(index)
            if few is not None:
                found += _best_of_few(namespace, index, few, k, warm_only, exclude, varied)
            else:
                found += _best_of_all(namespace, index, query, now, k, warm_only, above, exclude, varied)
    if len(indexes) > 1:
        found.sort(key=itemgetter(0, 1), reverse=True)
    return [ranked for _, _, ranked in found[:k]]


def _best_of_few(
    namespace: Namespace,
    index: NamespaceIndex,
    few: Mapping[int, float],
    k: int | None,
    warm_only: bool,
    exclude: Collection[str],
    varied: bool,
) -> list[_Place]:
    """Return the best of the few items that score at all, in a loop: whole arrays would take three times as long."""
    is_warm, seqs = index.warm.data, index.seqs.data
    excluded = _slots_of(index, exclude)
    places = [
        (score, seqs[slot], slot)
        for slot, score in few.items()
        if score > 0 and slot not in excluded and (is_warm[slot] or not warm_only)
    ]
    places.sort(reverse=True)
    if varied and k:
        kept = _new_among(index, [slot for _, _, slot in places], k)
        places = [places[at] for at in kept]
    return [(score, seq, Ranked(namespace, index.key(slot), score)) for score, seq, slot in places[:k]]


def _best_of_all(
    namespace: Namespace,
    index: NamespaceIndex,
    query: Query | None,
    now: float,
    k: int | None,
    warm_only: bool,
    above: float | None,
    exclude: Collection[str],
    varied: bool,
) -> list[_Place]:
    scores = None if query is None else query.scores(index)
    mask = None
    if warm_only or above is not None or exclude or not index.all_live:
        mask = index.live(now, exclude)
        if warm_only:
            mask &= index.warm
        if above is not None and scores is not None:
            mask &= scores > above
    slots = _new_of_all(index, scores, mask, k) if varied and k and mask is not None else index.order(scores, mask, k)
    picked = [None] * len(slots) if scores is None else scores[slots].tolist()
    return [
        (-np.inf, seq, Ranked(namespace, key, None))
        if score is None or score == -np.inf
        else (score, seq, Ranked(namespace, key, score))
        for score, (key, seq) in zip(picked, index.described(slots), strict=True)
    ]


def _new_of_all(
    index: NamespaceIndex, scores: NDArray[np.float32] | None, mask: NDArray[np.bool_], k: int
) -> NDArray[np.intp]:
    """Return the best `k` slots that say something new, sorting no more than it takes to find them."""
    candidates, depth = int(np.count_nonzero(mask)), 4 * k
    while True:
        slots = index.order(scores, mask, depth)
        kept = _new_among(index, slots.tolist(), k)
        if len(kept) == k or depth >= candidates:
            return slots[kept]
        depth *= 4


def _new_among(index: NamespaceIndex, slots: Sequence[int], k: int) -> list[int]:
    """Return which `k` of ranked slots say something new, as places in the ranking.

    Of items with the same words the best stands for all, and at most a quarter of the places goes to questions.
    """
    is_question = index.questions.data
    kept: list[int] = []
    said: set[int] = set()
    questions = max(k // 4, 1)
    for at, slot in enumerate(slots):
        mark, asked = index.fingerprint(slot), is_question[slot]
        if (mark and mark in said) or (asked and not questions):
            continue
        said.add(mark)
        questions -= asked
        kept.append(at)
        if len(kept) == k:
            break
    return kept
