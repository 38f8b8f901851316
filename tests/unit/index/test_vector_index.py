"""What holds for every index of vectors; each implementation stands in `IMPLEMENTATIONS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warmgraph.errors import DimensionError, InvalidArgumentError
from warmgraph.index import FlatIndex, FloatArray, Metric, Plan, RoutedIndex, VectorIndex


def codes(dims: int, metric: Metric = "cosine") -> RoutedIndex:
    """A `RoutedIndex` that makes codes at once, and compares all vectors exactly."""
    return RoutedIndex(dims, metric, plan=Plan(codes_from=1, routed_from=10**9, reranked=10**6, batch=2))


def cells(dims: int, metric: Metric = "cosine") -> RoutedIndex:
    """A `RoutedIndex` that makes codes and cells at once, and compares all vectors exactly."""
    return RoutedIndex(dims, metric, plan=Plan(codes_from=1, routed_from=1, reranked=10**6, batch=1))


IMPLEMENTATIONS: list[Callable[..., VectorIndex]] = [FlatIndex, RoutedIndex, codes, cells]
METRICS: list[Metric] = ["cosine", "dot", "l2"]
WITH_METRIC = [(FlatIndex, metric) for metric in METRICS] + [(make, "cosine") for make in (RoutedIndex, codes, cells)]


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Callable[..., VectorIndex]:
    """The constructor of each implementation."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def index(make: Callable[..., VectorIndex]) -> VectorIndex:
    """Three unit vectors, in slots 0, 1 and 4."""
    index = make(2)
    index.upsert([0, 1, 4], _rows([1, 0], [0, 1], [0.6, 0.8]))
    return index


def _rows(*vectors: list[float]) -> FloatArray:
    return np.array(vectors, np.float32)


def _noise(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _score(metric: Metric, vector: FloatArray, query: FloatArray) -> float:
    x, q = vector.astype(np.float64), query.astype(np.float64)
    if metric == "l2":
        return -float(np.linalg.norm(x - q))
    lengths = float(np.linalg.norm(x) * np.linalg.norm(q)) if metric == "cosine" else 1.0
    return float(x @ q) / (lengths or 1.0)


@pytest.mark.parametrize(("make", "metric"), WITH_METRIC)
@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_scores_are_those_of_the_definition(make: Callable[..., VectorIndex], metric: Metric, scale: float) -> None:
    """Every score equals the metric computed in float64, and sits at its slot."""
    index = make(48, metric)
    vectors, query = _noise(300, 48) * np.float32(scale), _noise(48, seed=1)
    slots = np.random.default_rng(2).permutation(400)[:300]
    index.upsert(slots, vectors)

    scores = index.scores(query, 400)

    expected = np.full(400, -np.inf)
    expected[slots] = [_score(metric, vector, query) for vector in vectors]
    assert scores.dtype == np.float32
    np.testing.assert_allclose(expected, scores, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("make", "metric"), WITH_METRIC)
def test_search_is_the_ranking_of_the_scores(make: Callable[..., VectorIndex], metric: Metric) -> None:
    """Search returns the best k slots in the order of their scores."""
    index = make(16, metric)
    index.upsert(range(900), _noise(900, 16))
    query = _noise(16, seed=1)
    scores = index.scores(query, 900)

    for k in (1, 7, 900, 5_000):
        hits = index.search(query, k)

        expected = np.argsort(-scores, kind="stable")[:k]
        assert expected.tolist() == hits.slots.tolist()
        np.testing.assert_allclose(scores[expected], hits.scores, rtol=1e-5)


def test_equal_scores_come_with_the_higher_slot_first(make: Callable[..., VectorIndex]) -> None:
    """Ties are broken by slot, also where they are cut off."""
    index = make(2)
    index.upsert([3, 9, 5, 7], _rows([1, 0], [2, 0], [3, 0], [0, 1]))

    assert [9, 5] == index.search(_rows([1, 0])[0], 2).slots.tolist()
    assert [9, 5, 3, 7] == index.search(_rows([1, 0])[0], 10).slots.tolist()


def test_a_vector_is_replaced(index: VectorIndex) -> None:
    """A slot stands once, with its newest vector."""
    index.upsert([1], _rows([-1, 0]))

    assert 3 == len(index)
    np.testing.assert_allclose([1.0, -1.0, -np.inf, -np.inf, 0.6], index.scores(_rows([1, 0])[0], 5), atol=1e-6)


def test_a_slot_scores_by_its_best_vector(make: Callable[..., VectorIndex]) -> None:
    """Several rows of one slot are one item."""
    index = make(2)
    index.upsert([2, 5, 2], _rows([1, 0], [0.6, 0.8], [0, 1]))

    assert 2 == len(index)
    np.testing.assert_allclose(
        [-np.inf] * 2 + [1.0, -np.inf, -np.inf, 0.8], index.scores(_rows([0, 1])[0], 6), atol=1e-6
    )
    assert [2, 5] == index.search(_rows([0, 1])[0], 2).slots.tolist()
    np.testing.assert_allclose(_rows([1, 0], [0, 1]), index.vectors_of(2), atol=1e-6)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (3, 2), (2, 2)])
