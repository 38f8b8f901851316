"""Scorers: from the signals of each candidate to one score.

A scorer is a pure function on arrays by slot. It says beforehand whether it needs dense scores, so that a query is
embedded only when that can change the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Candidates", "DenseScorer", "HybridScorer", "LexicalScorer", "OverviewScorer", "Scorer"]

Scores: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is known of each slot of one namespace when a query is scored. The arrays belong to the index: read only.

    Args:
        lexical: Array of shape (slots,), float32, in [0, 1]: share of the best score the query could get.
        dense: Array of shape (slots,), float32, cosine; -inf where a slot has no vector. `None` without vectors.
        is_question: Array of shape (slots,), bool: the item is a question.
        importance: Array of shape (slots,), float32, in [0, 1]: how much it is likely to matter. `None`: unknown.
    """

    lexical: Scores
    dense: Scores | None
    is_question: NDArray[np.bool_]
    importance: Scores | None = None


@runtime_checkable
class Scorer(Protocol):
    """Turns candidates into scores; higher is better."""

    @property
    def needs_dense(self) -> bool:
        """Whether `score` would use dense scores, and a query has to be embedded for it."""
        ...

    def score(self, candidates: Candidates) -> Scores:
        """Return an array of shape (slots,), float32."""
        ...


@dataclass(frozen=True, slots=True)
class LexicalScorer:
    """BM25F with the context of neighbouring turns, less a penalty for items that are questions.

    Args:
        question_penalty: Subtracted from questions: they ask for what others answer.

    Example:
        >>> flags = np.array([False, True])
        >>> LexicalScorer().score(Candidates(np.array([0.5, 0.5], np.float32), None, flags)).round(2)
        array([0.5 , 0.42], dtype=float32)
    """

    question_penalty: float = 0.08

    @property
    def needs_dense(self) -> bool:
        """Never."""
        return False

    def score(self, candidates: Candidates) -> Scores:
        """Return lexical scores; items that share no word with the query keep a score <= 0."""
        return candidates.lexical - _penalty(self.question_penalty, candidates)


@dataclass(frozen=True, slots=True)
class DenseScorer:
    """Cosine similarity alone, as other stores rank."""

    @property
    def needs_dense(self) -> bool:
        """Always."""
        return True

    def score(self, candidates: Candidates) -> Scores:
        """Return cosine similarities; -inf where a slot has no vector."""
        if candidates.dense is None:
            return np.full_like(candidates.lexical, -np.inf)
        return candidates.dense


@dataclass(frozen=True, slots=True)
class HybridScorer:
    """A weighted sum of the lexical and the dense score.

    A sum and not a fusion of ranks: weak dense ranks drag good lexical ones down. The weights are those that
    `warmgraph demo --data` shows on real conversations; a recipe with more signals builds on the same protocol.

    Args:
        dense_weight: Weight of the cosine similarity.
        question_penalty: Subtracted from items that are questions.
    """

    dense_weight: float = 0.5
    question_penalty: float = 0.08

    @property
    def needs_dense(self) -> bool:
        """Whenever dense scores have a weight."""
        return self.dense_weight != 0

    def score(self, candidates: Candidates) -> Scores:
        """Return the sum; a slot without a vector counts as unrelated (cosine 0)."""
        total = candidates.lexical - _penalty(self.question_penalty, candidates)
        if self.dense_weight and candidates.dense is not None:
            dense = np.where(np.isneginf(candidates.dense), np.float32(0), candidates.dense)
            total = total + np.float32(self.dense_weight) * dense
        return total


@dataclass(frozen=True, slots=True)
class OverviewScorer:
    """What says most, for a query that names nothing, such as "What do you know about me?".

    Statements score between .1 and .5 by their importance; questions tell nothing and score 0.

    Example:
        >>> lexical, flags = np.zeros(2, np.float32), np.array([False, True])
        >>> OverviewScorer().score(Candidates(lexical, None, flags, np.ones(2, np.float32))).tolist()
        [0.5, 0.0]
    """

    @property
    def needs_dense(self) -> bool:
        """Never."""
        return False

    def score(self, candidates: Candidates) -> Scores:
        """Return importance, scaled; the words of the query are not looked at."""
        importance = candidates.importance if candidates.importance is not None else np.zeros_like(candidates.lexical)
        return np.where(candidates.is_question, np.float32(0), np.float32(0.1) + np.float32(0.4) * importance)


def _penalty(amount: float, candidates: Candidates) -> Scores:
    return candidates.is_question.astype(np.float32) * np.float32(amount)
