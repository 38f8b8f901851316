"""Ranking over the indexes of one or many namespaces, shared by both stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import NamespaceIndex
from warmgraph.ranking import Candidates, DenseScorer, Scorer

__all__ = ["Glance", "Query", "Ranked", "look", "rank"]

Namespace: TypeAlias = tuple[str, ...]
NO_SCORE = np.float32(-np.inf)


@dataclass(frozen=True, slots=True)
class Query:
    """What to rank by.

    Args:
        terms: The query's terms.
        vector: Its embedding, of shape (dims,); `None` when it was not embedded.
        scorer: From signals to scores.
    """

    terms: Sequence[str]
    vector: NDArray[np.float32] | None
    scorer: Scorer

    def scores(self, index: NamespaceIndex) -> NDArray[np.float32]:
        """Return scores by slot, -inf where an item is not searchable. The caller holds the index's lock."""
        dense = None if self.vector is None else index.dense(self.vector)
        if isinstance(self.scorer, DenseScorer):
            return dense if dense is not None else np.full(index.size, NO_SCORE)
        known = index.indexed if dense is None else index.indexed | (dense != NO_SCORE)
        scores = self.scorer.score(Candidates(index.lexical(self.terms), dense, index.questions, index.importances))
        return np.where(known, scores, NO_SCORE)


class Ranked(NamedTuple):
    """A place in a ranking. `score` is `None` for an item that is not searchable, or without a query."""

    namespace: Namespace
    key: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Glance:
    """What one lexical pass over a namespace saw: `Signals`, and the lead of the best warm item over the next."""

    best_warm: float | None
    best_cold: float | None
    lead: float
    warm_items: int
    items: int


def look(index: NamespaceIndex, terms: Sequence[str], now: float, exclude: Collection[str] = ()) -> Glance:
    """Score all items of a namespace by their words, and compare the warm ones with the cold ones."""
    with index.lock:
        live = index.live(now, exclude)
        warm = live & index.warm
        scores = index.lexical(terms)
    items, warm_items = int(np.count_nonzero(live)), int(np.count_nonzero(warm))
    best_warm = best_cold = None
    lead = 0.0
    if warm_items:
        warm_scores = scores[warm]
        first = int(warm_scores.argmax())
        best_warm = lead = float(warm_scores[first])
        if warm_items > 1:
            warm_scores[first] = -np.inf
            lead -= float(warm_scores.max())
    if items > warm_items:
        best_cold = float(scores[live & ~warm].max())
    return Glance(best_warm, best_cold, lead, warm_items, items)


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
        varied: Leaves out, among the first `wanted`, what repeats others; see `NamespaceIndex.varied`.
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
    found: list[tuple[float, int, Ranked]] = []
    for namespace, index in indexes:
        with index.lock:
            scores = None if query is None else query.scores(index)
            mask = index.live(now, exclude)
            if warm_only:
                mask &= index.warm
            if above is not None and scores is not None:
                mask &= scores > above
            slots = _varied(index, scores, mask, k) if varied and k else index.order(scores, mask, k)
            picked = [None] * len(slots) if scores is None else scores[slots].tolist()
            for score, (key, seq) in zip(picked, index.described(slots), strict=True):
                if score is None or score == -np.inf:
                    found.append((-np.inf, seq, Ranked(namespace, key, None)))
                else:
                    found.append((score, seq, Ranked(namespace, key, score)))
    if len(indexes) > 1:
        found.sort(key=itemgetter(0, 1), reverse=True)
    return [ranked for _, _, ranked in found[:k]]


def _varied(
    index: NamespaceIndex, scores: NDArray[np.float32] | None, mask: NDArray[np.bool_], k: int
) -> NDArray[np.intp]:
    """Return the best `k` slots that say something new, sorting no more than it takes to find them."""
    candidates, depth = int(np.count_nonzero(mask)), 4 * k
    while True:
        slots = index.varied(index.order(scores, mask, depth), k)
        if len(slots) == k or depth >= candidates:
            return slots
        depth *= 4
