"""Namespaces that are large by a plan of small numbers: codes from 200 vectors on, cells from 1,000."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import PutOp
from numpy.typing import NDArray

from warmgraph.index import Plan
from warmgraph.store import RoutedStore

SMALL = Plan(
    codes_from=200,
    routed_from=1_000,
    estimated_from=200,
    mapped_from=300,
    nlist=64,
    fewest=24,
    probed=0.3,
    reranked=100,
    batch=16,
)
DIMS = 32


class TopicEmbeddings:
    """Embeds a text by the number it begins with, near one of 40 centres, and counts the documents."""

    def __init__(self) -> None:
        self.documents = 0
        self._centres = np.random.default_rng(99).standard_normal((40, DIMS))

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """Return unit vectors."""
        self.documents += len(texts)
        return [self.vector(text).tolist() for text in texts]

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a text."""
        rng = np.random.default_rng(int(text.split()[0]))
        row = self._centres[rng.integers(40)] + 0.7 * rng.standard_normal(DIMS)
        unit: NDArray[np.float32] = (row / np.linalg.norm(row)).astype(np.float32)
        return unit


@pytest.fixture
def embed() -> TopicEmbeddings:
    """Embed by topics."""
    return TopicEmbeddings()


def index_of(embed: TopicEmbeddings) -> Any:
    """Return an index configuration."""
    return {"dims": DIMS, "embed": embed, "fields": ["text"]}


def opened(path: Path | str, embed: TopicEmbeddings, plan: Plan = SMALL, **options: Any) -> RoutedStore:
    """Open a file whose namespaces are large early."""
    return RoutedStore(path, index=index_of(embed), vector_plan=plan, synchronous="NORMAL", **options)


def fill(store: RoutedStore, namespace: tuple[str, ...], numbers: Iterable[int], step: int = 250) -> None:
    """Write an item for each number, and wait until its codes and cells are made."""
    ops = [PutOp(namespace, str(n), {"text": f"{n} word{n % 50}", "n": n}) for n in numbers]
    for start in range(0, len(ops), step):
        store.batch(ops[start : start + step])
    store.load_index(namespace)
    assert store._indexes.refits.join(60.0)


def mode_of(store: RoutedStore, namespace: tuple[str, ...]) -> str:
    """Return how a namespace is searched."""
    vectors: Any = store.load_index(namespace).vectors
    mode: str = vectors.stats().mode
    return mode


def best(embed: TopicEmbeddings, numbers: Iterable[int], query: str, k: int = 10) -> list[str]:
    """Return the keys of the true best, among the items of some numbers."""
    target = embed.vector(query)
    scores = {str(n): float(embed.vector(str(n)) @ target) for n in numbers}
    return sorted(scores, key=lambda key: -scores[key])[:k]
