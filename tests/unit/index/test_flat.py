"""What holds for the flat index beyond what holds for all."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from warmgraph.index import FlatIndex, FloatArray


def _noise(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_memory_is_given_back() -> None:
    """The arena shrinks with its content, and to nothing with the last vector."""
    index = FlatIndex(64)
    index.upsert(range(1000), _noise(1000, 64))
    full = index.stats().ram_bytes
    index.remove(range(1, 1000))
    few = index.stats().ram_bytes
    index.remove([0])

    assert 1000 * 64 * 4 <= full <= 2 * 1000 * (64 * 4 + 12)
    assert few < full / 20
    assert index.stats().ram_bytes < 200


@pytest.mark.parametrize("several", [False, True])
def test_reported_memory_is_what_is_taken(several: bool) -> None:
    """`ram_bytes` is within a tenth of what Python allocated for the index."""
    vectors = _noise(3000, 32)
    slots = np.arange(3000) // 3 if several else np.arange(3000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        index = FlatIndex(32)
        for start in range(0, 3000, 300):
            index.upsert(slots[start : start + 300], vectors[start : start + 300])
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert pytest.approx(taken, rel=0.1) == index.stats().ram_bytes


@pytest.mark.parametrize("gone", [0, 2, 3])
def test_slots_in_order_and_out_of_order_score_alike(gone: int) -> None:
    """While row and slot agree the products are the scores; once a removal moves a row they are not."""
    index = FlatIndex(4)
    vectors = np.eye(4, dtype=np.float32)
    index.upsert(range(4), vectors)

    assert [0.0, 0.0, 0.0, 1.0] == index.scores(vectors[3], 4).tolist()
    index.remove([gone])
    for slot in set(range(4)) - {gone}:
        expected = [-np.inf if other == gone else float(other == slot) for other in range(4)]
        assert expected == index.scores(vectors[slot], 4).tolist()
        assert expected[:3] == index.scores(vectors[slot], 3).tolist()


def test_large_arenas_score_like_small_ones() -> None:
    """Beyond the processor's cache another product is used: its scores are the same."""
    index = FlatIndex(512)
    vectors, query = _noise(14_000, 512), _noise(512, seed=1)
    index.upsert(range(14_000), vectors)

    expected = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    np.testing.assert_allclose(expected, index.scores(query, 14_000), atol=1e-5)
