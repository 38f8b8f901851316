"""What writing to any index of vectors does, and to which slots."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.index.vectors.conftest import noise, rows
from warmgraph.index import VectorIndex


def test_a_vector_is_replaced(index: VectorIndex) -> None:
    """A slot stands once, with its newest vector."""
    index.upsert([1], rows([-1, 0]))

    assert 3 == len(index)
    np.testing.assert_allclose([1.0, -1.0, -np.inf, -np.inf, 0.6], index.scores(rows([1, 0])[0], 5), atol=1e-6)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (3, 2), (2, 2)])
def test_the_number_of_vectors_of_a_slot_may_change(make: Callable[..., VectorIndex], before: int, after: int) -> None:
    """An upsert replaces all vectors of the slots it names and touches no other."""
    index = make(4)
    index.upsert([0, 1, 1, 2], noise(4, 4))
    others = {slot: index.vectors_of(slot) for slot in (0, 1, 2)}
    index.upsert([3] * before, noise(before, 4, seed=1))
    newest = noise(after, 4, seed=2)
    index.upsert([3] * after, newest)

    index._check()
    assert 4 == len(index)
    np.testing.assert_allclose(newest / np.linalg.norm(newest, axis=1)[:, None], index.vectors_of(3), rtol=1e-5)
    for slot, vectors in others.items():
        np.testing.assert_array_equal(vectors, index.vectors_of(slot))


def test_new_and_known_slots_in_one_call(index: VectorIndex) -> None:
    """One call may replace some slots and add others."""
    index.upsert([7, 1, 0], rows([0, -1], [0, -1], [-1, 0]))

    index._check()
    assert [[0.0, -1.0], [0.0, -1.0], [-1.0, 0.0]] == [index.vectors_of(slot)[0].tolist() for slot in (7, 1, 0)]
    np.testing.assert_allclose(rows([0.6, 0.8]), index.vectors_of(4))


def test_removed_slots_are_gone(index: VectorIndex) -> None:
    """A removed slot is not found, and unknown ones are ignored."""
    index.remove([0, 0, 17, -3, 2])

    assert 2 == len(index)
    assert 0 not in index
    assert 1 in index
    assert [4, 1] == index.search(rows([1, 0])[0], 10).slots.tolist()
    assert (0, 2) == index.vectors_of(0).shape


def test_removed_slots_can_be_used_again(index: VectorIndex) -> None:
    """A slot that was handed out again holds the new item only."""
    index.remove([4])
    index.upsert([4, 4], rows([0, -1], [-1, 0]))

    index._check()
    assert [[0.0, -1.0], [-1.0, 0.0]] == index.vectors_of(4).tolist()


def test_upserting_nothing_does_nothing(index: VectorIndex) -> None:
    """Empty input is no error."""
    index.upsert([], np.empty((0, 2), np.float32))
    index.upsert([], [])  # type: ignore[arg-type]

    assert 3 == len(index)


def test_saving_and_loading_changes_no_bit(make: Callable[..., VectorIndex]) -> None:
    """Vectors read from one index and put into another are the same there."""
    index, copy = make(64), make(64)
    index.upsert(range(50), noise(50, 64))
    stored = np.concatenate([index.vectors_of(slot) for slot in range(50)])
    copy.upsert(range(50), stored)

    np.testing.assert_array_equal(stored, np.concatenate([copy.vectors_of(slot) for slot in range(50)]))


def test_membership_takes_anything(index: VectorIndex) -> None:
    """`in` answers for whatever it is asked."""
    assert [True, True, False, False, False, False] == [slot in index for slot in (4, np.int64(1), 2, 10**9, -1, "4")]


def test_stats_count_items_and_vectors(index: VectorIndex) -> None:
    """Items are slots; an item may have several vectors."""
    index.upsert([8, 8], noise(2, 2))
    stats = index.stats()

    assert (4, 5, 0) == (stats.items, stats.vectors, stats.disk_bytes)
    assert stats.ram_bytes >= 5 * 2 * 4
