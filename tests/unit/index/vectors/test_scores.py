"""The scores of any index of vectors: those of the definition, at their slots."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.index.vectors.conftest import WITH_METRIC, noise, rows, score
from warmgraph.index import FlatIndex, Metric, VectorIndex


@pytest.mark.parametrize(("make", "metric"), WITH_METRIC)
@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_scores_are_those_of_the_definition(make: Callable[..., VectorIndex], metric: Metric, scale: float) -> None:
    """Every score equals the metric computed in float64, and sits at its slot."""
    index = make(48, metric)
    vectors, query = noise(300, 48) * np.float32(scale), noise(48, seed=1)
    slots = np.random.default_rng(2).permutation(400)[:300]
    index.upsert(slots, vectors)

    scores = index.scores(query, 400)

    expected = np.full(400, -np.inf)
    expected[slots] = [score(metric, vector, query) for vector in vectors]
    assert scores.dtype == np.float32
    np.testing.assert_allclose(expected, scores, rtol=1e-5, atol=1e-5)


def test_a_slot_scores_by_its_best_vector(make: Callable[..., VectorIndex]) -> None:
    """Several rows of one slot are one item."""
    index = make(2)
    index.upsert([2, 5, 2], rows([1, 0], [0.6, 0.8], [0, 1]))

    assert 2 == len(index)
    np.testing.assert_allclose(
        [-np.inf] * 2 + [1.0, -np.inf, -np.inf, 0.8], index.scores(rows([0, 1])[0], 6), atol=1e-6
    )
    assert [2, 5] == index.search(rows([0, 1])[0], 2).slots.tolist()
    np.testing.assert_allclose(rows([1, 0], [0, 1]), index.vectors_of(2), atol=1e-6)


def test_scores_may_be_shorter_or_longer_than_the_slots(index: VectorIndex) -> None:
    """`size` is the caller's: slots from there on are left out, further ones are -inf."""
    query = rows([1, 0])[0]

    assert [] == index.scores(query, 0).tolist()
    np.testing.assert_allclose([1.0, 0.0], index.scores(query, 2), atol=1e-6)
    np.testing.assert_allclose([1.0, 0.0, -np.inf, -np.inf, 0.6, -np.inf], index.scores(query, 6), atol=1e-6)


def test_scores_belong_to_the_caller(index: VectorIndex) -> None:
    """Writing into an answer, or into what was given, changes nothing in the index."""
    given = rows([3, 4])
    index.upsert([2], given)
    given[:] = 0
    index.scores(rows([1, 0])[0], 5)[:] = 7
    index.search(rows([1, 0])[0], 5).scores[:] = 7
    index.vectors_of(0)[:] = 7

    np.testing.assert_allclose([1.0, 0.0, 0.6, -np.inf, 0.6], index.scores(rows([1, 0])[0], 5), atol=1e-6)


def test_the_cosine_with_a_zero_vector_is_zero(make: Callable[..., VectorIndex]) -> None:
    """Zero vectors, stored or asked with, are as far from everything as what is orthogonal."""
    index = make(2)
    index.upsert([0, 1, 2], rows([0, 0], [1, 0], [-1, 0]))

    np.testing.assert_array_equal([0, 1, -1], index.scores(rows([5, 0])[0], 3))
    np.testing.assert_array_equal([0, 0, 0], index.scores(rows([0, 0])[0], 3))
    assert [1, 0, 2] == index.search(rows([5, 0])[0], 3).slots.tolist()


@pytest.mark.parametrize("scale", [1e-25, 3e-22, 1e-12, 1e12, 1e25])
def test_the_cosine_does_not_depend_on_the_length(make: Callable[..., VectorIndex], scale: float) -> None:
    """Very long and very short vectors, whose squares leave float32, have the same cosine."""
    index = make(32)
    vectors, query = noise(20, 32), noise(32, seed=1)
    index.upsert(range(20), vectors * np.float32(scale))

    expected = [score("cosine", vector, query) for vector in vectors]
    np.testing.assert_allclose(expected, index.scores(query, 20), atol=1e-5)
    np.testing.assert_allclose(expected, index.scores(query * np.float32(scale), 20), atol=1e-5)


def test_near_neighbours_keep_their_distance() -> None:
    """The Euclidean distance of vectors that hardly differ is not lost in rounding."""
    index = FlatIndex(2, "l2")
    index.upsert([0, 1], rows([1000, 1000], [1000.001, 1000]))

    expected = float(np.float32(1000.001)) - 1000
    np.testing.assert_allclose([0.0, -expected], index.scores(rows([1000, 1000])[0], 2), rtol=1e-5)
