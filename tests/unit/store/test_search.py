"""Ranking over indexes, against sorting everything."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.index import Entry, LexicalDocument, NamespaceIndex
from warmgraph.ranking import DenseScorer, HybridScorer, LexicalScorer, Scorer
from warmgraph.store.few import TIE
from warmgraph.store.search import Query, look, rank

# Each: its words, its vector, whether it is warm, whether it has expired.
ITEMS = st.lists(
    st.tuples(
        st.none() | st.lists(st.sampled_from("xyz"), max_size=3),
        st.none() | st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)
Item = tuple[list[str] | None, tuple[int, int] | None, bool, bool]


def index_of(items: list[Item], first_seq: int = 0) -> NamespaceIndex:
    """Make an index; the key is the change number."""
    index = NamespaceIndex()
    for seq, (words, vector, warm, expired) in enumerate(items, start=first_seq):
        document = None if words is None else LexicalDocument({word: words.count(word) for word in words})
        vectors = None if vector is None else np.array([vector], np.float32)
        index.upsert(Entry(str(seq), seq, 0.0 if expired else float("inf"), document, vectors))
        index.set_warm(str(seq), warm)
    return index


@given(
    ITEMS, ITEMS, st.sampled_from([LexicalScorer(), DenseScorer(), HybridScorer()]), st.integers(0, 12), st.booleans()
)
def test_a_ranking_is_a_sorted_list(
    left: list[Item], right: list[Item], scorer: Scorer, wanted: int, warm_only: bool
) -> None:
    """However few are asked for at first, the ranking is that of sorting everything by score and newness."""
    indexes = [(("l",), index_of(left)), (("r",), index_of(right, first_seq=100))]
    query = Query(["x", "z"], np.array([1, 1], np.float32) if scorer.needs_dense else None, scorer)
    expected = []
    for namespace, index in indexes:
        scores = query.scores(index)
        for key, slot in index.places():
            if index.live(1.0)[slot] and (index.warm[slot] or not warm_only):
                score = float(scores[slot])
                expected.append((-score, -int(key), namespace, key, None if score == -np.inf else score))
    found = list(rank(indexes, query, now=1.0, wanted=wanted, warm_only=warm_only))
    assert [each[2:] for each in sorted(expected)] == [tuple(place) for place in found]


@given(ITEMS, st.integers(0, 12))
def test_without_a_query_the_newest_come_first(items: list[Item], wanted: int) -> None:
    """The order of change numbers, without scores."""
    found = list(rank([(("n",), index_of(items))], None, now=1.0, wanted=wanted))
    living = [str(seq) for seq, item in enumerate(items) if not item[3]]
    assert living[::-1] == [place.key for place in found]
    assert {None} >= {place.score for place in found}


@given(ITEMS)
def test_items_below_a_bound_are_left_out(items: list[Item]) -> None:
    """`above` keeps what scores higher, and nothing without a score."""
    query = Query(["x"], None, LexicalScorer())
    everything = list(rank([(("n",), index_of(items))], query, now=1.0, wanted=3))
    found = list(rank([(("n",), index_of(items))], query, now=1.0, wanted=3, above=0.0))
    assert [place for place in everything if place.score is not None and place.score > 0] == found


def test_more_can_be_asked_for_than_was_wanted() -> None:
    """Going on past the first picks repeats nothing."""
    index = index_of([(["x"] * (n % 3), None, True, False) for n in range(50)])
    ranking = rank([(("n",), index)], Query(["x"], None, LexicalScorer()), now=1.0, wanted=5)
    first = [place.key for place in islice(ranking, 5)]
    rest = [place.key for place in ranking]
    assert 50 == len({*first, *rest}) == len(first) + len(rest)


@given(ITEMS)
def test_a_glance_sees_the_best_of_both_tiers(items: list[Item]) -> None:
    """The best warm and the best cold score, the lead of the best warm one over the sixth, and how many."""
    index = index_of(items)
    seen = look(index, Query(["x", "y"], None, LexicalScorer()), now=1.0)
    scores = index.lexical(["x", "y"])
    living = [slot for key, slot in index.places() if not items[int(key)][3]]
    warm = sorted((float(scores[slot]) for slot in living if index.warm[slot]), reverse=True)
    cold = [float(scores[slot]) for slot in living if not index.warm[slot]]
    assert (warm[0] if warm else None) == seen.best_warm
    assert max(cold, default=None) == seen.best_cold
    assert (len(warm), len(living)) == (seen.warm_items, seen.items)
    ranked = [*warm, *[0.0] * 6]
    assert (ranked[0] - ranked[5] if ranked[0] - ranked[1] >= TIE else 0) == pytest.approx(seen.lead)
