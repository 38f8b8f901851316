"""How a search goes through codes and cells, and what it makes of the outcome."""

from __future__ import annotations

import numpy as np

from warmgraph.index.base import BoolArray, FloatArray, Hits
from warmgraph.index.coded import CodedVectors, Found, Probing
from warmgraph.index.flat import FlatIndex
from warmgraph.index.plan import Plan
from warmgraph.index.selection import best_of_each, top_k
from warmgraph.index.signals import RoutedHits, SearchSignals

__all__ = ["find"]

_MOST = 0.5
"""Share of all slots in a mask from which cells are probed as without one, and what is not allowed is left out."""


def find(
    coded: CodedVectors, recent: FlatIndex, plan: Plan, query: FloatArray, k: int, allowed: BoolArray | None
) -> RoutedHits:
    """Return the best `k` of coded and recent vectors, and how sure that is.

    Args:
        coded: Vectors with codes.
        recent: Vectors without; all of them are compared.
        plan: How much to look at.
        query: Array of shape (dims,), float32, of length 1 or 0.
        k: How many.
        allowed: Mask over slots; `None` for all.
    """
    found, fallback = _look(coded, plan, query, k, allowed)
    hits = _ranked(coded, recent, found, query, k, allowed)
    margin = _margin(hits, found)
    if not fallback and found.boundary > -1.0 and margin < plan.fallback_margin:
        fallback = True
        wide = coded.candidates(query, Probing(*plan.fallback(coded.nlist, k)), allowed)
        found = wide._replace(nearest_cell=found.nearest_cell)
        hits = _ranked(coded, recent, found, query, k, allowed)
        margin = _margin(hits, found)
    confidence = 1.0 if found.boundary <= -1.0 else plan.confidence(margin)
    error = 1.0 - min(found.nearest_cell, 1.0)
    signals = SearchSignals(confidence, margin, error, found.probed_cells, found.candidates, fallback)
    return RoutedHits(hits, signals)


def _look(coded: CodedVectors, plan: Plan, query: FloatArray, k: int, allowed: BoolArray | None) -> tuple[Found, bool]:
    """Return candidates, and whether all vectors had to be looked at to have enough."""
    rerank = plan.rerank(k, coded.nlist)
    if 2 * rerank >= coded.places.vectors:
        return coded.exact(query, allowed), False
    share = 1.0
    if allowed is not None:
        share = min(np.count_nonzero(allowed) / len(coded), 1.0)
        if share < _MOST:
            return coded.candidates_among(query, allowed, rerank), False
    found = coded.candidates(query, Probing(plan.nprobe(coded.nlist), int(rerank / share)), allowed)
    if len(found.slots) >= k:
        return found, False
    if allowed is not None:  # what is not allowed lies where the query is
        return coded.candidates_among(query, allowed, rerank), True
    return coded.candidates(query, Probing(coded.nlist, rerank)), True


def _ranked(
    coded: CodedVectors, recent: FlatIndex, found: Found, query: FloatArray, k: int, allowed: BoolArray | None
) -> Hits:
    slots, scores = found.slots, found.scores
    if len(recent):
        newest = recent.search(query, k, allowed=allowed)
        slots, scores = np.concatenate([slots, newest.slots]), np.concatenate([scores, newest.scores])
    if coded.places.repeated:
        slots, scores = best_of_each(slots, scores)
    return top_k(slots, scores, k)


def _margin(hits: Hits, found: Found) -> float:
    return float(hits.scores[-1]) - found.boundary if len(hits.scores) else 0.0
