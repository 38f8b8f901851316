"""A second recall from what the first one found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from warmgraph.ranking import Candidates, HybridScorer, LexicalScorer, Scorer, TwoHopScorer
from warmgraph.store import MemoryRecord, WarmStore
from warmgraph.testing import LookupEmbeddings

ANA = ("memories", "ana")
QUESTION = "Which places has Ana been to?"
# Of three trips only the first is near the question; the other two are near the first.
SAID = {
    "porto": ("Ana", "one", "Porto was the place to be.", [0.6, 0.8, 0.0]),
    "same": ("Ana", "one", "Trains again.", [0.5, 0.86, 0.0]),
    "rome": ("Ana", "two", "Rome in the rain.", [0.0, 1.0, 0.0]),
    "ben": ("Ben", "two", "Oslo in the snow.", [0.0, 0.99, 0.14]),
    "soup": ("Ana", "three", "The soup is hot.", [0.15, 0.0, 0.99]),
    "tea": ("Ana", "four", "The tea is cold.", [0.14, 0.0, 0.99]),
}


def recalled(scorer: Scorer) -> list[str]:
    """Return what a store with a scorer recalls."""
    vectors: dict[str, Any] = {text: vector for _, _, text, vector in SAID.values()}
    model = LookupEmbeddings({**vectors, QUESTION: [1, 0, 0], "Which places has I been to?": [1, 0, 0]})
    index: Any = {"embed": model, "fields": ["content"]}
    with WarmStore(index=index, scorer=scorer) as store:
        for at, (key, (author, thread, text, _)) in enumerate(SAID.items()):
            record = MemoryRecord(content=text, author=author, thread_id=thread, position=at)
            store.put(ANA, key, record.to_value(), index=["content"])
        return [item.key for item in store.recall_long_term(ANA, QUESTION).items]


def test_what_is_like_the_best_is_found_in_other_threads() -> None:
    """Another trip of the one who is named comes before what is a little nearer to the question."""
    plain, hopped = recalled(HybridScorer()), recalled(TwoHopScorer(kept=1, starts=1, weight=1.0))
    assert "porto" == plain[0] == hopped[0]
    assert plain.index("rome") > plain.index("soup")
    assert hopped.index("rome") < hopped.index("soup")
    assert "ben" not in hopped[: hopped.index("rome")]


def test_the_first_keep_their_places() -> None:
    """However much the second recall finds, and in the order they had."""
    plain, hopped = recalled(HybridScorer()), recalled(TwoHopScorer(kept=3, weight=50.0))
    assert plain[:3] == hopped[:3]
    assert sorted(plain) == sorted(hopped)


def test_without_vectors_the_first_scorer_ranks() -> None:
    """There is nothing to look from."""
    words = np.array([0.9, 0.5, 0.0], np.float32)
    seen = Candidates(words, None, np.zeros(3, np.bool_))
    assert_allclose(HybridScorer().score(seen), TwoHopScorer().score(seen))
    assert_allclose(LexicalScorer().score(seen), TwoHopScorer(LexicalScorer()).score(seen))


@pytest.mark.parametrize(("first", "needs"), [(HybridScorer(), True), (LexicalScorer(), False)])
def test_it_needs_vectors_if_the_first_does(first: Scorer, needs: bool) -> None:
    """A query is not embedded for a second recall alone."""
    scorer = TwoHopScorer(first)
    assert isinstance(scorer, Scorer)
    assert needs == scorer.needs_dense
