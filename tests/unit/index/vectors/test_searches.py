"""What a search in any index of vectors finds, of all slots and of some."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.index.vectors.conftest import WITH_METRIC, noise, rows
from warmgraph.index import Metric, VectorIndex


@pytest.mark.parametrize(("make", "metric"), WITH_METRIC)
def test_search_is_the_ranking_of_the_scores(make: Callable[..., VectorIndex], metric: Metric) -> None:
    """Search returns the best k slots in the order of their scores."""
    index = make(16, metric)
    index.upsert(range(900), noise(900, 16))
    query = noise(16, seed=1)
    scores = index.scores(query, 900)

    for k in (1, 7, 900, 5_000):
        hits = index.search(query, k)

        expected = np.argsort(-scores, kind="stable")[:k]
        assert expected.tolist() == hits.slots.tolist()
        np.testing.assert_allclose(scores[expected], hits.scores, rtol=1e-5)


def test_equal_scores_come_with_the_higher_slot_first(make: Callable[..., VectorIndex]) -> None:
    """Ties are broken by slot, also where they are cut off."""
    index = make(2)
    index.upsert([3, 9, 5, 7], rows([1, 0], [2, 0], [3, 0], [0, 1]))

    assert [9, 5] == index.search(rows([1, 0])[0], 2).slots.tolist()
    assert [9, 5, 3, 7] == index.search(rows([1, 0])[0], 10).slots.tolist()


def test_only_allowed_slots_are_found(make: Callable[..., VectorIndex]) -> None:
    """The mask selects slots; slots beyond it are not allowed."""
    index = make(8)
    index.upsert(range(600), noise(600, 8))
    query = noise(8, seed=1)
    everything = index.search(query, 600).slots

    for wanted in ([3], [], list(range(0, 600, 2)), list(range(0, 600, 40))):
        for size in (600, 700, 50):
            allowed = np.zeros(size, bool)
            allowed[[slot for slot in wanted if slot < size]] = True
            expected = [slot for slot in everything.tolist() if slot < size and allowed[slot]][:10]
            assert expected == index.search(query, 10, allowed=allowed).slots.tolist()


def test_a_mask_holds_for_slots_with_several_vectors(make: Callable[..., VectorIndex]) -> None:
    """A slot that is allowed is scored by all of its vectors."""
    index = make(2)
    index.upsert([2, 5, 2], rows([1, 0], [0.6, 0.8], [0, 1]))
    allowed = np.array([False, False, True])

    hits = index.search(rows([0, 1])[0], 5, allowed=allowed)

    assert [2] == hits.slots.tolist()
    np.testing.assert_allclose([1.0], hits.scores)


@pytest.mark.parametrize("threshold", [-2.0, 0.5, 0.6, 2.0])
def test_a_threshold_leaves_out_lower_scores(index: VectorIndex, threshold: float) -> None:
    """Hits below the threshold are dropped, those that meet it stay."""
    query = rows([1, 0])[0]
    everything = index.search(query, 10)

    hits = index.search(query, 10, score_threshold=threshold)

    assert [score for score in everything.scores.tolist() if score >= threshold] == hits.scores.tolist()


def test_an_empty_index_finds_nothing(make: Callable[..., VectorIndex]) -> None:
    """Before the first vector and after the last, an index answers, with nothing."""
    index = make(3)
    for _ in range(2):
        assert 0 == len(index)
        assert [] == index.search(np.ones(3, np.float32), 5).slots.tolist()
        assert [-np.inf] * 2 == index.scores(np.ones(3, np.float32), 2).tolist()
        assert [] == index.search(np.ones(3, np.float32), 5, allowed=np.ones(4, bool)).slots.tolist()
        index._check()
        index.upsert([1, 6], noise(2, 3))
        index.remove([1, 6])
