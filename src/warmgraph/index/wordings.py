"""The words of the items of one namespace: indexed when first asked for, and what follows from them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index.base import FloatArray, IndexStats
from warmgraph.index.lexical import LexicalDocument, LexicalIndex
from warmgraph.index.traits import Known, TraitTable

__all__ = ["Document", "Wordings"]

Document: TypeAlias = LexicalDocument | Callable[[], LexicalDocument] | None

PENDING_BYTES = 1_900
"""What the document of a turn of conversation takes, indexed or not (measured on 100,000 of them)."""


class Wordings:
    """A `LexicalIndex` by slot whose documents may wait, with fingerprints and importance.

    A document that is handed over as a function is made and indexed when somebody asks for words: a buffer that is
    only ever read by key, or searched by vectors, never pays for them (20 us a write, against 6 for all the rest).
    """

    def __init__(self) -> None:
        self.index: LexicalIndex = LexicalIndex()
        self._traits: TraitTable = TraitTable()
        self._pending: dict[int, Callable[[], LexicalDocument]] = {}
        self._indexed = bytearray()
        self._fingerprint = array("q")  # of an item's words; 0 for none
        self._importance = array("f")
        self._given: dict[int, float] = {}
        self._masses: list[float] = []  # of all documents, ascending
        self._mass_of: dict[int, float] = {}
        self._scored: tuple[list[str], FloatArray] | None = None
        self._few: tuple[list[str], Mapping[int, float] | None] | None = None

    def set(self, slot: int, document: Document, importance: float | None) -> None:
        """Give a slot its words, in place of those it had.

        Args:
            slot: The slot.
            document: Its document, or a function that makes it when first needed; `None` for none.
            importance: As given by the record, in [0, 1]; `None` to take it from the words.
        """
        while len(self._indexed) <= slot:
            self._indexed.append(0)
            self._fingerprint.append(0)
            self._importance.append(0.0)
        self._scored = self._few = None
        self._pending.pop(slot, None)
        self._given.pop(slot, None)
        if importance is not None:
            self._given[slot] = importance
        if callable(document):
            self._pending[slot] = document
            self._importance[slot] = importance or 0.0
        elif document is not None:
            self._add(slot, document)
        else:
            self._forget_words(slot)
            self._importance[slot] = importance or 0.0
        self._indexed[slot] = document is not None

    def forget(self, slot: int) -> None:
        """Forget the words of a slot."""
        self._scored = self._few = None
        self._pending.pop(slot, None)
        self._given.pop(slot, None)
        self._indexed[slot] = False
        self._forget_words(slot)

    def scores(self, terms: Sequence[str], size: int) -> FloatArray:
        """Return lexical scores by slot: array of shape (size,), float32, in [0, 1], read-only.

        The answer to the last query is kept until something changes: a recall looks at it two or three times.
        """
        self.index_pending()
        if self._scored is None or self._scored[0] != terms:
            scores = self.index.scores(terms, size)
            scores.flags.writeable = False
            self._scored = list(terms), scores
        return self._scored[1]

    def few(self, terms: Sequence[str]) -> Mapping[int, float] | None:
        """Return the lexical scores above 0 by slot, if the terms are so rare that these are few; else `None`."""
        self.index_pending()
        if self._few is None or self._few[0] != terms:
            self._few = list(terms), self.index.few_scores(terms)
        return self._few[1]

    def indexed(self, size: int) -> NDArray[np.bool_]:
        """Return which slots have a document: array of shape (size,), bool."""
        flags = np.zeros(size, bool)
        flags[: len(self._indexed)] = np.frombuffer(self._indexed, bool)
        return flags

    def has_document(self, slot: int) -> bool:
        """Whether a slot has a document."""
        return slot < len(self._indexed) and bool(self._indexed[slot])

    def importances(self, size: int) -> FloatArray:
        """Return how much the item in each slot is likely to matter: array of shape (size,), float32, in [0, 1]."""
        self.index_pending()
        found = np.zeros(size, np.float32)
        found[: len(self._importance)] = np.frombuffer(self._importance, np.float32)
        return found

    def importance(self, slot: int) -> float | None:
        """Return how much one item is likely to matter, in [0, 1].

        As given by the record; else the share of earlier items whose words are more common than its own. `None` while
        its document waits: to judge it is no reason to index it.
        """
        return None if slot in self._pending and slot not in self._given else self._importance[slot]

    @property
    def fingerprints(self) -> Sequence[int]:
        """By slot, a number that items with the same words share; 0 for those without words."""
        self.index_pending()
        return self._fingerprint

    @property
    def traits(self) -> TraitTable:
        """What else is known of the items."""
        self.index_pending()
        return self._traits

    def known(self, size: int) -> Known:
        """Return what else is known of the items as arrays of shape (size,), made once until something changes."""
        return self.traits.known(size, *self.index.neighbours)

    def stats(self) -> IndexStats:
        """Return the size of the lexical index."""
        self.index_pending()
        return self.index.stats()

    def ram_bytes(self) -> int:
        """Estimate the bytes held in RAM, without indexing what waits."""
        return (
            self.index.stats().ram_bytes
            + len(self._pending) * PENDING_BYTES
            + 13 * len(self._indexed)
            + (self._traits.ram_bytes())
        )

    def description(self, slot: int) -> tuple[object, ...]:
        """Return whether a slot has words, the importance it was given, what its words say, its traits; for tests."""
        mass = round(self.index.idf_mass(slot), 6)
        return self.has_document(slot), self._given.get(slot), mass, self._traits.of(slot)

    def index_pending(self) -> None:
        """Index the documents that wait, in the order in which they came."""
        while self._pending:
            slot, make = next(iter(self._pending.items()))
            self._add(slot, make())  # one that cannot be made stays: whoever asks for words hears of it
            del self._pending[slot]

    def _add(self, slot: int, document: LexicalDocument) -> None:
        self._forget_mass(slot)
        self.index.upsert(slot, document)
        self._traits.set(slot, document.traits, document.thread)
        self._fingerprint[slot] = hash(frozenset(document.terms.items())) if document.terms else 0
        mass = self.index.idf_mass(slot)
        rank = bisect_left(self._masses, mass)
        given = self._given.get(slot)
        self._importance[slot] = given if given is not None else rank / max(len(self._masses), 1)
        self._masses.insert(rank, mass)
        self._mass_of[slot] = mass

    def _forget_words(self, slot: int) -> None:
        self.index.remove(slot)
        self._traits.forget(slot)
        self._fingerprint[slot] = 0
        self._forget_mass(slot)

    def _forget_mass(self, slot: int) -> None:
        mass = self._mass_of.pop(slot, None)
        if mass is not None:
            del self._masses[bisect_left(self._masses, mass)]

    def _check(self, live: Collection[int]) -> None:
        self.index_pending()
        assert len(self.index) == sum(self._indexed)
        assert len(self._masses) == len(self._mass_of) == len(self.index)
        assert set(self._given) <= set(live)
        assert {slot for slot, flag in enumerate(self._indexed) if flag} <= set(live)
        self.index._check()