def test_the_number_of_vectors_of_a_slot_may_change(make: Callable[..., VectorIndex], before: int, after: int) -> None:
    """An upsert replaces all vectors of the slots it names and touches no other."""
    index = make(4)
    index.upsert([0, 1, 1, 2], _noise(4, 4))
    others = {slot: index.vectors_of(slot) for slot in (0, 1, 2)}
    index.upsert([3] * before, _noise(before, 4, seed=1))
    newest = _noise(after, 4, seed=2)
    index.upsert([3] * after, newest)

    index._check()
    assert 4 == len(index)
    np.testing.assert_allclose(newest / np.linalg.norm(newest, axis=1)[:, None], index.vectors_of(3), rtol=1e-5)
    for slot, vectors in others.items():
        np.testing.assert_array_equal(vectors, index.vectors_of(slot))


def test_new_and_known_slots_in_one_call(index: VectorIndex) -> None:
    """One call may replace some slots and add others."""
    index.upsert([7, 1, 0], _rows([0, -1], [0, -1], [-1, 0]))

    index._check()
    assert [[0.0, -1.0], [0.0, -1.0], [-1.0, 0.0]] == [index.vectors_of(slot)[0].tolist() for slot in (7, 1, 0)]
    np.testing.assert_allclose(_rows([0.6, 0.8]), index.vectors_of(4))


def test_removed_slots_are_gone(index: VectorIndex) -> None:
    """A removed slot is not found, and unknown ones are ignored."""
    index.remove([0, 0, 17, -3, 2])

    assert 2 == len(index)
    assert 0 not in index
    assert 1 in index
    assert [4, 1] == index.search(_rows([1, 0])[0], 10).slots.tolist()
    assert (0, 2) == index.vectors_of(0).shape


def test_removed_slots_can_be_used_again(index: VectorIndex) -> None:
    """A slot that was handed out again holds the new item only."""
    index.remove([4])
    index.upsert([4, 4], _rows([0, -1], [-1, 0]))

    index._check()
    assert [[0.0, -1.0], [-1.0, 0.0]] == index.vectors_of(4).tolist()


def test_only_allowed_slots_are_found(make: Callable[..., VectorIndex]) -> None:
    """The mask selects slots; slots beyond it are not allowed."""
    index = make(8)
    index.upsert(range(600), _noise(600, 8))
    query = _noise(8, seed=1)
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
    index.upsert([2, 5, 2], _rows([1, 0], [0.6, 0.8], [0, 1]))
    allowed = np.array([False, False, True])

    hits = index.search(_rows([0, 1])[0], 5, allowed=allowed)

    assert [2] == hits.slots.tolist()
    np.testing.assert_allclose([1.0], hits.scores)


def test_scores_may_be_shorter_or_longer_than_the_slots(index: VectorIndex) -> None:
    """`size` is the caller's: slots from there on are left out, further ones are -inf."""
    query = _rows([1, 0])[0]

    assert [] == index.scores(query, 0).tolist()
    np.testing.assert_allclose([1.0, 0.0], index.scores(query, 2), atol=1e-6)
    np.testing.assert_allclose([1.0, 0.0, -np.inf, -np.inf, 0.6, -np.inf], index.scores(query, 6), atol=1e-6)


def test_scores_belong_to_the_caller(index: VectorIndex) -> None:
    """Writing into an answer, or into what was given, changes nothing in the index."""
    given = _rows([3, 4])
    index.upsert([2], given)
    given[:] = 0
    index.scores(_rows([1, 0])[0], 5)[:] = 7
    index.search(_rows([1, 0])[0], 5).scores[:] = 7
    index.vectors_of(0)[:] = 7

    np.testing.assert_allclose([1.0, 0.0, 0.6, -np.inf, 0.6], index.scores(_rows([1, 0])[0], 5), atol=1e-6)


def test_an_empty_index_finds_nothing(make: Callable[..., VectorIndex]) -> None:
    """Before the first vector and after the last, an index answers, with nothing."""
    index = make(3)
    for _ in range(2):
        assert 0 == len(index)
        assert [] == index.search(np.ones(3, np.float32), 5).slots.tolist()
        assert [-np.inf] * 2 == index.scores(np.ones(3, np.float32), 2).tolist()
        assert [] == index.search(np.ones(3, np.float32), 5, allowed=np.ones(4, bool)).slots.tolist()
        index._check()
        index.upsert([1, 6], _noise(2, 3))
        index.remove([1, 6])


