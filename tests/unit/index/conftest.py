"""Vectors that lie as embeddings do: in topics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from warmgraph.index import FlatIndex, FloatArray, Plan, RoutedIndex

SMALL = Plan(codes_from=200, routed_from=1_000, fewest=40, reranked=100, batch=16)
"""All ways of an index within a few thousand vectors."""


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


def loaded(vectors: FloatArray, path: Path | None = None, plan: Plan = SMALL) -> RoutedIndex:
    """A routed index of vectors by row number."""
    index = RoutedIndex(vectors.shape[1], path=path, plan=plan)
    index.upsert(np.arange(len(vectors)), vectors)
    return index


def recall_of(index: RoutedIndex, truth: FlatIndex, queries: FloatArray, k: int = 10) -> float:
    """The share of the true best that an index finds."""
    found = [
        len(set(index.search(query, k).slots.tolist()) & set(truth.search(query, k).slots.tolist())) / k
        for query in queries
    ]
    return float(np.mean(found))
