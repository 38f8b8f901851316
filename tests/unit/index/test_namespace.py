"""The index of one namespace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.index import Entry, LexicalDocument, NamespaceIndex

NEVER = float("inf")
KEYS = st.sampled_from("abcdef")
WORDS = st.lists(st.sampled_from(["dog", "cat", "bird"]), max_size=3)


def entry(key: str, seq: int, words: list[str] | None = None, *vectors: list[float], **options: Any) -> Entry:
    """Make an entry."""
    document = None if words is None else LexicalDocument({word: words.count(word) for word in words})
    return Entry(key, seq, document=document, vectors=np.array(vectors, np.float32) if vectors else None, **options)


def test_an_item_stands_once_as_it_was_written_last() -> None:
    """Writing a key again replaces its words, vectors, time and flags, in the same slot."""
    index = NamespaceIndex()
    index.upsert(entry("k", 1, ["dog"], [1, 0], [0, 1], question=True, expires=5.0))
    slot = index.slot("k")
    index.upsert(entry("k", 2, ["cat"]))
    assert (1, slot, 2) == (len(index), index.slot("k"), index.seq("k"))
    assert [0.0] == index.lexical(["dog"]).tolist()
    assert index.lexical(["cat"])[0] > 0
    assert index.dense(np.array([1, 0], np.float32)) is None
    assert [False] == index.questions.tolist()
    assert [True] == index.live(now=10.0).tolist()
    index._check()


def test_a_removed_item_leaves_nothing() -> None:
    """Its slot is used again, without its words, its vector or its warmth."""
    index = NamespaceIndex()
    index.upsert(entry("a", 1, ["dog"], [1, 0]))
    index.upsert(entry("b", 2, ["cat"], [0, 1]))
    index.set_warm("a", True)
    assert index.remove("a")
    assert not index.remove("a")
    assert "a" not in index
    assert ["b"] == list(index.keys())
    index.upsert(entry("c", 3))
    assert [False, False] == index.warm.tolist()
    assert [0.0, 0.0] == index.lexical(["dog"]).tolist()
    scores = index.dense(np.array([1, 0], np.float32))
    assert scores is not None
    assert [-np.inf, 0.0] == scores.tolist()
    index._check()


def test_the_best_score_of_several_vectors_counts() -> None:
    """An item with several vectors scores by the nearest; one without has -inf."""
    index = NamespaceIndex()
    index.upsert(entry("many", 1, None, [1, 0], [0, 1]))
    index.upsert(entry("one", 2, None, [1, 0]))
    index.upsert(entry("none", 3, ["dog"]))
    scores = index.dense(np.array([0, 1], np.float32))
    assert scores is not None
    assert [1.0, 0.0, -np.inf] == scores.tolist()


def test_a_document_may_wait_until_it_is_needed() -> None:
    """A function that makes the document is called once, at the first question about words."""
    calls: list[int] = []

    def make() -> LexicalDocument:
        calls.append(1)
        return LexicalDocument({"dog": 1})

    index = NamespaceIndex()
    index.upsert(Entry("k", 1, document=make))
    index.upsert(Entry("gone", 2, document=make))
    index.remove("gone")
    assert [] == calls
    assert index.lexical(["dog"])[0] > 0
    assert index.lexical(["dog"])[0] > 0
    assert [1] == calls
    index._check()


def test_a_repeated_question_is_answered_from_memory_until_something_changes() -> None:
    """Scores are read-only, the same object while nothing changes, and right after a change."""
    index = NamespaceIndex()
    index.upsert(entry("a", 1, ["dog"]))
    first = index.lexical(["dog"])
    assert first is index.lexical(["dog"])
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    assert 0.0 == index.lexical(["cat"])[0]
    index.upsert(entry("b", 2, ["dog", "dog"]))
    assert 2 == len(index.lexical(["dog"]))
    index.remove("b")
    assert [first[0], 0.0] == index.lexical(["dog"]).tolist()


def test_expiries_move_away_only() -> None:
    """`prolong` never shortens a life, and gives none an end."""
    index = NamespaceIndex()
    index.upsert(entry("k", 1, expires=10.0))
    index.upsert(entry("for ever", 2))
    for expires, living in ((5.0, 10.0), (20.0, 20.0)):
        index.prolong("k", expires)
        assert [True, True] == index.live(now=living - 0.1).tolist()
        assert [False, True] == index.live(now=living).tolist()
    index.prolong("for ever", 1.0)
    index.prolong("unknown", 1.0)
    assert index.live(now=1e9)[1]
    assert [False] * 2 == index.live(now=0.0, exclude=["k", "for ever", "unknown"]).tolist()


def test_importance_is_given_or_taken_from_the_words() -> None:
    """A record's own importance counts; else rare words make an item important."""
    index = NamespaceIndex()
    for n in range(8):
        index.upsert(entry(f"common{n}", n, ["dog"]))
    index.upsert(entry("rare", 10, ["telescope", "orchestra", "peanuts"]))
    index.upsert(entry("given", 11, ["dog"], importance=0.25))
    assert 1.0 == index.importance("rare")
    assert 0.25 == index.importance("given")
    assert index.importance("unknown") is None
    assert [index.importance(key) for key, _ in index.places()] == index.importances.tolist()


