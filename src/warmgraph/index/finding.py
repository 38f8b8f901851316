"""How a search goes through codes and cells, and what it makes of the outcome."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from warmgraph.index.base import BoolArray, FloatArray, Hits, IntArray
from warmgraph.index.coded import CodedVectors
from warmgraph.index.flat import FlatIndex
from warmgraph.index.looking import Asked, Found, Probing
from warmgraph.index.plan import Plan
from warmgraph.index.selection import best_of_each, top_k
from warmgraph.index.signals import SearchSignals

__all__ = ["Outcome", "find"]

_MOST = 0.5
"""Share of all slots in a mask from which cells are probed as without one, and what is not allowed is left out."""


class Outcome(NamedTuple):
    """What a search found, and how.

    Attributes:
        hits: Best first.
        found: The candidates, and what routing knows about them.
        margin: Score of the last hit minus the score of the last cell probed.
        fallback: Whether the first look was not enough.
    """

    hits: Hits
    found: Found
    margin: float
    fallback: bool

    def signals(self, plan: Plan) -> SearchSignals:
        """Return how sure the search is."""
        found = self.found
        confidence = 1.0 if found.boundary <= -1.0 else plan.confidence(self.margin)
        error = 1.0 - min(found.nearest_cell, 1.0)
        return SearchSignals(confidence, self.margin, error, found.probed_cells, found.candidates, self.fallback)


def find(
    coded: CodedVectors, recent: FlatIndex, plan: Plan, query: FloatArray, k: int, allowed: BoolArray | None
) -> Outcome:
    """Return the best `k` of coded and recent vectors, and how they were found.

    Args:
        coded: Vectors with codes.
        recent: Vectors without; all of them are compared.
        plan: How much to look at.
        query: Array of shape (dims,), float32, of length 1 or 0.
        k: How many.
        allowed: Mask over slots; `None` for all.
    """
    asked = coded.ask(query)
    found, fallback = _look(coded, plan, asked, k, allowed)
    hits = _ranked(coded, recent, found, query, k, allowed)
    margin = _margin(hits, found)
    if not fallback and found.look is not None and margin < plan.fallback_margin:
        fallback = True
        lowest = float(hits.scores[-1]) if len(hits.scores) == k else -1.0
        more = coded.further(asked, found.look, plan.fallback(coded.nlist, k, lowest), allowed)
        hits = _best(coded, (hits.slots, more.slots), (hits.scores, more.scores), k)
        found = more._replace(nearest_cell=found.nearest_cell)
        margin = _margin(hits, found)
    return Outcome(hits, found, margin, fallback)


def _look(coded: CodedVectors, plan: Plan, asked: Asked, k: int, allowed: BoolArray | None) -> tuple[Found, bool]:
    """Return candidates, and whether all vectors had to be looked at to have enough."""
    rerank = plan.rerank(k, coded.nlist, coded.places.vectors)
    if 2 * rerank >= coded.places.vectors:
        return coded.exact(asked.vector, allowed), False
    share = 1.0
    if allowed is not None:
        share = min(np.count_nonzero(allowed) / len(coded), 1.0)
        if share < _MOST:
            return coded.candidates_among(asked, allowed, rerank), False
    wanted = int(_wanted(coded, k) / share)
    found = coded.candidates(
        asked, Probing(plan.nprobe(coded.nlist), wanted, int(rerank / share), plan.slack_in(coded.nlist)), allowed
    )
    if len(found.slots) >= k:
        return found, False
    if allowed is not None:  # what is not allowed lies where the query is
        return coded.candidates_among(asked, allowed, rerank), True
    return coded.candidates(asked, Probing(coded.nlist, _wanted(coded, k), rerank, plan.slack_in(coded.nlist))), True


def _wanted(coded: CodedVectors, k: int) -> int:
    """Return how many vectors stand for `k` slots."""
    return -(-k * coded.places.vectors // len(coded))


def _ranked(
    coded: CodedVectors, recent: FlatIndex, found: Found, query: FloatArray, k: int, allowed: BoolArray | None
) -> Hits:
    if not len(recent):
        return _best(coded, (found.slots,), (found.scores,), k)
    newest = recent.search(query, k, allowed=allowed)
    return _best(coded, (found.slots, newest.slots), (found.scores, newest.scores), k)


def _best(coded: CodedVectors, slots: tuple[IntArray, ...], scores: tuple[FloatArray, ...], k: int) -> Hits:
    found, values = (slots[0], scores[0]) if len(slots) == 1 else (np.concatenate(slots), np.concatenate(scores))
    if coded.places.repeated:
        found, values = best_of_each(found, values)
    return top_k(found, values, k)


def _margin(hits: Hits, found: Found) -> float:
    return float(hits.scores[-1]) - found.boundary if len(hits.scores) else 0.0