def test_upserting_nothing_does_nothing(index: VectorIndex) -> None:
    """Empty input is no error."""
    index.upsert([], np.empty((0, 2), np.float32))
    index.upsert([], [])  # type: ignore[arg-type]

    assert 3 == len(index)


def test_the_cosine_with_a_zero_vector_is_zero(make: Callable[..., VectorIndex]) -> None:
    """Zero vectors, stored or asked with, are as far from everything as what is orthogonal."""
    index = make(2)
    index.upsert([0, 1, 2], _rows([0, 0], [1, 0], [-1, 0]))

    np.testing.assert_array_equal([0, 1, -1], index.scores(_rows([5, 0])[0], 3))
    np.testing.assert_array_equal([0, 0, 0], index.scores(_rows([0, 0])[0], 3))
    assert [1, 0, 2] == index.search(_rows([5, 0])[0], 3).slots.tolist()


@pytest.mark.parametrize("scale", [1e-25, 3e-22, 1e-12, 1e12, 1e25])
def test_the_cosine_does_not_depend_on_the_length(make: Callable[..., VectorIndex], scale: float) -> None:
    """Very long and very short vectors, whose squares leave float32, have the same cosine."""
    index = make(32)
    vectors, query = _noise(20, 32), _noise(32, seed=1)
    index.upsert(range(20), vectors * np.float32(scale))

    expected = [_score("cosine", vector, query) for vector in vectors]
    np.testing.assert_allclose(expected, index.scores(query, 20), atol=1e-5)
    np.testing.assert_allclose(expected, index.scores(query * np.float32(scale), 20), atol=1e-5)


def test_near_neighbours_keep_their_distance() -> None:
    """The Euclidean distance of vectors that hardly differ is not lost in rounding."""
    index = FlatIndex(2, "l2")
    index.upsert([0, 1], _rows([1000, 1000], [1000.001, 1000]))

    expected = float(np.float32(1000.001)) - 1000
    np.testing.assert_allclose([0.0, -expected], index.scores(_rows([1000, 1000])[0], 2), rtol=1e-5)


def test_saving_and_loading_changes_no_bit(make: Callable[..., VectorIndex]) -> None:
    """Vectors read from one index and put into another are the same there."""
    index, copy = make(64), make(64)
    index.upsert(range(50), _noise(50, 64))
    stored = np.concatenate([index.vectors_of(slot) for slot in range(50)])
    copy.upsert(range(50), stored)

    np.testing.assert_array_equal(stored, np.concatenate([copy.vectors_of(slot) for slot in range(50)]))


@pytest.mark.parametrize(
    "vectors",
    [
        _noise(6, 4)[::2],
        np.asfortranarray(_noise(3, 4)),
        _noise(3, 8)[:, ::2],
        _noise(3, 4).astype(np.float64),
        _noise(3, 4).astype(np.float16),
        np.arange(12).reshape(3, 4),
        _noise(3, 4).tolist(),
    ],
    ids=["strided rows", "column order", "strided columns", "float64", "float16", "int", "list"],
)
def test_any_layout_and_real_dtype_is_taken(make: Callable[..., VectorIndex], vectors: Any) -> None:
    """What holds real numbers in the right shape is converted."""
    index = make(4)
    index.upsert(np.array([0, 1, 2], np.int32), vectors)

    array = np.array(vectors, np.float64)
    for query in (array[1], array[1].tolist(), np.repeat(array[1], 2)[::2], array[1].astype(np.float32)):
        expected = [_score("cosine", vector, array[1]) for vector in array]
        np.testing.assert_allclose(expected, index.scores(query, 3), atol=1e-3 if array.dtype == np.float16 else 1e-5)


BAD_ROWS: list[tuple[str, Any, Any, type[Exception]]] = [
    ("too many dimensions", [0], _noise(1, 3), DimensionError),
    ("one vector, not rows", [0], _noise(2), DimensionError),
    ("fewer rows than slots", [0, 1], _noise(1, 2), DimensionError),
    ("no rows", [0], np.empty((0, 2)), DimensionError),
    ("rows without slots", [], _noise(1, 2), DimensionError),
    ("not a number", [0, 2], _rows([1, 2], [np.nan, 0]), DimensionError),
    ("infinite", [0], _rows([np.inf, 0]), DimensionError),
    ("beyond float32", [0], np.array([[1e39, 0]]), DimensionError),
    ("complex", [0], np.array([[1j, 0]]), DimensionError),
    ("text", [0], [["a", "b"]], DimensionError),
    ("bool", [0], np.array([[True, False]]), DimensionError),
    ("ragged", [0, 1], [[1.0], [1.0, 2.0]], DimensionError),
    ("None", [0], None, DimensionError),
    ("negative slot", [-1], _noise(1, 2), InvalidArgumentError),
    ("huge slot", [2**40], _noise(1, 2), InvalidArgumentError),
    ("slot no int", [0.5], _noise(1, 2), InvalidArgumentError),
    ("slots nested", [[0]], _noise(1, 2), InvalidArgumentError),
    ("slot is text", ["0"], _noise(1, 2), InvalidArgumentError),
]


