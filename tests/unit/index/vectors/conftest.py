"""What holds for every index of vectors is tested here; each implementation stands in `IMPLEMENTATIONS`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from warmgraph.index import FlatIndex, FloatArray, Metric, Plan, RoutedIndex, VectorIndex


def codes(dims: int, metric: Metric = "cosine") -> RoutedIndex:
    """A `RoutedIndex` that makes codes at once, and compares all vectors exactly."""
    return RoutedIndex(dims, metric, plan=Plan(codes_from=1, routed_from=10**9, reranked=10**6, batch=2))


def cells(dims: int, metric: Metric = "cosine") -> RoutedIndex:
    """A `RoutedIndex` that makes codes and cells at once, and compares all vectors exactly."""
    return RoutedIndex(dims, metric, plan=Plan(codes_from=1, routed_from=1, reranked=10**6, batch=1))


def few(dims: int, metric: Metric = "cosine") -> FlatIndex:
    """A `FlatIndex` for few of very many slots."""
    return FlatIndex(dims, metric, few=True)


IMPLEMENTATIONS: list[Callable[..., VectorIndex]] = [FlatIndex, few, RoutedIndex, codes, cells]
METRICS: list[Metric] = ["cosine", "dot", "l2"]
WITH_METRIC: list[tuple[Callable[..., VectorIndex], Metric]] = [(FlatIndex, metric) for metric in METRICS]
WITH_METRIC += [(make, "cosine") for make in (few, RoutedIndex, codes, cells)]


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Callable[..., VectorIndex]:
    """The constructor of each implementation."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def index(make: Callable[..., VectorIndex]) -> VectorIndex:
    """Three unit vectors, in slots 0, 1 and 4."""
    index = make(2)
    index.upsert([0, 1, 4], rows([1, 0], [0, 1], [0.6, 0.8]))
    return index


def rows(*vectors: list[float]) -> FloatArray:
    """Vectors, written out."""
    return np.array(vectors, np.float32)


def noise(*shape: int, seed: int = 0) -> FloatArray:
    """Normally distributed numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def score(metric: Metric, vector: FloatArray, query: FloatArray) -> float:
    """The score as the definition has it, in float64."""
    x, q = vector.astype(np.float64), query.astype(np.float64)
    if metric == "l2":
        return -float(np.linalg.norm(x - q))
    lengths = float(np.linalg.norm(x) * np.linalg.norm(q)) if metric == "cosine" else 1.0
    return float(x @ q) / (lengths or 1.0)
