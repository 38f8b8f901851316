"""The parts of a routed index, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warmgraph.errors import DimensionError, InvalidArgumentError
from warmgraph.index import Codebook, DriftDetector, FloatArray, Plan
from warmgraph.index.nearest import nearest, up_to, within
from warmgraph.index.pages import CodePages
from warmgraph.index.signals import gini
from warmgraph.index.signs import SignCoder

Topics = Callable[..., FloatArray]


@pytest.mark.parametrize("total", [10, 900, 5_000, 50_000])
@pytest.mark.parametrize("number", [1, 30, 400])
def test_the_nearest_are_all_up_to_a_distance(total: int, number: int) -> None:
    """What comes back is the smallest distances, about as many as asked for and none nearer left out."""
    distances = np.random.default_rng(total).binomial(320, 0.4, total).astype(np.uint16)

    found = nearest(distances, number)

    assert len(found) == len(set(found.tolist()))
    assert min(number, total) <= len(found) <= 2 * number or len(found) == total
    left = np.delete(distances, found)
    assert not len(left) or left.min() >= distances[found].max()


def test_equal_distances_are_cut_off() -> None:
    """A thousand equal distances do not all come back when ten are asked for."""
    assert 10 == len(nearest(np.full(5_000, 7, np.uint16), 10))


@pytest.mark.parametrize("total", [30, 900, 5_000, 50_000])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_what_is_within_a_slack_is_near(total: int, k: int) -> None:
    """What comes back is the smallest distances: at least `k`, no more than the bound lets through, and none nearer."""
    distances = np.random.default_rng(total).binomial(384, 0.4, total).astype(np.uint16)

    found = within(distances, k, slack=6, number=12 * k)

    assert len(found) == len(set(found.tolist()))
    assert min(k, total) <= len(found) <= max(4 * 12 * k, k)
    left = np.delete(distances, found)
    assert not len(left) or left.min() >= distances[found].max()


def test_a_slack_brings_more_where_more_are_near() -> None:
    """The deeper a crowd of near codes is, the more come back; equal ones are cut off at some number."""
    crowd, lonely = np.full(5_000, 190, np.uint16), np.full(5_000, 190, np.uint16)
    crowd[:200], lonely[:20] = 100, 100

    assert 200 == len(within(crowd, 10, slack=20, number=150))
    assert 300 >= len(within(np.full(5_000, 7, np.uint16), 10, slack=20, number=150)) >= 10
    assert len(within(lonely, 10, slack=20, number=100)) == 20


def test_what_lies_between_two_bounds_is_found() -> None:
    """Above the one and up to the other, and no more than asked for where many lie there."""
    distances = np.random.default_rng(0).binomial(384, 0.4, 20_000).astype(np.uint16)

    found = up_to(distances, 140, 20_000, beyond=120)
    few = up_to(distances, 140, 30, beyond=120)

    assert np.flatnonzero((distances > 120) & (distances <= 140)).tolist() == sorted(found.tolist())
    assert 30 <= len(few) <= 60
    assert distances[few].max() <= np.sort(distances[found])[29]
    assert 0 == len(up_to(distances, 120, 30, beyond=120))


def test_the_distance_of_codes_grows_with_the_angle(topics: Topics) -> None:
    """Vectors further from a query have codes further from its code, by and large."""
    vectors, query = topics(2_000), topics(1, seed=1)[0]
    coder = SignCoder.fit(vectors)
    distances = np.bitwise_count(coder.encode(vectors).T ^ coder.encode_one(query)).sum(axis=0)

    assert np.corrcoef(distances, vectors @ query)[0, 1] < -0.9


@pytest.mark.parametrize("bits", [0, 100, -64])
def test_bits_come_in_words(bits: int) -> None:
    """A code is whole words of 64 bits."""
    with pytest.raises(InvalidArgumentError, match="bits"):
        SignCoder.fit(np.eye(8, dtype=np.float32), bits)


def test_every_code_is_compared_once() -> None:
    """Distances over probed pages are those of the definition, by position, and empty places belong to nobody."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2**63, (900, 5), dtype=np.uint64)
    cells = rng.integers(0, 7, 900)
    pages = CodePages(words=5, cells=7)
    positions = pages.append(cells, codes, np.arange(900))
    probed = np.zeros(8, bool)
    probed[[2, 5]] = True

    chosen = pages.pages_in(probed)
    distances = pages.distances(codes[0][:, None], chosen).reshape(-1, pages.size)
    owners = pages.owners.reshape(-1, pages.size)[chosen]

    pages._check()
    assert sorted(np.flatnonzero(probed[cells]).tolist()) == sorted(owners[owners >= 0].tolist())
    expected = np.bitwise_count(codes ^ codes[0]).sum(axis=1)
    np.testing.assert_array_equal(expected[owners[owners >= 0]], distances[owners >= 0])
    np.testing.assert_array_equal(expected, pages.distances_at(codes[0][:, None], positions))


