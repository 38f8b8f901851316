"""Vectors that lie as embeddings do: in topics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from warmgraph.index import FlatIndex, FloatArray


@pytest.fixture(scope="session")
def topics() -> Callable[..., FloatArray]:
    """Makes unit vectors around 60 centres; another seed makes others around the same ones."""

    def make(count: int, dims: int = 64, seed: int = 0) -> FloatArray:
        centres = np.random.default_rng(99).standard_normal((60, dims))
        rng = np.random.default_rng(seed)
        rows = centres[rng.integers(0, 60, count)] + 0.7 * rng.standard_normal((count, dims))
        unit: FloatArray = (rows / np.linalg.norm(rows, axis=1)[:, None]).astype(np.float32)
        return unit

    return make


def flat_copy(vectors: FloatArray) -> FlatIndex:
    """An exact index of vectors by row number."""
    index = FlatIndex(vectors.shape[1])
    index.upsert(np.arange(len(vectors)), vectors)
    return index
