"""Which records answer a query: lexical and vector indexes that catch up when somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from warmgraph.buffer.record import InteractionRecord
from warmgraph.index import FlatIndex, LexicalDocument, LexicalIndex, analyze
from warmgraph.index.ordering import best_first
from warmgraph.index.tokens import is_question
from warmgraph.ranking import Candidates, Scorer

__all__ = ["RecordIndex"]

Vector = NDArray[np.float32]
SIZE = 64


class RecordIndex:
    """An index of records by their words, and by vectors where there are any.

    Writing notes only what changed, in 2 us; indexing a record takes 100 us, and is done when something is looked for
    and the record is still there. Not thread-safe by itself.

    Args:
        scorer: Makes one score of what is known of each record.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._words = LexicalIndex()
        self._vectors: FlatIndex | None = None
        self._waiting: dict[int, tuple[InteractionRecord, Vector | None]] = {}
        self._leaving: list[int] = []
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self._ids = np.zeros(SIZE, np.int64)  # by slot; 0 for none
        self._questions = np.zeros(SIZE, np.bool_)
        self._importance = np.zeros(SIZE, np.float32)
        self._live: NDArray[np.intp] = np.zeros(0, np.intp)
        self._live_ids = np.zeros(0, np.int64)

    def add(self, record: InteractionRecord, vector: Vector | None) -> None:
        """Note a record."""
        self._waiting[record.interaction_id] = (record, vector)

    def discard(self, interaction_id: int) -> None:
        """Note that a record is gone."""
        if self._waiting.pop(interaction_id, None) is None:
            self._leaving.append(interaction_id)

    def best(self, query: str, vector: Vector | None, limit: int) -> list[tuple[int, float]]:
        """Return the ids of the best records with their scores, best first; of equal ones the newest."""
        self._catch_up()
        size = len(self._slots) + len(self._free)
        dense = self._vectors.scores(vector, size) if vector is not None and self._vectors is not None else None
        lexical = self._words.scores(analyze(query), size)
        scores = self._scorer.score(Candidates(lexical, dense, self._questions[:size], self._importance[:size]))
        live = self._live
        held = scores if len(live) == size else scores[live]
        best = best_first(live, held, self._live_ids, limit)
        return list(zip(self._ids[best].tolist(), scores[best].tolist(), strict=True))

    def _catch_up(self) -> None:
        if not self._waiting and not self._leaving:
            return
        self._remove(self._leaving)
        self._leaving = []
        for record, vector in self._waiting.values():
            self._insert(record, vector)
        self._waiting = {}
        self._live = np.flatnonzero(self._ids)
        self._live_ids = self._ids[self._live]

    def _remove(self, interaction_ids: Iterable[int]) -> None:
        for interaction_id in interaction_ids:
            slot = self._slots.pop(interaction_id)
            self._words.remove(slot)
            if self._vectors is not None:
                self._vectors.remove([slot])
            self._ids[slot] = 0
            self._free.append(slot)

    def _insert(self, record: InteractionRecord, vector: Vector | None) -> None:
        slot = self._free.pop() if self._free else len(self._slots)
        self._slots[record.interaction_id] = slot
        if slot == len(self._ids):
            self._ids, self._questions, self._importance = (
                np.concatenate([row, np.zeros_like(row)]) for row in (self._ids, self._questions, self._importance)
            )
        self._ids[slot] = record.interaction_id
        self._questions[slot] = is_question(record.content)
        self._importance[slot] = record.importance
        # One thread: what was said just before and after is the context of a record.
        self._words.upsert(slot, LexicalDocument(_terms(record), thread="", position=record.interaction_id))
        if vector is not None:
            if self._vectors is None:
                self._vectors = FlatIndex(len(vector))
            self._vectors.upsert([slot], vector[None, :])


def _terms(record: InteractionRecord) -> Counter[str]:
    return Counter(analyze("\n".join((record.content, record.summary, *record.tags))))
