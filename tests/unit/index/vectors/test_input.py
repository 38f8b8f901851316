"""What any index of vectors takes, and what it refuses without a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.index.vectors.conftest import WITH_METRIC, noise, rows, score
from warmgraph.errors import DimensionError, InvalidArgumentError
from warmgraph.index import FlatIndex, Metric, VectorIndex


@pytest.mark.parametrize(
    "vectors",
    [
        noise(6, 4)[::2],
        np.asfortranarray(noise(3, 4)),
        noise(3, 8)[:, ::2],
        noise(3, 4).astype(np.float64),
        noise(3, 4).astype(np.float16),
        np.arange(12).reshape(3, 4),
        noise(3, 4).tolist(),
    ],
    ids=["strided rows", "column order", "strided columns", "float64", "float16", "int", "list"],
)
def test_any_layout_and_real_dtype_is_taken(make: Callable[..., VectorIndex], vectors: Any) -> None:
    """What holds real numbers in the right shape is converted."""
    index = make(4)
    index.upsert(np.array([0, 1, 2], np.int32), vectors)

    array = np.array(vectors, np.float64)
    for query in (array[1], array[1].tolist(), np.repeat(array[1], 2)[::2], array[1].astype(np.float32)):
        expected = [score("cosine", vector, array[1]) for vector in array]
        np.testing.assert_allclose(expected, index.scores(query, 3), atol=1e-3 if array.dtype == np.float16 else 1e-5)


BAD_ROWS: list[tuple[str, Any, Any, type[Exception]]] = [
    ("too many dimensions", [0], noise(1, 3), DimensionError),
    ("one vector, not rows", [0], noise(2), DimensionError),
    ("fewer rows than slots", [0, 1], noise(1, 2), DimensionError),
    ("no rows", [0], np.empty((0, 2)), DimensionError),
    ("rows without slots", [], noise(1, 2), DimensionError),
    ("not a number", [0, 2], rows([1, 2], [np.nan, 0]), DimensionError),
    ("infinite", [0], rows([np.inf, 0]), DimensionError),
    ("beyond float32", [0], np.array([[1e39, 0]]), DimensionError),
    ("complex", [0], np.array([[1j, 0]]), DimensionError),
    ("text", [0], [["a", "b"]], DimensionError),
    ("bool", [0], np.array([[True, False]]), DimensionError),
    ("ragged", [0, 1], [[1.0], [1.0, 2.0]], DimensionError),
    ("None", [0], None, DimensionError),
    ("negative slot", [-1], noise(1, 2), InvalidArgumentError),
    ("huge slot", [2**40], noise(1, 2), InvalidArgumentError),
    ("slot no int", [0.5], noise(1, 2), InvalidArgumentError),
    ("slots nested", [[0]], noise(1, 2), InvalidArgumentError),
    ("slot is text", ["0"], noise(1, 2), InvalidArgumentError),
]


@pytest.mark.parametrize(("slots", "vectors", "error"), [row[1:] for row in BAD_ROWS], ids=[row[0] for row in BAD_ROWS])
def test_bad_input_changes_nothing(index: VectorIndex, slots: Any, vectors: Any, error: type[Exception]) -> None:
    """A refused upsert leaves every slot as it was."""
    before = index.scores(rows([1, 2])[0], 6)

    with pytest.raises(error):
        index.upsert(slots, vectors)

    index._check()
    np.testing.assert_array_equal(before, index.scores(rows([1, 2])[0], 6))


@pytest.mark.parametrize(("make", "metric"), WITH_METRIC)
@pytest.mark.parametrize(
    "query",
    [
        noise(3),
        noise(1, 2),
        np.float32(1),
        rows([np.nan, 1])[0],
        rows([np.inf, 1])[0],
        [1, "a"],
        None,
        [1e39, 0.0],
        [1j, 0],
    ],
    ids=["dims", "row", "scalar", "nan", "inf", "text", "None", "beyond float32", "complex"],
)
def test_a_bad_query_is_refused(make: Callable[..., VectorIndex], metric: Metric, query: Any) -> None:
    """Every way to ask checks the query, also in an empty index."""
    index = make(2, metric)
    for _ in range(2):
        with pytest.raises(DimensionError, match="query"):
            index.search(query, 1)
        with pytest.raises(DimensionError, match="query"):
            index.scores(query, 1)
        index.upsert([0], rows([1, 0]))


@pytest.mark.parametrize("metric", ["dot", "l2"])
def test_vectors_whose_products_overflow_are_refused(metric: Metric) -> None:
    """No score is ever infinite or NaN: vectors too long for float32 products are named as such."""
    index = FlatIndex(2, metric)
    index.upsert([0, 1], rows([9e17, 0], [-9e17, 0]))

    assert np.isfinite(index.scores(rows([9e17, 0])[0], 2)).all()
    with pytest.raises(DimensionError, match="vectors: expected vectors of length"):
        index.upsert([0], rows([0, 2e18]))
    with pytest.raises(DimensionError, match="query: expected a vector of length"):
        index.search(rows([0, 2e18])[0], 1)


@pytest.mark.parametrize("k", [0, -1, 1.5, "3", None])
def test_k_is_at_least_one(index: VectorIndex, k: Any) -> None:
    """Asking for nothing is a mistake, and named."""
    with pytest.raises(InvalidArgumentError, match="k: expected an int >= 1"):
        index.search(rows([1, 0])[0], k)


@pytest.mark.parametrize("allowed", [[True], np.ones((1, 2), bool), np.ones(5), np.array([0, 1])])
def test_a_mask_is_an_array_of_bool(index: VectorIndex, allowed: Any) -> None:
    """A list of slots given for a mask is not taken for one."""
    with pytest.raises(InvalidArgumentError, match="allowed"):
        index.search(rows([1, 0])[0], 1, allowed=allowed)


def test_a_negative_size_is_refused(index: VectorIndex) -> None:
    """The answer cannot have fewer than no slots."""
    with pytest.raises(InvalidArgumentError, match="size"):
        index.scores(rows([1, 0])[0], -1)


def test_a_threshold_is_a_number(index: VectorIndex) -> None:
    """NaN, with which nothing compares, is refused."""
    with pytest.raises(InvalidArgumentError, match="score_threshold"):
        index.search(rows([1, 0])[0], 1, score_threshold=float("nan"))


@pytest.mark.parametrize(("dims", "metric"), [(0, "cosine"), (-1, "dot"), (2.0, "l2"), (3, "manhattan"), (True, "dot")])
def test_an_index_needs_dims_and_a_known_metric(make: Callable[..., VectorIndex], dims: Any, metric: Any) -> None:
    """What an index is made with is checked."""
    with pytest.raises(InvalidArgumentError):
        make(dims, metric)
