"""Ranking over the indexes of one or many namespaces, shared by both stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.errors import WarmGraphError
from warmgraph.index import NOBODY, NamespaceIndex
from warmgraph.index.ordering import best_first
from warmgraph.index.selection import lower_bound
from warmgraph.ranking import NO_CUES, Candidates, Cues, DenseScorer, HybridScorer, LexicalScorer, Scorer, related
from warmgraph.store.across import Ranked, rank_across
from warmgraph.store.few import PLACES, Glance, best_of_few, glance_of, look_at_few
from warmgraph.store.many import look_at_many, new_of_many
from warmgraph.store.plan import Search
from warmgraph.store.recalls import Dropped, DropReason

__all__ = ["Glance", "Query", "Ranked", "look", "note_dropped", "rank"]

Namespace: TypeAlias = tuple[str, ...]
MOST_DROPPED = 64
"""A filter that nearly nothing matches must not turn an answer into a list of what it is not."""
NO_SCORE = np.float32(-np.inf)
_WITHOUT_IMPORTANCE = (LexicalScorer, HybridScorer)

BEST_BY_WORDS, CROWD = 50, 1000
"""Items with the best words whose vectors are compared exactly in a large namespace; and how many there may be, where
many are equally good."""

FIRST, SECOND = 32, 512
"""Vectors looked for in a large namespace: a page and the next ones come from one search of that many, so that they do
not overlap. Where a filter lets too few of them through, all vectors are compared."""


class Query(NamedTuple):
    """What to rank by.

    Args:
        terms: The query's terms.
        vector: Its embedding, of shape (dims,); `None` when it was not embedded.
        scorer: From signals to scores.
        cues: What it says besides its words.
        events: The terms of each event that its relation names.
        failure: Why it was not embedded, although the scorer asked for that.
    """

    terms: Sequence[str]
    vector: NDArray[np.float32] | None
    scorer: Scorer
    cues: Cues = NO_CUES
    events: Sequence[Sequence[str]] = ()
    failure: WarmGraphError | None = None

    @property
    def only_dense(self) -> bool:
        """Whether the similarity of vectors decides alone."""
        return self.vector is not None and type(self.scorer) is DenseScorer

    @property
    def only_words(self) -> bool:
        """Whether words decide, and what is known of an item by itself."""
        return self.vector is None and type(self.scorer) is LexicalScorer  # not one of somebody's own

    @property
    def timely(self) -> bool:
        """Whether items may count that have no word in common with the query: it speaks of a time, or of an order."""
        return self.cues.period is not None or bool(self.events)

    def scores(self, index: NamespaceIndex) -> NDArray[np.float32]:
        """Return scores by slot, -inf where an item is not searchable. The caller holds the index's lock."""
        if isinstance(self.scorer, DenseScorer):
            dense = None if self.vector is None else index.dense(self.vector)
            return dense if dense is not None else np.full(index.size, NO_SCORE)
        candidates, known = self._candidates(index)
        return np.where(known, self.scorer.score(candidates), NO_SCORE)

    def scores_at(self, index: NamespaceIndex, slots: NDArray[np.intp], *, few: bool = False) -> NDArray[np.float32]:
        """Return the scores of some slots, in their order, -inf where an item is not searchable.

        The caller holds the index's lock.

        Args:
            index: Whose items.
            slots: Array of shape (n,).
            few: Whether they are few, of which those above 0 are wanted: nothing about them is estimated, and 0 will
                do where an item is not searchable.
        """
        if isinstance(self.scorer, DenseScorer):
            return self.scores(index)[slots]
        if few and self.only_words and not self.timely:  # what is not searchable shares no word with the query
            assert isinstance(self.scorer, LexicalScorer)
            words = Candidates(
                index.lexical(self.terms), None, index.questions, None, index.known, self.cues, self._author(index)
            )
            return self.scorer.score_at(words, slots)
        candidates, known = self._candidates(index, slots if few else None)
        if type(self.scorer) is LexicalScorer or type(self.scorer) is HybridScorer:
            scores = self.scorer.score_at(candidates, slots)
        else:
            scores = self.scorer.score(candidates)[slots]
        return np.where(known[slots], scores, NO_SCORE)

    def _candidates(
        self, index: NamespaceIndex, exactly: NDArray[np.intp] | None = None
    ) -> tuple[Candidates, NDArray[np.bool_]]:
        """Return the signals of all slots, and which of these are searchable."""
        lexical = index.lexical(self.terms)
        dense = None if self.vector is None else _dense(index, self.vector, lexical, exactly)
        candidates = Candidates(
            lexical=lexical,
            dense=dense,
            is_question=index.questions,
            importance=index.importances if type(self.scorer) not in _WITHOUT_IMPORTANCE else None,
            known=index.known,
            cues=self.cues,
            author=self._author(index),
            related=self._related(index),
            similar=None if dense is None else partial(_similar, index),
        )
        if dense is None:
            return candidates, index.indexed
        known = dense != NO_SCORE
        return candidates, known if known.all() else known | index.indexed

    def few(self, index: NamespaceIndex) -> Mapping[int, float] | None:
        """Return the lexical scores above 0 by slot, if words alone decide and few items have any; else `None`."""
        if not self.only_words or self.timely:
            return None
        return index.few(self.terms)

    def score_few(self, index: NamespaceIndex, few: Mapping[int, float]) -> Mapping[int, float]:
        """Return the scores of the slots that `few` returned."""
        assert isinstance(self.scorer, LexicalScorer)
        return self.scorer.score_few(few, index.views.question, index.traits, self.cues, self._author(index))

    def _related(self, index: NamespaceIndex) -> NDArray[np.float32] | None:
        """Return how well each slot stands in the relation that the query asks for, `None` if it asks for none."""
        if self.cues.relation is None or not self.events:
            return None
        return related(self.cues.relation.kind, [index.lexical(terms) for terms in self.events], index.known)

    def _author(self, index: NamespaceIndex) -> int:
        """Return the number of the only author that the query names, or `NOBODY`."""
        named = index.traits.named(self.cues.words) if self.cues.words else {}
        return next(iter(named.values())) if len(named) == 1 else NOBODY


