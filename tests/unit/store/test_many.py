"""Recalls of common words: by whole arrays the same is found as by sorting everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.index import Entry, LexicalDocument, NamespaceIndex
from warmgraph.index.bm25f import FEW
from warmgraph.ranking import HybridScorer, LexicalScorer, Scorer
from warmgraph.store.few import TIE
from warmgraph.store.many import best_of_many, look_at_many, warm_slots
from warmgraph.store.recalls import Dropped
from warmgraph.store.search import Query, rank

ITEMS = st.lists(
    st.tuples(
        st.none() | st.lists(st.sampled_from("xyz"), max_size=4),
        st.none() | st.tuples(st.integers(-3, 3), st.integers(1, 3)),
        st.booleans(),  # warm
        st.booleans(),  # a question
        st.booleans(),  # removed again
    ),
    max_size=90,
)
Items = list[tuple[list[str] | None, tuple[int, int] | None, bool, bool, bool]]


def index_of(items: Items) -> NamespaceIndex:
    """Make an index of items that never expire, among so many others that no loop looks at them one by one.

    The key is the change number.
    """
    index = NamespaceIndex()
    for number in range(FEW + 1):
        index.upsert(Entry(f"cold {number}", -1 - number, document=LexicalDocument({"x": 1, "other": 9})))
    for seq, (words, vector, _, question, _) in enumerate(items):
        counts = None if words is None else LexicalDocument({word: words.count(word) for word in words})
        vectors = None if vector is None else np.array([vector], np.float32)
        index.upsert(Entry(str(seq), seq, document=counts, vectors=vectors, question=question))
    for seq, (_, _, warm, _, removed) in enumerate(items):
        index.set_warm(str(seq), warm)
        if removed:
            index.remove(str(seq))
    return index


@given(ITEMS, st.sampled_from([LexicalScorer(), HybridScorer()]), st.integers(0, 7), st.sets(st.integers(0, 20)))
def test_the_best_warm_items_are_those_of_a_ranking(
    items: Items, scorer: Scorer, wanted: int, excluded: set[int]
) -> None:
    """Items, scores, their order, and what is left out because it says nothing new."""
    index, exclude = index_of(items), {str(number) for number in excluded}
    query = Query(["x", "z"], np.array([1, 1], np.float32) if scorer.needs_dense else None, scorer)
    left: list[Dropped] = []
    ranking = rank(
        [(("n",), index)],
        query,
        now=1.0,
        wanted=max(wanted, 1),
        warm_only=True,
        above=0.0,
        exclude=exclude,
        varied=True,
        dropped=left,
    )
    expected = [(place.key, place.score) for place, _ in zip(ranking, range(wanted), strict=False)]
    slots = warm_slots(index, exclude)
    dropped: list[Dropped] = []
    places = best_of_many(index, slots, query.scores_at(index, slots, few=True), wanted, dropped)
    found = [(index.key(slot), score) for score, _, slot in places]
    assert expected == found
    assert not wanted or [(each.key, each.reason) for each in left] == [(each.key, each.reason) for each in dropped]


@given(ITEMS, st.sets(st.integers(0, 20)))
def test_a_glance_by_arrays_sees_the_best_of_both_tiers(items: Items, excluded: set[int]) -> None:
    """The best warm and the best cold score, the lead of the best warm one over the sixth, and how many."""
    index = index_of(items)
    lexical = index.lexical(["x", "y"])
    seen = look_at_many(index, lexical, [str(number) for number in excluded])
    living = [(key, slot) for key, slot in index.places() if key not in set(map(str, excluded))]
    warm = sorted((float(lexical[slot]) for _, slot in living if index.warm[slot]), reverse=True)
    cold = [float(lexical[slot]) for _, slot in living if not index.warm[slot]]
    assert (warm[0] if warm else None) == seen.best_warm
    assert max(cold, default=None) == seen.best_cold
    assert (len(warm), len(living)) == (seen.warm_items, seen.items)
    ranked = [*warm, *[0.0] * 6]
    assert (ranked[0] - ranked[5] if ranked[0] - ranked[1] >= TIE else 0) == pytest.approx(seen.lead)
