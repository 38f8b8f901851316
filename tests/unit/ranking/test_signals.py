"""Signals that an item takes from its thread, its neighbours and its time, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from warmgraph.index import NOBODY, Entry, Known, LexicalDocument, NamespaceIndex, Traits
from warmgraph.ranking import Candidates, Cues, HybridScorer, LexicalScorer, Period, Relation, related
from warmgraph.ranking.signals import group_means, in_neighbours, in_period

# Each: its thread and its score.
ITEMS = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.integers(-4, 4)), max_size=30)
WEEK = 7 * 86_400.0


def known_of(threads: list[str | None], said_at: list[float] | None = None) -> Known:
    """Index items of these threads, in the order of their positions."""
    index = NamespaceIndex()
    for slot, thread in enumerate(threads):
        traits = Traits("Ana" if slot % 2 else "Ben", 40, slot % 3 == 0, said_at[slot] if said_at else None)
        document = LexicalDocument({f"w{slot}": 1}, thread=thread, position=slot, traits=traits)
        index.upsert(Entry(str(slot), slot, document=document))
    return index.known


@given(ITEMS)
def test_a_thread_lends_the_mean_of_its_best_three(items: list[tuple[str | None, int]]) -> None:
    """Equal scores count as often as they occur; an item without a thread keeps its own."""
    threads, scores = [thread for thread, _ in items], np.array([score for _, score in items], np.float32)
    expected = []
    for thread, score in items:
        best = sorted((other for name, other in items if name == thread), reverse=True)[:3]
        expected.append(float(score) if thread is None else sum(best) / len(best))
    found = group_means(scores, known_of(threads))
    assert_allclose(expected, found, rtol=1e-6)
    assert np.float32 == found.dtype


@given(ITEMS)
def test_neighbours_lend_less_the_further_away_they_are(items: list[tuple[str | None, int]]) -> None:
    """Three before in the same thread and two after."""
    threads, scores = [thread for thread, _ in items], np.array([score for _, score in items], np.float32)
    expected = []
    for at, (thread, _) in enumerate(items):
        members = [slot for slot, name in enumerate(threads) if name == thread] if thread else [at]
        place = members.index(at)
        before, after = members[max(place - 3, 0) : place][::-1], members[place + 1 : place + 3]
        total = sum(weight * scores[slot] for weight, slot in zip((0.5, 0.3, 0.1), before, strict=False))
        expected.append(total + sum(weight * scores[slot] for weight, slot in zip((0.3, 0.2), after, strict=False)))
    assert_allclose(expected, in_neighbours(scores, known_of(threads)), atol=1e-5)


def test_a_time_counts_in_full_or_a_week_later_by_half() -> None:
    """The end of a period is outside of it, and what has no time never counts."""
    said = np.array([99.0, 100.0, 199.0, 200.0, 199.0 + WEEK, 200.0 + WEEK, np.nan])
    assert [0, 1, 1, 0.5, 0.5, 0, 0] == in_period(said, Period(100.0, 200.0, (0, 0), False)).tolist()
    assert [1, 1, 1, 1, 1, 1, 0] == in_period(said, Period(-np.inf, np.inf, (0, 0), False)).tolist()


def test_what_came_after_is_the_rest_of_the_thread_and_then_later_times() -> None:
    """The next item counts most; what was said before the event counts nothing."""
    known = known_of(["t", "t", "t", "u", None], [0.0, 0.0, 0.0, WEEK, -WEEK])
    event = np.array([0, 0.9, 0, 0, 0], np.float32)
    after, before = (related(kind, [event], known) for kind in ("after", "before"))
    assert_allclose([0, 0, 1, 0.5 * np.exp(-0.5), 0], after, rtol=1e-6)
    assert_allclose([1, 0, 0, 0, 0.5 * np.exp(-0.5)], before, rtol=1e-6)
    assert not related("after", [event * 0.1], known).any()
    assert 0 == len(related("after", [np.zeros(0, np.float32)], known_of([])))


@pytest.mark.parametrize("cues", [Cues(), Cues(asks_when=True)])
@given(st.lists(st.floats(2**-6, 1, width=32), min_size=1, max_size=12))
def test_a_few_items_are_scored_as_all_are(cues: Cues, lexical: list[float]) -> None:
    """The loop over few slots and the arrays over all give the same scores."""
    index = NamespaceIndex()
    for slot in range(len(lexical)):
        traits = Traits("Ana" if slot % 2 else None, 30 * (slot % 4), slot % 3 == 0)
        document = LexicalDocument({f"w{slot}": 1}, traits=traits)
        index.upsert(Entry(str(slot), slot, document=document, question=slot % 5 == 0))
    for author in (NOBODY, 0):
        seen = Candidates(
            np.array(lexical, np.float32), None, index.questions, known=index.known, cues=cues, author=author
        )
        few = LexicalScorer().score_few(dict(enumerate(lexical)), index.questions.data, index.traits, cues, author)
        assert_allclose(list(few.values()), LexicalScorer().score(seen), rtol=1e-4, atol=1e-6)


def test_each_signal_speaks_for_an_item() -> None:
    """The named author, a time where a time is asked for, the period and the relation add their weights."""
    known = known_of(["t", None], [5.0, 500.0 + WEEK])
    seen = Candidates(np.full(2, 0.5, np.float32), None, np.zeros(2, bool), known=known)
    base = LexicalScorer(length_weight=0).score(seen)
    period, order = Period(0.0, 10.0, (0, 0), True), Relation("after", ("x",))

    def gained(**more: object) -> list[float]:
        fields = {"lexical": seen.lexical, "dense": None, "is_question": seen.is_question, "known": known, **more}
        return [round(float(gain), 3) for gain in LexicalScorer(length_weight=0).score(Candidates(**fields)) - base]  # type: ignore[arg-type]

    assert [0.06, 0] == gained(author=0)
    assert [0.132, 0] == gained(cues=Cues(asks_when=True))
    assert [0.1, 0] == gained(cues=Cues(period=period))
    assert [0, 0.3] == gained(cues=Cues(relation=order), related=np.array([0, 1], np.float32))


def test_hybrid_scores_take_a_part_from_thread_and_neighbours() -> None:
    """Two items with the same cosine differ by what stands around them."""
    known = known_of(["t", "t", "t", None])
    dense = np.array([0.2, 0.8, 0.8, 0.2], np.float32)
    seen = Candidates(np.zeros(4, np.float32), dense, np.zeros(4, bool), known=known)
    scores = HybridScorer(length_weight=0).score(seen)
    assert_allclose(0.44 * 0.2 + 0.3 * 0.6 + 0.036 * (0.3 * 0.8 + 0.2 * 0.8), scores[0], rtol=1e-5)
    assert_allclose(0.44 * 0.2 + 0.3 * 0.2, scores[3], rtol=1e-5)