def _dense(
    index: NamespaceIndex,
    vector: NDArray[np.float32],
    lexical: NDArray[np.float32],
    exactly: NDArray[np.intp] | None,
) -> NDArray[np.float32] | None:
    """Return dense scores by slot: of a large namespace exact for what is best in either way, and for `exactly`.

    What is recalled is among the nearest vectors or has the best words. What an item takes from its thread and its
    neighbours rests on the others too; for that, what codes tell of them is enough.
    """
    if not index.estimates_differ:
        return index.dense(vector)
    best = np.flatnonzero(lexical >= max(float(lower_bound(lexical, BEST_BY_WORDS)), 1e-6))
    if len(best) > CROWD:  # many are equally good
        best = best[np.argpartition(-lexical[best], CROWD)[:CROWD]]
    return index.estimates(vector, best if exactly is None else np.union1d(best, exactly))


def _similar(index: NamespaceIndex, slot: int) -> NDArray[np.float32]:
    """Return the cosine of every slot to one, 0 without a vector; of several vectors the nearest count."""
    found = np.zeros(index.size, np.float32)
    if index.vectors is not None:
        for vector in index.vectors.vectors_of(slot):
            scores = index.dense(vector)
            if scores is not None:
                np.maximum(found, scores, out=found)
    return found


def note_dropped(search: Search, ranked: Ranked, reason: DropReason) -> None:
    """Note, for whoever asked, that an item was ranked and is left out."""
    if search.dropped is not None and len(search.dropped) < MOST_DROPPED:
        search.dropped.append(Dropped(ranked.key, ranked.score, reason))


_Place: TypeAlias = tuple[float, int, Ranked]


def look(index: NamespaceIndex, query: Query, now: float, exclude: Collection[str] = ()) -> Glance:
    """Score all items of a namespace by their words, and compare the warm ones with the cold ones.

    Where the query speaks of a time, or of an order of events, that decides as much as words do: what ranks is compared
    as well, and the comparison that is less in favour of the warm items is returned.
    """
    timely = query.vector is None and query.timely
    with index.lock:
        few = None if index.mortal or timely else index.few(query.terms)
        if few is not None:
            return look_at_few(index, few, exclude)
        lexical = index.lexical(query.terms)
        if not index.mortal and not timely:
            return look_at_many(index, lexical, exclude)
        live = index.live(now, exclude)
        warm = live & index.warm
        views = [lexical]
        if timely:
            views.append(np.maximum(query.scores(index), np.float32(0)))
    return min((_glance(scores, live, warm) for scores in views), key=_in_favour)


def _glance(scores: NDArray[np.float32], live: NDArray[np.bool_], warm: NDArray[np.bool_]) -> Glance:
    items, warm_items = int(np.count_nonzero(live)), int(np.count_nonzero(warm))
    warm_scores = scores[warm]
    if warm_items > PLACES:
        warm_scores = np.partition(warm_scores, warm_items - PLACES)[-PLACES:]
    cold_scores = scores[live & ~warm]
    return glance_of(warm_scores.tolist(), cold_scores.max().item() if len(cold_scores) else 0.0, warm_items, items)


