"""What is known of items besides words and vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from warmgraph.index import NOBODY, Entry, LexicalDocument, NamespaceIndex, Traits, TraitTable


def test_traits_stand_by_slot() -> None:
    """Slots that were never set, or were forgotten, say nothing."""
    table = TraitTable()
    table.set(3, Traits("Ana", 79, dated=True, said_at=5.0), "t")
    table.set(1, Traits("Ben", 10), "t")
    table.forget(1)
    table.forget(100)
    known = table.known(5, [0] * 6, [0] * 6)
    assert [NOBODY, NOBODY, NOBODY, 0, NOBODY] == known.author.tolist()
    assert [False, False, False, True, False] == known.dated.tolist()
    assert [True, True, True, False, True] == np.isnan(known.said_at).tolist()
    assert [0, 0, 0, 0] == np.delete(known.length, 3).tolist()
    assert (math.log(80) - 4.4) / 6 == pytest.approx(known.length[3], abs=1e-6)


def test_threads_are_groups_and_loners_have_their_own() -> None:
    """Items of one thread share a number, those without a thread share it with nobody."""
    table = TraitTable()
    for slot, thread in enumerate(["a", None, "b", "a", None]):
        table.set(slot, Traits(), thread)
    group = table.known(5, [0] * 6, [0] * 6).threads.group.tolist()
    assert group[0] == group[3]
    assert 4 == len(set(group))


def test_arrays_are_made_once_until_something_is_written() -> None:
    """A recall after a recall derives nothing anew."""
    index = NamespaceIndex()
    index.upsert(Entry("a", 1, document=LexicalDocument({"x": 1}, thread="t", position=1)))
    first = index.known
    assert first is index.known
    index.upsert(Entry("b", 2, document=LexicalDocument({"y": 1}, thread="t", position=0)))
    assert first is not index.known
    assert ([1, 2], [2, 0]) == (index.known.previous.tolist()[:-1], index.known.next.tolist()[:-1])
    index.remove("b")
    assert ([2, 2], [2, 2]) == (index.known.previous.tolist()[:-1], index.known.next.tolist()[:-1])


def test_authors_are_named_by_their_first_name() -> None:
    """As it is written or capitalized; of several who share it, the one whose whole name is there."""
    table = TraitTable()
    for slot, author in enumerate(["ana", "Ben Ott", "Ben Uhl", "José", " "]):
        table.set(slot, Traits(author), None)
    assert {"ana": 0} == table.named(["Where", "is", "Ana"])
    assert {"ana": 0} == table.named(["where", "is", "ana"])
    assert {"Ben Uhl": 2} == table.named(["Ben", "Uhl"])
    assert {"Ben Ott": 1, "Ben Uhl": 2} == table.named(["Ben"])
    assert {"José": 3} == table.named(["José"])
    assert {} == table.named(["Anaheim", "JOSÉ"])