def test_a_codebook_finds_the_topics(topics: Topics) -> None:
    """Vectors of one topic share few cells, and each vector is nearest to the cell that it gets."""
    vectors = topics(3_000)
    codebook = Codebook(60, seed=1).fit(vectors)
    cells = codebook.predict(vectors)

    assert np.array_equal(cells, (vectors @ codebook.axes_ @ codebook.centroids_.T).argmax(axis=1))
    assert (vectors * codebook.centroids_[cells]).sum(axis=1).mean() > 0.7


def test_centroids_are_the_means_of_their_members(topics: Topics) -> None:
    """However members come and go, a cell points where the sum of those that are there points."""
    vectors = topics(500)
    codebook = Codebook(10).fit(vectors)
    cells = codebook.predict(vectors)
    codebook.partial_fit(vectors, cells)
    codebook.partial_fit(vectors[:200], cells[:200], sign=-1)

    codebook._check(vectors[200:], cells[200:])


@pytest.mark.parametrize("nlist", [0, -3, 2.0, True])
def test_a_codebook_has_a_cell_at_least(nlist: Any) -> None:
    """The number of cells is a positive int."""
    with pytest.raises(InvalidArgumentError, match="nlist"):
        Codebook(nlist)


def test_a_codebook_needs_a_vector_for_each_cell() -> None:
    """Fewer vectors than cells are refused before anything is fitted."""
    with pytest.raises(DimensionError, match="at least 9 rows"):
        Codebook(9).fit(np.eye(8, dtype=np.float32))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_drift_is_told_from_noise(scale: float) -> None:
    """A shift of one deviation is reported within 300 values; a hundred thousand values without one are not."""
    rng = np.random.default_rng(0)
    detector = DriftDetector()
    for x in scale * rng.normal(0.5, 0.1, 100_000):
        detector.update(float(x))
    steady = detector.drift_detected
    for x in scale * rng.normal(0.6, 0.1, 300):
        detector.update(float(x))

    assert (False, True) == (steady, detector.drift_detected)
    detector.reset()
    assert not detector.drift_detected


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"warmup": 1}])
def test_a_detector_needs_something_to_go_by(wrong: dict[str, Any]) -> None:
    """A threshold that everything passes, or nothing to learn from, is a mistake."""
    with pytest.raises(InvalidArgumentError):
        DriftDetector(**wrong)


def test_gini_tells_even_from_uneven() -> None:
    """0 is even, 1 is all in one cell; nothing at all is even."""
    assert (0.0, 0.0) == (gini(np.array([4, 4])), gini(np.array([0, 0])))
    assert gini(np.array([0] * 999 + [5])) > 0.99


def test_more_hits_take_a_longer_look() -> None:
    """The number of vectors compared exactly grows with k and stays above it."""
    plan = Plan()

    assert plan.rerank(1) == plan.rerank(5) <= plan.rerank(100) < plan.rerank(1_000)
    assert all(plan.rerank(k) > k for k in (1, 10, 100, 10_000))
