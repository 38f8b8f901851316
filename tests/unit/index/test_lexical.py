"""What holds for the index of words. That its scores are those of the definition is in `tests/property`."""

from __future__ import annotations

import math
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.index import IndexStats, LexicalDocument, LexicalIndex


def _document(text: str, extra: str = "", thread: str | None = None, position: float | None = None) -> LexicalDocument:
    return LexicalDocument(Counter(text.split()), Counter(extra.split()), thread, position)


def _index(*documents: LexicalDocument) -> LexicalIndex:
    index = LexicalIndex()
    for slot, document in enumerate(documents):
        index.upsert(slot, document)
    return index


def _scores(index: LexicalIndex, query: str, size: int = 8) -> list[float]:
    scores = index.scores(query.split(), size).tolist()
    index._check()
    return scores  # type: ignore[no-any-return]


def _ranking(index: LexicalIndex, query: str) -> list[int]:
    scores = np.array(_scores(index, query))
    return [slot for slot in np.argsort(-scores, kind="stable").tolist() if scores[slot] > 0]


def test_a_score_is_the_share_of_the_best_possible_one() -> None:
    """One document that has one of two query terms: by hand."""
    index = _index(_document("dog dog new"), _document("cat"))

    idf_dog, idf_sun = math.log(1 + 101.5 / 1.5), math.log(1 + 102.5 / 0.5)
    saturated = 2 / (2 + 1.2 * (0.7 + 0.3 * 3 / 2))
    np.testing.assert_allclose(
        [idf_dog * saturated / (idf_dog + idf_sun), 0.0], _scores(index, "dog sun", 2), rtol=1e-6
    )


def test_scores_lie_between_0_and_1() -> None:
    """However often a term occurs, the best possible score is not exceeded."""
    index = _index(_document("dog " * 5_000), _document("cat"))

    assert 0.99 < _scores(index, "dog")[0] < 1.0


def test_what_was_just_said_counts() -> None:
    """Terms of neighbours count for less the farther they are, and those said before for more than those after."""
    index = _index(*[_document("dog" if at == 10 else f"w{at}", thread="t", position=at) for at in range(21)])

    scores = _scores(index, "dog", 21)

    own, after, before = scores[10], scores[11:], scores[9::-1]
    assert own > after[0] > after[1] > after[2] > after[3] > 0
    assert [after[1], after[2]] == pytest.approx(before[:2])
    assert {0.0} == set(after[4:] + before[2:])


def test_nothing_spreads_between_threads_or_outside_of_one() -> None:
    """Documents of another thread, or of none, are no context."""
    index = _index(
        _document("dog", thread="t", position=1),
        _document("a", thread="u", position=2),
        _document("b"),
        _document("c", position=1),
        _document("d", thread="t", position=2),
    )

    assert [0, 4] == _ranking(index, "dog")


def test_extra_terms_count_but_do_not_spread() -> None:
    """An author makes only what they said findable."""
    index = _index(_document("hello", "ann", "t", 1), _document("hi", "bob", "t", 2), _document("ann", "bob", "t", 3))

    assert [0, 2, 1] == _ranking(index, "ann")  # 1 only for the "ann" said after it
    assert [1, 2] == _ranking(index, "bob")


def test_a_late_message_is_linked_into_its_place() -> None:
    """A document in the middle of a thread parts its neighbours."""
    index = _index(_document("dog", thread="t", position=1), _document("cat", thread="t", position=3))
    before = _scores(index, "dog")[1]
    index.upsert(2, _document("cow", thread="t", position=2))

    assert before > _scores(index, "dog")[1] > 0
    assert [0, 2, 1] == _ranking(index, "dog")


def test_equal_positions_stand_as_they_were_inserted() -> None:
    """Ties are broken by insertion, and rewriting a document there does not move it."""
    index = _index(*[_document(word, thread="t", position=1) for word in ("dog", "cat", "cow")])
    before = _scores(index, "dog")
    index.upsert(0, _document("dog", thread="t", position=1))

    assert before == _scores(index, "dog")
    assert before[1] > before[2]


def test_documents_without_a_position_come_last() -> None:
    """In the order of their insertion."""
    index = _index(_document("dog", thread="t"), _document("cat", thread="t"), _document("cow", thread="t", position=5))

    assert [0, 1, 2] == _ranking(index, "dog")
    assert _scores(index, "cow")[0] > _scores(index, "cow")[1]