def _in_favour(glance: Glance) -> float:
    return (glance.best_warm or 0.0) - (glance.best_cold or 0.0)


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
    dropped: list[Dropped] | None = None,
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
        dropped: Takes what `varied` leaves out.
    """
    seen: set[tuple[Namespace, str]] = set()
    if len(indexes) > 1 and query is not None and query.only_dense and not warm_only and above is None:
        assert query.vector is not None
        for ranked in rank_across(indexes, query.vector, now=now, wanted=wanted, exclude=exclude):
            seen.add((ranked.namespace, ranked.key))
            yield ranked
    if not seen:
        routed = query is not None and query.only_dense and not all(index.compares_all for _, index in indexes)
        for depth in (max(wanted, 1), SECOND) if routed else (max(wanted, 1),):
            found = _best(indexes, query, now, depth, warm_only, above, exclude, varied, dropped)
            yield from found if not seen else [each for each in found if (each.namespace, each.key) not in seen]
            seen.update((ranked.namespace, ranked.key) for ranked in found)
        if len(found) < depth and not routed:  # of routed ones, those without a vector are missing
            return
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
    dropped: list[Dropped] | None = None,
) -> list[Ranked]:
    found: list[_Place] = []
    for namespace, index in indexes:
        with index.lock:
            few = None if query is None or above != 0 or index.mortal else query.few(index)
            if few is not None:
                assert query is not None
                scores = query.score_few(index, few)
                places = best_of_few(
                    index, scores, k, warm_only=warm_only, exclude=exclude, varied=varied, dropped=dropped
                )
                found += [(score, seq, Ranked(namespace, index.key(slot), score)) for score, seq, slot in places]
                continue
            slots, picked = _best_of_all(index, query, now, k, warm_only, above, exclude, varied, dropped)
            if len(indexes) == 1:  # it is in order, and nothing is to be compared with it
                return list(map(Ranked, repeat(namespace), index.keys_of(slots), picked))
            found += [
                (-np.inf if score is None else score, seq, Ranked(namespace, key, score))
                for score, (key, seq) in zip(picked, index.described(slots), strict=True)
            ]
    if len(indexes) > 1:
        found.sort(key=itemgetter(0, 1), reverse=True)
    return [ranked for _, _, ranked in found[:k]]


def _best_of_all(
    index: NamespaceIndex,
    query: Query | None,
    now: float,
    k: int | None,
    warm_only: bool,
    above: float | None,
    exclude: Collection[str],
    varied: bool,
    dropped: list[Dropped] | None,
) -> tuple[NDArray[np.intp], list[float | None]]:
    """Return the slots in order, with their scores."""
    mask = None
    if warm_only or above is not None or exclude or not index.all_live:
        mask = index.live(now, exclude)
        if warm_only:
            mask &= index.warm
    if query is not None and query.only_dense and not index.compares_all:
        wanted = int(np.count_nonzero(mask)) if mask is not None and warm_only and k is None else k
        if wanted is not None and wanted <= SECOND:
            return _nearest(index, query, wanted, mask, above)
    slots, scores = _scored(index, query, mask, warm_only, above)
    if varied and k:
        places = new_of_many(index, slots, scores, k, dropped)
    else:
        places = index.order(slots, scores, k)
    best = places if slots is None else slots[places]
    if scores is None:
        return best, [None] * len(best)
    picked: list[float | None] = scores[places].tolist()
    if picked and picked[-1] == -np.inf:  # the last ones have no vector
        picked = [None if score == -np.inf else score for score in picked]
    return best, picked


def _scored(
    index: NamespaceIndex,
    query: Query | None,
    mask: NDArray[np.bool_] | None,
    warm_only: bool,
    above: float | None,
) -> tuple[NDArray[np.intp] | None, NDArray[np.float32] | None]:
    """Return the slots of a mask, `None` for all, and their scores, `None` without a query."""
    if query is None:
        return None if mask is None else np.flatnonzero(mask), None
    if mask is None:
        return None, query.scores(index)
    if query.only_words and above == 0 and not query.timely:
        mask &= index.lexical(query.terms) > 0
    slots = np.flatnonzero(mask)
    scores = query.scores_at(index, slots, few=warm_only and above == 0)
    if above is not None:
        better = np.flatnonzero(scores > above)
        slots, scores = slots[better], scores[better]
    return slots, scores


def _nearest(
    index: NamespaceIndex, query: Query, k: int, mask: NDArray[np.bool_] | None, above: float | None
) -> tuple[NDArray[np.intp], list[float | None]]:
    """Return the slots whose vectors are nearest, in order, with their scores, without looking at all of them."""
    assert query.vector is not None
    slots, scores = index.nearest(query.vector, FIRST if k <= FIRST else SECOND, mask)
    if above is not None:
        slots, scores = slots[scores > above], scores[scores > above]
    order = best_first(np.arange(len(slots)), scores, index.seqs[slots], k)
    picked: list[float | None] = scores[order].tolist()
    return slots[order], picked
