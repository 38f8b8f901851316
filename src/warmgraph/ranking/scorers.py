"""Scorers: from the signals of each candidate to one score.

A scorer is a pure function on arrays by slot. It says beforehand whether it needs dense scores, so that a query is
embedded only when that can change the order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import NOBODY, Known, TraitTable
from warmgraph.ranking.cues import NO_CUES, Cues
from warmgraph.ranking.signals import ALL, Slots, group_means, in_neighbours, in_period

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
        known: Authors, threads, times and lengths by slot; `None`: unknown.
        cues: What the query says besides its words.
        author: Number of the only author that the query names; `NOBODY` if it names none, or several.
        related: Array of shape (slots,), float32, in [0, 1]: how well it stands in the relation that the query asks
            for (`warmgraph.ranking.related`); `None` if it asks for none.
        similar: From a slot to the cosine of every slot to it, an array of shape (slots,), float32, 0 where a slot has
            no vector. `None` without vectors.
    """

    lexical: Scores
    dense: Scores | None
    is_question: NDArray[np.bool_]
    importance: Scores | None = None
    known: Known | None = None
    cues: Cues = NO_CUES
    author: int = NOBODY
    related: Scores | None = None
    similar: Callable[[int], Scores] | None = None


@runtime_checkable
class Scorer(Protocol):
    """Turns candidates into scores; higher is better, and what scores 0 or less is not recalled."""

    @property
    def needs_dense(self) -> bool:
        """Whether `score` would use dense scores, and a query has to be embedded for it."""
        ...

    def score(self, candidates: Candidates) -> Scores:
        """Return an array of shape (slots,), float32."""
        ...


@dataclass(frozen=True, slots=True)
class LexicalScorer:
    """BM25F with the context of neighbouring turns, and what else speaks for an item or against it.

    The defaults are those of a recipe that was found on conversations of two people; what each is worth on LoCoMo in
    evidence recall@5 stands behind it. Items that share no word with the query score 0, but for those of the time
    that it speaks of.

    Args:
        question_penalty: Subtracted from items that are questions: they ask for what others answer (.02).
        author_weight: Added to items of the only author that the query names (.02).
        length_weight: Times (ln(1 + characters) - 4.4) / 6: longer items say more (.01). 4.4 is a sentence of 80
            characters; it changes no order, and keeps scores shares of the best possible one.
        when_weight: Added to items that speak of a time, if the query asks for one (.01).
        period_weight: Added to items that were said in the time that the query speaks of; half of it to those that
            were said within a week after it: what happens is told later.
        relation_weight: Weight of how well an item stands in the relation that the query asks for, as in "what came
            after the move?".

    Example:
        >>> flags = np.array([False, True])
        >>> LexicalScorer().score(Candidates(np.array([0.5, 0.5], np.float32), None, flags)).round(2)
        array([0.5 , 0.42], dtype=float32)
    """

    question_penalty: float = 0.08
    author_weight: float = 0.06
    length_weight: float = 0.09
    when_weight: float = 0.132
    period_weight: float = 0.1
    relation_weight: float = 0.3

    @classmethod
    def plain(cls) -> LexicalScorer:
        """Return a scorer by words and their context alone."""
        return cls(0, 0, 0, 0, 0, 0)

    @property
    def needs_dense(self) -> bool:
        """Never."""
        return False

    def score(self, candidates: Candidates) -> Scores:
        """Return lexical scores; items that share no word with the query keep a score <= 0."""
        return self.score_at(candidates, ALL)

    def score_at(self, candidates: Candidates, slots: Slots) -> Scores:
        """Return the scores of some slots, in their order: each is scored by what is known of it alone."""
        lexical = candidates.lexical[slots]
        scores = _signals(self, candidates, slots)
        scores += lexical
        scores *= lexical > 0
        return _add_time(scores, self, candidates, slots)

    def score_few(
        self, lexical: Mapping[int, float], is_question: memoryview, traits: TraitTable, cues: Cues, author: int
    ) -> dict[int, float]:
        """Return the same as `score` for a few slots, of a query that asks for no time or order: no arrays.

        Args:
            lexical: Lexical scores above 0 by slot.
            is_question: By slot, whether it is a question.
            traits: Authors, times and lengths.
            cues: What the query says besides its words.
            author: As in `Candidates`.
        """
        by, length, dated = traits.author, traits.length, traits.dated
        per_length, penalty = self.length_weight, self.question_penalty
        when = self.when_weight if cues.asks_when else 0.0
        if author == NOBODY and not when:  # as of most queries
            return {
                slot: score + per_length * length[slot] - (penalty if is_question[slot] else 0.0)
                for slot, score in lexical.items()
            }
        scores: dict[int, float] = {}
        for slot, score in lexical.items():
            score += per_length * length[slot]
            if is_question[slot]:
                score -= penalty
            if author != NOBODY and by[slot] == author:
                score += self.author_weight
            if when and dated[slot]:
                score += when
            scores[slot] = score
        return scores


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
    """A weighted sum of words, meaning, and what else speaks for an item or against it.

    A sum and not a fusion of ranks: weak dense ranks drag good lexical ones down. The defaults are those of a recipe
    that was found on conversations of two people; what each is worth on LoCoMo in evidence recall@5 stands behind it.
    `warmgraph bench locomo --without NAME` shows it.

    Args:
        dense_weight: Weight of the cosine similarity.
        question_penalty: Subtracted from items that are questions (.02).
        author_weight: Added to items of the only author that the query names (.02).
        length_weight: Times (ln(1 + characters) - 4.4) / 6 (.01).
        when_weight: Added to items that speak of a time, if the query asks for one (.01).
        thread_weight: Weight of the mean of the three best cosines of the item's thread: what is asked for stands
            among what is like it (.01).
        neighbour_weight: Weight of the cosines of the three items before it in its thread and the two after.
        period_weight: As in `LexicalScorer`.
        relation_weight: As in `LexicalScorer`.
    """

    dense_weight: float = 0.44
    question_penalty: float = 0.08
    author_weight: float = 0.06
    length_weight: float = 0.18
    when_weight: float = 0.132
    thread_weight: float = 0.3
    neighbour_weight: float = 0.036
    period_weight: float = 0.1
    relation_weight: float = 0.3

    @property
    def needs_dense(self) -> bool:
        """Whenever dense scores have a weight."""
        return any((self.dense_weight, self.thread_weight, self.neighbour_weight))

    def score(self, candidates: Candidates) -> Scores:
        """Return the sum; a slot without a vector counts as unrelated (cosine 0).

        Where nothing has a vector, words are what is left, and they rank as `LexicalScorer` does.
        """
        return self.score_at(candidates, ALL)

    def score_at(self, candidates: Candidates, slots: Slots) -> Scores:
        """Return the scores of some slots, in their order. What they take from other slots is taken all the same."""
        if candidates.dense is None or not self.needs_dense:
            return LexicalScorer(
                self.question_penalty,
                self.author_weight,
                self.length_weight / 2,
                self.when_weight,
                self.period_weight,
                self.relation_weight,
            ).score_at(candidates, slots)
        dense = candidates.dense
        if dense.min(initial=0) == -np.inf:
            dense = np.where(np.isneginf(dense), np.float32(0), dense)
        total = _signals(self, candidates, slots)
        total += candidates.lexical[slots]
        total += np.float32(self.dense_weight) * dense[slots]
        known = candidates.known
        if known is not None:
            if self.thread_weight:
                total += np.float32(self.thread_weight) * group_means(dense, known, slots)
            if self.neighbour_weight:
                total += np.float32(self.neighbour_weight) * in_neighbours(dense, known, slots)
        return _add_time(total, self, candidates, slots)