def test_the_newest_and_the_most_important_are_worth_keeping() -> None:
    """Of many items recency and importance choose, and the oldest of the chosen comes first."""
    index = NamespaceIndex()
    for n in range(20):
        index.upsert(entry(str(n), n, ["dog"], importance=1.0 if n == 0 else 0.0))
    assert ["0", "17", "18", "19"] == index.most_worth(4, now=0.0)
    assert [str(n) for n in range(20)] == index.most_worth(20, now=0.0)
    index.upsert(entry("19", 19, expires=1.0))
    assert "19" not in index.most_worth(4, now=2.0)


@given(
    st.lists(st.tuples(st.floats(0, 1, width=16), st.booleans()), max_size=60),
    st.none() | st.integers(0, 20),
    st.booleans(),
)
def test_an_order_is_that_of_sorting(items: list[tuple[float, bool]], k: int | None, scored: bool) -> None:
    """Picking the best without sorting the rest gives what sorting gives, ties by newness included."""
    index = NamespaceIndex()
    for n, _ in enumerate(items):
        index.upsert(Entry(str(n), (n * 7) % 61))
    slots = np.flatnonzero(np.array([kept for _, kept in items], bool))
    scores = np.array([score for score, _ in items], np.float32)[slots] if scored else None
    expected = sorted(
        (n for n, (_, kept) in enumerate(items) if kept),
        key=lambda n: (-items[n][0] if scored else 0, -((n * 7) % 61)),
    )
    assert expected[:k] == slots[index.order(slots, scores, k)].tolist()
    described = [(str(n), (n * 7) % 61) for n in expected]
    assert described == list(index.described(slots[index.order(slots, scores, None)]))


@given(st.lists(st.tuples(st.sampled_from(["put", "remove", "warm"]), KEYS, WORDS, st.booleans()), max_size=60))
def test_any_history_leaves_the_same_index(script: list[tuple[str, str, list[str], bool]]) -> None:
    """After any history the index equals one that was made from what is left."""
    index = NamespaceIndex()
    held: dict[str, Entry] = {}
    for seq, (action, key, words, flag) in enumerate(script):
        if action == "put":
            vectors = ([float(len(words)), 1.0],) if flag else ()
            held[key] = entry(key, seq, words if words or flag else None, *vectors, question=flag)
            index.upsert(held[key])
        elif action == "remove":
            assert (held.pop(key, None) is not None) == index.remove(key)
        else:
            index.set_warm(key, flag)
        index._check()
    fresh = NamespaceIndex()
    for each in held.values():
        fresh.upsert(each)
    assert index.same_items(fresh)
    assert not held or not index.same_items(NamespaceIndex())
    assert index.ram_bytes() > 0


def test_filling_an_index_is_adding_one_item_after_the_other() -> None:
    """Items with words, with one vector, with several, with none, and with words that are made later."""
    entries = [
        entry("a", 1, ["dog"], [3, 4], importance=0.5),
        entry("b", 2, ["cat"], [1, 0], [0, 1], question=True),
        entry("c", 3, expires=9.0),
        entry("d", 4)._replace(document=lambda: LexicalDocument({"bird": 2})),
    ]
    one_by_one, at_once = NamespaceIndex(), NamespaceIndex()
    for each in entries:
        one_by_one.upsert(each)
    at_once.fill(entries)
    at_once._check()
    assert one_by_one.same_items(at_once)
    query = np.array([0, 1], np.float32)
    expected, got = one_by_one.dense(query), at_once.dense(query)
    assert expected is not None
    assert got is not None
    assert expected.tolist() == got.tolist()


def test_a_document_that_cannot_be_made_is_heard_of_each_time() -> None:
    """It does not vanish from the index behind the back of whoever asks for words."""

    def fail() -> LexicalDocument:
        raise ValueError("damaged")

    index = NamespaceIndex()
    index.upsert(Entry("a", 1, document=fail))
    for _ in range(2):
        with pytest.raises(ValueError, match="damaged"):
            index.lexical(["dog"])
    index.remove("a")
    index._check()