@pytest.mark.parametrize(("slots", "vectors", "error"), [row[1:] for row in BAD_ROWS], ids=[row[0] for row in BAD_ROWS])
def test_bad_input_changes_nothing(index: VectorIndex, slots: Any, vectors: Any, error: type[Exception]) -> None:
    """A refused upsert leaves every slot as it was."""
    before = index.scores(_rows([1, 2])[0], 6)

    with pytest.raises(error):
        index.upsert(slots, vectors)

    index._check()
    np.testing.assert_array_equal(before, index.scores(_rows([1, 2])[0], 6))


@pytest.mark.parametrize(("make", "metric"), WITH_METRIC)
@pytest.mark.parametrize(
    "query",
    [
        _noise(3),
        _noise(1, 2),
        np.float32(1),
        _rows([np.nan, 1])[0],
        _rows([np.inf, 1])[0],
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
        index.upsert([0], _rows([1, 0]))


@pytest.mark.parametrize("metric", ["dot", "l2"])
def test_vectors_whose_products_overflow_are_refused(metric: Metric) -> None:
    """No score is ever infinite or NaN: vectors too long for float32 products are named as such."""
    index = FlatIndex(2, metric)
    index.upsert([0, 1], _rows([9e17, 0], [-9e17, 0]))

    assert np.isfinite(index.scores(_rows([9e17, 0])[0], 2)).all()
    with pytest.raises(DimensionError, match="vectors: expected vectors of length"):
        index.upsert([0], _rows([0, 2e18]))
    with pytest.raises(DimensionError, match="query: expected a vector of length"):
        index.search(_rows([0, 2e18])[0], 1)


@pytest.mark.parametrize("k", [0, -1, 1.5, "3", None])
def test_k_is_at_least_one(index: VectorIndex, k: Any) -> None:
    """Asking for nothing is a mistake, and named."""
    with pytest.raises(InvalidArgumentError, match="k: expected an int >= 1"):
        index.search(_rows([1, 0])[0], k)


@pytest.mark.parametrize("allowed", [[True], np.ones((1, 2), bool), np.ones(5), np.array([0, 1])])
def test_a_mask_is_an_array_of_bool(index: VectorIndex, allowed: Any) -> None:
    """A list of slots given for a mask is not taken for one."""
    with pytest.raises(InvalidArgumentError, match="allowed"):
        index.search(_rows([1, 0])[0], 1, allowed=allowed)


def test_a_negative_size_is_refused(index: VectorIndex) -> None:
    """The answer cannot have fewer than no slots."""
    with pytest.raises(InvalidArgumentError, match="size"):
        index.scores(_rows([1, 0])[0], -1)


@pytest.mark.parametrize(("dims", "metric"), [(0, "cosine"), (-1, "dot"), (2.0, "l2"), (3, "manhattan"), (True, "dot")])
def test_an_index_needs_dims_and_a_known_metric(make: Callable[..., VectorIndex], dims: Any, metric: Any) -> None:
    """What an index is made with is checked."""
    with pytest.raises(InvalidArgumentError):
        make(dims, metric)


def test_membership_takes_anything(index: VectorIndex) -> None:
    """`in` answers for whatever it is asked."""
    assert [True, True, False, False, False, False] == [slot in index for slot in (4, np.int64(1), 2, 10**9, -1, "4")]


def test_stats_count_items_and_vectors(index: VectorIndex) -> None:
    """Items are slots; an item may have several vectors."""
    index.upsert([8, 8], _noise(2, 2))
    stats = index.stats()

    assert (4, 5, 0) == (stats.items, stats.vectors, stats.disk_bytes)
    assert stats.ram_bytes >= 5 * 2 * 4


@pytest.mark.parametrize("threshold", [-2.0, 0.5, 0.6, 2.0])
def test_a_threshold_leaves_out_lower_scores(index: VectorIndex, threshold: float) -> None:
    """Hits below the threshold are dropped, those that meet it stay."""
    query = _rows([1, 0])[0]
    everything = index.search(query, 10)

    hits = index.search(query, 10, score_threshold=threshold)

    assert [score for score in everything.scores.tolist() if score >= threshold] == hits.scores.tolist()


def test_a_threshold_is_a_number(index: VectorIndex) -> None:
    """NaN, with which nothing compares, is refused."""
    with pytest.raises(InvalidArgumentError, match="score_threshold"):
        index.search(_rows([1, 0])[0], 1, score_threshold=float("nan"))