def test_a_document_that_moves_takes_its_context_along() -> None:
    """Moving to another thread leaves nothing behind."""
    index = _index(
        _document("dog", thread="t", position=1),
        _document("cat", thread="t", position=2),
        _document("cow", thread="u", position=2),
    )
    index.upsert(0, _document("dog", thread="u", position=1))

    assert [0, 2] == _ranking(index, "dog")
    index.upsert(0, _document("dog"))
    assert [0] == _ranking(index, "dog")


def test_a_replaced_document_is_found_by_its_newest_words_only() -> None:
    """Upsert replaces: terms, extra terms, and what spreads."""
    index = _index(_document("dog", "ann", "t", 1), _document("cat", "bob", "t", 2))
    index.upsert(0, _document("cow", "eve", "t", 1))

    assert [[], [], [0, 1], [0]] == [_ranking(index, term) for term in ("dog", "ann", "cow", "eve")]
    assert 2 == len(index)


def test_a_removed_document_is_gone() -> None:
    """It counts no more for anything; its neighbours meet; unknown slots are ignored."""
    index = _index(*[_document(word, thread="t", position=at) for at, word in enumerate(("dog", "cat", "cow"))])
    index.remove(1)
    for slot in (1, 7, -1, 10**9):
        index.remove(slot)

    assert 2 == len(index)
    assert [] == _ranking(index, "cat")
    assert [0, 2] == _ranking(index, "dog")
    only = _index(_document("dog", thread="t", position=0), _document("x"), _document("cow", thread="t", position=2))
    only.remove(1)
    assert _scores(only, "dog cow") == _scores(index, "dog cow")


def test_a_slot_can_be_used_again() -> None:
    """A slot handed out anew holds the new document only."""
    index = _index(_document("dog", thread="t", position=1), _document("cat", thread="t", position=2))
    index.remove(0)
    index.upsert(0, _document("cow"))

    assert [[], [0], [1]] == [_ranking(index, term) for term in ("dog", "cow", "cat")]


def test_repeated_and_unknown_terms_weigh_in() -> None:
    """A term asked twice counts twice; one that nobody has lowers every score."""
    index = _index(_document("dog"), _document("cat"))

    dog, cat = _scores(index, "dog dog cat", 2)
    assert 2 * cat == pytest.approx(dog)
    assert _scores(index, "dog unicorn")[0] < _scores(index, "dog")[0]


def test_nothing_asked_and_nothing_there_score_zero() -> None:
    """Empty queries, empty documents and an empty index answer with zeros."""
    index = _index(_document(""), _document("", "ann"), _document("", thread="t"))

    assert [0.0] * 3 == index.scores([], 3).tolist()
    assert [0.0] * 3 == index.scores(["dog"], 3).tolist()
    assert [1] == _ranking(index, "ann")
    assert [0.0] * 2 == LexicalIndex().scores(["dog"], 2).tolist()
    assert [] == LexicalIndex().scores(["dog"], 0).tolist()
    assert [0.0] * 3 == _index(_document(""), _document("")).scores(["dog"], 3).tolist()


def test_documents_without_words_are_counted() -> None:
    """They make the words of others rarer, as in any collection."""
    with_empty, without = _index(_document("dog"), _document("")), _index(_document("dog"))

    assert with_empty.idf_mass(0) > without.idf_mass(0)


def test_scores_may_be_shorter_or_longer_than_the_slots() -> None:
    """`size` is the caller's, and so is the answer."""
    index = LexicalIndex()
    index.upsert(3, _document("dog"))

    assert [0.0, 0.0] == index.scores(["dog"], 2).tolist()
    scores = index.scores(["dog"], 6)
    assert [False, False, False, True, False, False] == (scores > 0).tolist()
    assert np.float32 == scores.dtype
    scores[:] = 7
    assert index.scores(["dog"], 6)[3] < 1


def test_counts_beyond_the_largest_are_taken_as_the_largest() -> None:
    """A count that fits no posting is no error."""
    huge, largest = LexicalDocument({"dog": 10**30, "cat": 1}), LexicalDocument({"dog": 65_535, "cat": 1})

    assert _scores(_index(huge), "dog cat") == _scores(_index(largest), "dog cat")