@dataclass(frozen=True, slots=True)
class OverviewScorer:
    """What says most, for a query that names nothing, such as "What do you know about me?".

    Statements score between .1 and .5 by their importance; questions tell nothing and score 0. Where the query speaks
    of a time, what was said at another one scores 0 as well, and what was said within a week after it an eighth.

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
        scores: Scores = np.where(candidates.is_question, np.float32(0), np.float32(0.1) + np.float32(0.4) * importance)
        period = _period(1.0, candidates, ALL)
        return scores if period is None else np.multiply(scores, period**3)


def _signals(weights: LexicalScorer | HybridScorer, candidates: Candidates, at: Slots) -> Scores:
    """Return what speaks for each item, or against it, whatever it is about."""
    total: Scores = candidates.is_question[at] * np.float32(-weights.question_penalty)
    known = candidates.known
    if known is None:
        return total
    if weights.length_weight:
        total += np.float32(weights.length_weight) * known.length[at]
    if candidates.author != NOBODY and weights.author_weight:
        total += (known.author[at] == candidates.author) * np.float32(weights.author_weight)
    if candidates.cues.asks_when and weights.when_weight:
        total += known.dated[at] * np.float32(weights.when_weight)
    return total


def _add_time(scores: Scores, weights: LexicalScorer | HybridScorer, candidates: Candidates, at: Slots) -> Scores:
    """Add what counts for items that share no word with the query as well: their time, and what they came after."""
    period = _period(weights.period_weight, candidates, at)
    if period is not None:
        scores += period
    if candidates.related is not None and weights.relation_weight:
        scores += np.float32(weights.relation_weight) * candidates.related[at]
    return scores


def _period(weight: float, candidates: Candidates, at: Slots) -> Scores | None:
    if not weight or candidates.cues.period is None or candidates.known is None:
        return None
    return in_period(candidates.known.said_at[at], candidates.cues.period, weight)
