"""Scorers: from signals to scores."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from warmgraph.index import Known
from warmgraph.ranking import Candidates, Cues, DenseScorer, HybridScorer, LexicalScorer, Period, Scorer

LEXICAL = np.array([0.9, 0.5, 0.5, 0.0], np.float32)
DENSE = np.array([0.1, 0.8, -np.inf, -0.4], np.float32)
QUESTIONS = np.array([False, False, True, False])
SEEN = Candidates(LEXICAL, DENSE, QUESTIONS)


def test_words_alone_rank_answers_before_questions() -> None:
    """The lexical scorer takes something off questions and nothing off the rest."""
    assert_allclose([0.9, 0.5, 0.42, 0.0], LexicalScorer().score(SEEN), rtol=1e-6)
    assert_allclose(LEXICAL, LexicalScorer(question_penalty=0).score(SEEN))


def test_dense_scores_are_left_alone() -> None:
    """The dense scorer returns cosines, -inf where there is no vector."""
    assert_allclose(DENSE, DenseScorer().score(SEEN))
    assert_allclose([-np.inf] * 4, DenseScorer().score(Candidates(LEXICAL, None, QUESTIONS)))


def test_hybrid_is_a_weighted_sum() -> None:
    """A slot without a vector counts as unrelated, and without vectors words are what is left."""
    words = HybridScorer(dense_weight=0, thread_weight=0, neighbour_weight=0)
    assert_allclose([0.95, 0.9, 0.42, -0.2], HybridScorer(dense_weight=0.5).score(SEEN), rtol=1e-6)
    assert_allclose([0.9, 0.5, 0.42, 0.0], HybridScorer().score(Candidates(LEXICAL, None, QUESTIONS)), rtol=1e-6)
    assert_allclose([0.9, 0.5, 0.42, 0.0], words.score(SEEN), rtol=1e-6)


def test_a_scorer_says_whether_it_needs_the_query_embedded() -> None:
    """Nothing is embedded for a scorer that would not look at it."""
    words = HybridScorer(dense_weight=0, thread_weight=0, neighbour_weight=0)
    scorers: list[Scorer] = [LexicalScorer(), DenseScorer(), HybridScorer(), HybridScorer(dense_weight=0), words]
    assert [False, True, True, True, False] == [scorer.needs_dense for scorer in scorers]


@pytest.mark.parametrize("scorer", [LexicalScorer(), DenseScorer(), HybridScorer()])
def test_scores_are_float32_and_signals_stay_as_they_are(scorer: Scorer) -> None:
    """A scorer is a pure function: signals may be read-only, and scores are float32 by slot."""
    lexical, dense = LEXICAL.copy(), DENSE.copy()
    lexical.flags.writeable = dense.flags.writeable = False
    scores = scorer.score(Candidates(lexical, dense, QUESTIONS))
    assert ("float32", (4,)) == (scores.dtype.name, scores.shape)


def test_some_slots_score_what_they_do_among_all() -> None:
    """Traits, times and relations of an item are taken from its own slot."""
    rng, size = np.random.default_rng(0), 40
    none = np.full(size + 1, size)
    known = Known(
        author=rng.integers(0, 3, size).astype(np.int32),
        length=rng.random(size, np.float32),
        dated=rng.random(size) < 0.5,
        said_at=rng.random(size) * 200,
        previous=none,
        next=none,
        thread=rng.integers(-1, 3, size),
    )
    candidates = Candidates(
        lexical=np.maximum(rng.random(size, np.float32) - np.float32(0.3), 0),
        dense=None,
        is_question=rng.random(size) < 0.3,
        known=known,
        cues=Cues(period=Period(50.0, 120.0, (0, 0), False), asks_when=True),
        author=1,
        related=rng.random(size, np.float32),
    )
    slots = rng.permutation(size)[:17]
    scorer = LexicalScorer()
    assert scorer.score(candidates)[slots].tolist() == scorer.score_at(candidates, slots).tolist()
