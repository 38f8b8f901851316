"""BM25F over posting lists and thread links, by whole arrays."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import IntArray
from warmgraph.index.links import ThreadLinks
from warmgraph.index.postings import PairLists

__all__ = ["FEW", "NEXT_WEIGHTS", "PREVIOUS_WEIGHTS", "few_gains", "term_gains"]

PREVIOUS_WEIGHTS = (0.6, 0.4, 0.2, 0.1)
NEXT_WEIGHTS = (0.4, 0.2)
"""What a word counts for that stands in a neighbour, the nearest first: worth .07 of recall@5 on LoCoMo."""

K1 = 1.2
B = 0.3
"""Saturation of the frequency, and how far it is seen in relation to the length. B is low, for turns are short."""

_CELLS = 65_536
"""Terms x documents worked on in one pass: more would not stay in the processor's cache."""

_SPARSE = 40
"""A term in fewer than one of so many documents is scored in those alone, once there are many documents (measured)."""

FEW = 64
"""Postings of a query's terms, up to which a loop beats whole arrays: 17 against 32 us for ten of them, and 17 against
88 where other code has just had the processor's caches, as in the middle of a graph."""

_Floats: TypeAlias = npt.NDArray[np.float64]


def term_gains(
    weights: Sequence[tuple[int, float]],
    postings: PairLists,
    links: ThreadLinks,
    lengths: array[float],
    mean_length: float,
) -> _Floats:
    """Return the sum over the terms of weight x f / (f + K1 (1 - B + B length / mean length)), by document.

    f is the frequency of the term in a document: the count of its own terms and extra terms, and the weighted counts
    of its neighbours' own terms. What falls to document 0 means nothing.

    Args:
        weights: (term, weight). List 2 x term has the postings of own terms, list 2 x term + 1 those of extra terms.
        postings: Lists of (document, count).
        links: The neighbours of each document.
        lengths: Length by document, with its context.
        mean_length: Mean of the lengths.
    """
    scoring = _Scoring(postings, links, lengths, mean_length)
    documents = len(lengths)
    rare = []
    if documents * len(weights) > _CELLS:
        rare = [pair for pair in weights if scoring.size_of(pair[0]) * _SPARSE < documents]
        weights = [pair for pair in weights if scoring.size_of(pair[0]) * _SPARSE >= documents]
    step = max(_CELLS // documents, 1)
    for start in range(0, len(weights), step):
        scoring.add_common(weights[start : start + step])
    for term, weight in rare:
        scoring.add_rare(term, weight)
    return scoring.gains


def few_gains(
    weights: Sequence[tuple[int, float]],
    postings: PairLists,
    links: ThreadLinks,
    lengths: array[float],
    mean_length: float,
) -> dict[int, float]:
    """Return what `term_gains` does, for the documents where it is above 0 alone. Meant for terms of few postings."""
    gains: dict[int, float] = {}
    keys, counts, starts, sizes = postings.keys, postings.values, postings.starts, postings.counts
    directions = ((links.next, PREVIOUS_WEIGHTS), (links.previous, NEXT_WEIGHTS)) if links.joints else ()
    constant, per_length = K1 * (1.0 - B), K1 * B / mean_length
    for term, weight in weights:
        frequencies: dict[int, float] = {}
        start = starts[2 * term]
        for at in range(start, start + sizes[2 * term]):
            document, count = keys[at], counts[at]
            frequencies[document] = frequencies.get(document, 0.0) + count
            for neighbours, shares in directions:
                step = document
                for share in shares:
                    step = neighbours[step]
                    if not step:
                        break
                    frequencies[step] = frequencies.get(step, 0.0) + share * count
        if sizes[2 * term + 1]:
            start = starts[2 * term + 1]
            for at in range(start, start + sizes[2 * term + 1]):
                frequencies[keys[at]] = frequencies.get(keys[at], 0.0) + counts[at]
        for document, frequency in frequencies.items():
            gain = weight * frequency / (frequency + constant + per_length * lengths[document])
            gains[document] = gains.get(document, 0.0) + gain
    return gains


class _Scoring:
    """One query: views of the arrays, and what has been summed up."""

    def __init__(self, postings: PairLists, links: ThreadLinks, lengths: array[float], mean_length: float) -> None:
        self.gains = np.zeros(len(lengths))
        self._postings = postings
        self._documents = np.frombuffer(postings.keys, np.uint32)
        self._counts = np.frombuffer(postings.values, np.uint16)
        self._joined = links.joints > 0
        self._next = np.frombuffer(links.next, np.int64)
        self._previous = np.frombuffer(links.previous, np.int64)
        self._lengths = np.frombuffer(lengths, np.float64)
        self._per_length = K1 * B / mean_length
        self._frequencies: _Floats | None = None

    def size_of(self, term: int) -> int:
        return self._postings.counts[2 * term] + self._postings.counts[2 * term + 1]

    def add_common(self, weights: Sequence[tuple[int, float]]) -> None:
        """Score every document, for several terms at once."""
        height, width = len(weights), len(self.gains)
        table = self._frequencies_of([term for term, _ in weights]).reshape(height, width)
        np.divide(table, table + self._normalisation(self._lengths), out=table)
        self.gains += np.array([weight for _, weight in weights]) @ table

    def _frequencies_of(self, terms: Sequence[int]) -> _Floats:
        """Return the frequency of each term in every document, term by term: an array of shape (terms x documents,)."""
        width, joined = len(self.gains), len(_SPREAD) if self._joined else 1
        lists = [2 * term for term in terms] + [2 * term + 1 for term in terms]
        starts, sizes = self._postings.starts, [self._postings.counts[number] for number in lists]
        spans = [slice(starts[number], starts[number] + size) for number, size in zip(lists, sizes, strict=True)]
        documents = np.concatenate([self._documents[span] for span in spans])
        counts = np.concatenate([self._counts[span] for span in spans])
        own = sum(sizes[: len(terms)])
        rows = np.repeat(np.array([*range(0, width * len(terms), width)] * 2), sizes)
        # What stands in a document's context counts in part, what is extra does not spread: both are summed up at once.
        spread = joined * own
        cells, shares = np.empty(spread + len(documents) - own, np.int64), np.empty(spread + len(documents) - own)
        reached = cells[:spread].reshape(joined, own)
        self._reach(documents[:own], reached)
        reached += rows[:own]
        np.add(documents[own:], rows[own:], out=cells[spread:])
        np.multiply(_SPREAD[:joined], counts[:own], out=shares[:spread].reshape(joined, own))
        shares[spread:] = counts[own:]
        # It makes int64 of no cell, whatever the weights.
        return np.bincount(cells, shares, width * len(terms)).astype(np.float64, copy=False)

    def add_rare(self, term: int, weight: float) -> None:
        """Score the documents that have a term in their context or among their extra terms, and no others."""
        if self._frequencies is None:
            self._frequencies = np.zeros(len(self.gains))
        own, own_counts = self._list(2 * term)
        extra, extra_counts = self._list(2 * term + 1)
        spread = _SPREAD if self._joined else _SPREAD[:1]
        cells = np.empty((len(spread), len(own)), np.int64)
        self._reach(own, cells)
        for row, share in zip(cells, spread, strict=True):  # within a row no document stands twice
            self._frequencies[row] += share * own_counts
        self._frequencies[extra] += extra_counts
        touched = np.concatenate((cells.ravel(), extra))
        frequencies = self._frequencies[touched]
        # A document that is touched twice gets the same sum twice: this is an assignment.
        self.gains[touched] += weight * frequencies / (frequencies + self._normalisation(self._lengths[touched]))
        self._frequencies[touched] = 0.0

    def _normalisation(self, lengths: _Floats) -> _Floats:
        return K1 * (1.0 - B) + self._per_length * lengths

    def _list(self, number: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
        """Return the documents and counts of a list."""
        span = slice(*self._postings.span(number))
        return self._documents[span], self._counts[span]

    def _reach(self, documents: npt.NDArray[np.uint32], reached: IntArray) -> None:
        """Write the documents that have these in their context into an array of shape (m, n), as `_SPREAD` has it."""
        reached[0] = documents
        if len(reached) == 1:
            return
        row = 1
        for neighbours, steps in ((self._next, len(PREVIOUS_WEIGHTS)), (self._previous, len(NEXT_WEIGHTS))):
            at = reached[0]
            for _ in range(steps):
                at = neighbours.take(at, out=reached[row], mode="clip")
                row += 1


# What comes after a document has it among its previous ones.
_SPREAD = np.array([1.0, *PREVIOUS_WEIGHTS, *NEXT_WEIGHTS])[:, None]