def test_the_idf_mass_is_that_of_the_replay() -> None:
    """At its writing, an item's mass is the sum over its own terms of the idf against all that came before."""
    texts = ["dog dog cat", "dog cow", "cat dog eel", "", "dog"]
    index, having = LexicalIndex(), Counter[str]()
    for number, text in enumerate(texts):
        expected = sum(
            math.log(1 + (number + 1 - having[term] + 0.5) / (having[term] + 0.5)) for term in set(text.split())
        )
        having.update(set(text.split()))
        index.upsert(number, _document(text, "dog cat", "t", number))

        assert expected == pytest.approx(index.idf_mass(number))
    assert 0.0 == index.idf_mass(99)


BAD_DOCUMENTS: dict[str, Callable[[], LexicalDocument]] = {
    "count 0": lambda: LexicalDocument({"cat": 1, "dog": 0}),
    "negative count": lambda: LexicalDocument({"dog": -1}),
    "count no int": lambda: LexicalDocument({"dog": 1.5}),  # type: ignore[dict-item]
    "extra count 0": lambda: LexicalDocument({"cat": 1}, {"dog": 0}),
    "term no str": lambda: LexicalDocument({1: 1}),  # type: ignore[dict-item]
    "position nan": lambda: LexicalDocument({"cat": 1}, thread="t", position=math.nan),
    "position inf": lambda: LexicalDocument({"cat": 1}, thread="t", position=-math.inf),
    "position text": lambda: LexicalDocument({"cat": 1}, thread="t", position="1"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("make", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
def test_a_bad_document_changes_nothing(make: Callable[[], LexicalDocument]) -> None:
    """A refused upsert leaves the slot with what it had."""
    index = _index(_document("dog", thread="t", position=1), _document("cow", thread="t", position=2))
    before = _scores(index, "dog cow cat")

    with pytest.raises(InvalidArgumentError):
        index.upsert(0, make())

    assert before == _scores(index, "dog cow cat")


@pytest.mark.parametrize("slot", [-1, 2**40, 0.5, "0", None])
def test_a_bad_slot_is_refused(slot: Any) -> None:
    """A slot is a small int >= 0."""
    with pytest.raises(InvalidArgumentError, match="slot: expected an int from 0"):
        LexicalIndex().upsert(slot, _document("dog"))


def test_a_text_is_no_list_of_terms() -> None:
    """A query that was not analyzed is named, not taken letter by letter."""
    with pytest.raises(InvalidArgumentError, match="terms"):
        LexicalIndex().scores("dog", 1)
    with pytest.raises(InvalidArgumentError, match="size"):
        LexicalIndex().scores(["dog"], -1)


def test_membership_takes_anything() -> None:
    """`in` answers for whatever it is asked."""
    index = _index(_document("dog"), _document(""))

    assert [True, True, False, False, False] == [slot in index for slot in (np.int64(0), 1, 2, -1, "0")]


def test_words_seen_once_are_forgotten_with_their_documents() -> None:
    """A slot rewritten over and over with new words and threads does not make the index grow."""
    index = _index(_document("dog"), _document("cat"))
    sizes = []
    for number in range(3_000):
        index.upsert(1, _document(f"new{number} words{number}", f"day{number}", f"thread{number}", number))
        sizes.append(index.stats().ram_bytes)

    index._check()
    assert max(sizes[100:]) <= 1.1 * max(sizes[:100])


def test_stats_count_documents() -> None:
    """An index of words has items, no vectors, and an empty one takes next to nothing."""
    index = _index(_document("dog"), _document("cat"))
    stats = index.stats()
    index.remove(0)
    index.remove(1)

    assert IndexStats(items=2, vectors=0, ram_bytes=stats.ram_bytes, disk_bytes=0) == stats
    assert LexicalIndex().stats() == index.stats()
    assert index.stats().ram_bytes < 4_000


@pytest.mark.parametrize("threads", [1, 50, 2_000])
def test_reported_memory_is_what_is_taken(threads: int) -> None:
    """`ram_bytes` is within a sixth of what Python allocated, the strings included."""
    rng = np.random.default_rng(0)
    words = rng.zipf(1.4, (2_000, 10)) % 30_000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        index = LexicalIndex()
        for slot, row in enumerate(words.tolist()):
            document = LexicalDocument(
                Counter(f"word{number}" for number in row), {"ann": 1}, f"t{slot % threads}", slot
            )
            index.upsert(slot, document)
        del document
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert pytest.approx(taken, rel=0.17) == index.stats().ram_bytes
