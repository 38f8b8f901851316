"""Vectors to measure an index with: from a file, stretched by jitter where it is too small, or made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmgraph.errors import InvalidArgumentError

__all__ = ["Corpus", "Floats", "load_corpus", "neighbours", "synthetic"]

Floats = npt.NDArray[np.float32]

_BLOCK = 10_000
_JITTER = 0.5
"""Length of what is added to a vector of length 1 to make another: the two have a cosine of about 0.9."""


@dataclass(frozen=True)
class Corpus:
    """Vectors to store, and others of the same kind to ask with.

    Args:
        name: Where they come from.
        base: Array of shape (m, dims), float32, of length 1.
        queries: Array of shape (q, dims), float32, of length 1; none of them is in `base`.
        seed: Of the jitter.
    """

    name: str
    base: Floats
    queries: Floats
    seed: int = 0

    @property
    def dims(self) -> int:
        """Length of the vectors."""
        return int(self.base.shape[1])

    def blocks(self, count: int) -> Iterator[Floats]:
        """Yield the first `count` vectors in blocks; beyond those of `base` they are copies with jitter."""
        rng = np.random.default_rng(self.seed)
        held = len(self.base)
        for start in range(0, count, _BLOCK):
            stop = min(start + _BLOCK, count)
            rows = self.base[np.arange(start, stop) % held]
            copies = np.arange(start, stop) >= held
            noise = rng.standard_normal(rows.shape, dtype=np.float32) * np.float32(_JITTER / self.dims**0.5)
            yield _unit(np.where(copies[:, None], rows + noise, rows))

    def vectors(self, count: int) -> Floats:
        """Return the first `count` vectors as one array."""
        return self.base[:count] if count <= len(self.base) else np.concatenate(list(self.blocks(count)))

    def describe(self, count: int) -> str:
        """Say what the first `count` vectors are."""
        extra = count - len(self.base)
        return f"{count:,} of {self.name}" if extra <= 0 else f"{len(self.base):,} of {self.name}, {extra:,} jittered"


def load_corpus(path: Path | None, queries: int, largest: int, seed: int, dims: int = 384) -> Corpus:
    """Return vectors from a .npy file, or made up ones.

    Args:
        path: An array of shape (n, dims); the last rows become the queries. "wordnet" for WordNet's glosses, embedded
            by all-MiniLM-L6-v2. `None` for synthetic vectors.
        queries: How many to ask with.
        largest: How many will be stored at most.
        seed: Of everything random.
        dims: Length of synthetic vectors.

    Raises:
        InvalidArgumentError: The file does not hold such an array, or too few rows.
        OSError: It cannot be read.
    """
    if path is None:
        rows = synthetic(min(largest, 200_000) + queries, dims, seed)
        return Corpus("synthetic vectors", rows[:-queries], rows[-queries:], seed)
    if str(path) == "wordnet":
        from warmgraph.bench.wordnet import gloss_vectors

        return _corpus("WordNet's glosses (MiniLM)", gloss_vectors(), queries, largest, seed)
    try:
        loaded: Any = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InvalidArgumentError("vectors", expected="a .npy file of numbers", got=str(path)) from error
    if not isinstance(loaded, np.ndarray) or loaded.ndim != 2 or loaded.dtype.kind != "f" or len(loaded) <= queries:
        raise InvalidArgumentError("vectors", expected=f"an array of more than {queries} rows", got=str(path))
    return _corpus(path.stem, loaded, queries, largest, seed)


def _corpus(name: str, loaded: npt.NDArray[np.floating], queries: int, largest: int, seed: int) -> Corpus:
    rows = _unit(loaded.astype(np.float32))
    kept = min(largest, len(rows) - queries)
    return Corpus(name, rows[:kept].copy(), rows[-queries:].copy(), seed)


def synthetic(count: int, dims: int, seed: int) -> Floats:
    """Return vectors that spread as embedded sentences do: in a cone, in topics, and most along few directions.

    Example:
        >>> synthetic(3, 8, seed=0).shape
        (3, 8)
    """
    rng = np.random.default_rng(seed)
    spread = (np.arange(1, dims + 1) ** -0.5).astype(np.float32)
    topics = rng.standard_normal((max(count // 100, 1), dims), dtype=np.float32) * spread
    rows = np.empty((count, dims), np.float32)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        own = rng.standard_normal((stop - start, dims), dtype=np.float32) * spread
        rows[start:stop] = _unit(0.5 * spread + topics[rng.integers(0, len(topics), stop - start)] + own)
    return rows


def neighbours(corpus: Corpus, count: int, k: int) -> list[set[int]]:
    """Return the true `k` nearest of the first `count` vectors, for each query."""
    queries = corpus.queries
    best = np.full((len(queries), k), -np.inf, np.float32)
    found = np.zeros((len(queries), k), np.int64)
    start = 0
    for block in corpus.blocks(count):
        scores = np.concatenate([best, queries @ block.T], axis=1)
        names = np.concatenate(
            [found, np.broadcast_to(np.arange(start, start + len(block)), (len(queries), len(block)))], 1
        )
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        best, found = np.take_along_axis(scores, top, 1), np.take_along_axis(names, top, 1)
        start += len(block)
    return [set(row) for row in found.tolist()]


def _unit(rows: Floats) -> Floats:
    lengths = np.sqrt(np.vecdot(rows, rows))
    lengths[lengths == 0] = 1.0
    scaled: Floats = (rows / lengths[:, None]).astype(np.float32)
    return scaled
