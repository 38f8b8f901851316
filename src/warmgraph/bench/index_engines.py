"""The indexes that are compared, each behind the same few methods."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from warmgraph.bench.index_data import Floats
from warmgraph.errors import MissingDependencyError
from warmgraph.index import FlatIndex, IntArray, Plan, RoutedIndex, top_k

__all__ = ["ENGINES", "Engine", "Routed"]


class Engine:
    """An index under test. Ids are row numbers.

    Attributes:
        name: For the table.
        package: What has to be installed.
        levels: Settings from fast to thorough; the first that reaches the recall wanted is measured.
    """

    name: ClassVar[str] = ""
    package: ClassVar[str | None] = None
    levels: ClassVar[Sequence[int]] = (0,)
    largest: ClassVar[int] = 200_000

    def __init__(self, dims: int) -> None:
        self.dims: int = dims
        if self.package is not None and find_spec(self.package) is None:
            raise MissingDependencyError(self.package, extra="bench")

    def build(self, vectors: Floats) -> None:
        """Take in all vectors."""
        raise NotImplementedError

    def set_level(self, level: int) -> None:
        """Set how thorough to search."""

    def search(self, query: Floats, k: int) -> IntArray:
        """Return the ids of the best `k`."""
        raise NotImplementedError

    def insert(self, number: int, vector: Floats) -> None:
        """Add one vector to the live index, or replace it."""
        raise NotImplementedError

    def remove(self, number: int) -> None:
        """Remove one vector from the live index."""
        raise NotImplementedError

    def bytes_per_item(self, count: int) -> float:
        """Return bytes of RAM an item."""
        raise NotImplementedError


class Bare(Engine):
    """A matrix, a product, a selection: what every exact search costs at least."""

    name = "numpy exact"

    def build(self, vectors: Floats) -> None:
        self._vectors, self._names = vectors.copy(), np.arange(len(vectors))

    def search(self, query: Floats, k: int) -> IntArray:
        rows = self._vectors
        scores = rows @ query if len(rows) < 10_000 else np.vecdot(rows, query)
        return top_k(self._names, scores, k).slots

    def bytes_per_item(self, count: int) -> float:
        return 4.0 * self.dims


class Flat(Engine):
    """`FlatIndex`."""

    name = "warmgraph FlatIndex"

    def build(self, vectors: Floats) -> None:
        self._index = FlatIndex(self.dims)
        self._index.upsert(np.arange(len(vectors)), vectors)

    def search(self, query: Floats, k: int) -> IntArray:
        return self._index.search(query, k).slots

    def insert(self, number: int, vector: Floats) -> None:
        self._index.upsert([number], vector[None])

    def remove(self, number: int) -> None:
        self._index.remove([number])

    def bytes_per_item(self, count: int) -> float:
        return self._index.stats().ram_bytes / count


class Routed(Engine):
    """`RoutedIndex`, with the plan it comes with."""

    name = "warmgraph RoutedIndex"
    largest = 10**9

    def __init__(self, dims: int, path: Path | None = None, plan: Plan | None = None) -> None:
        super().__init__(dims)
        self.index: RoutedIndex = RoutedIndex(dims, path=path, plan=plan)

    def build(self, vectors: Floats) -> None:
        """Take in all vectors."""
        self.index.upsert(np.arange(len(vectors)), vectors)

    def build_from(self, blocks: Iterator[Floats]) -> None:
        """Take in vectors block by block, and make cells once they are all there."""
        start = 0
        for block in blocks:
            self.index.upsert(np.arange(start, start + len(block)), block)
            start += len(block)
        if self.index.refit_due:
            self.index.refit()

    def search(self, query: Floats, k: int) -> IntArray:
        """Return the ids of the best `k`."""
        return self.index.search(query, k).slots

    def insert(self, number: int, vector: Floats) -> None:
        """Add one vector, or replace it."""
        self.index.upsert([number], vector[None])

    def remove(self, number: int) -> None:
        """Remove one vector."""
        self.index.remove([number])

    def bytes_per_item(self, count: int) -> float:
        """Return bytes of RAM an item."""
        return self.index.stats().ram_bytes / count


class FaissIVF(Engine):
    """faiss IVFFlat with sqrt(N) cells."""

    name = "faiss IVFFlat"
    package: ClassVar[str | None] = "faiss"
    levels: ClassVar[Sequence[int]] = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)

    def build(self, vectors: Floats) -> None:
        faiss: Any = importlib.import_module("faiss")
        faiss.omp_set_num_threads(1)
        nlist = max(1, int(len(vectors) ** 0.5))
        quantizer = faiss.IndexFlatIP(self.dims)
        self._index = faiss.IndexIVFFlat(quantizer, self.dims, nlist, faiss.METRIC_INNER_PRODUCT)
        self._index.train(vectors)
        self._index.set_direct_map_type(faiss.DirectMap.Hashtable)
        self._index.add_with_ids(vectors, np.arange(len(vectors)))
        self._nlist = nlist

    def set_level(self, level: int) -> None:
        self._index.nprobe = min(level, self._nlist)

    def search(self, query: Floats, k: int) -> IntArray:
        found: IntArray = self._index.search(query[None], k)[1][0]
        return found

    def insert(self, number: int, vector: Floats) -> None:
        name = np.array([number])
        self._index.remove_ids(name)
        self._index.add_with_ids(vector[None], name)

    def remove(self, number: int) -> None:
        self._index.remove_ids(np.array([number]))

    def bytes_per_item(self, count: int) -> float:
        return 4.0 * self.dims + 8.0 + 4.0 * self.dims * self._nlist / count


class Hnswlib(Engine):
    """hnswlib, M = 16, ef_construction = 200."""

    name = "hnswlib M=16"
    package: ClassVar[str | None] = "hnswlib"
    levels: ClassVar[Sequence[int]] = (24, 32, 48, 64, 80, 96, 128, 192, 256, 384)

    def build(self, vectors: Floats) -> None:
        hnswlib: Any = importlib.import_module("hnswlib")
        self._index = hnswlib.Index("ip", self.dims)
        self._index.init_index(len(vectors) + 5_000, ef_construction=200, M=16)
        self._index.set_num_threads(1)
        self._index.add_items(vectors, np.arange(len(vectors)))

    def set_level(self, level: int) -> None:
        self._index.set_ef(level)

    def search(self, query: Floats, k: int) -> IntArray:
        found: IntArray = self._index.knn_query(query, k)[0][0]
        return found

    def insert(self, number: int, vector: Floats) -> None:
        self._index.add_items(vector[None], np.array([number]))

    def remove(self, number: int) -> None:
        self._index.mark_deleted(number)

    def bytes_per_item(self, count: int) -> float:
        return float(self._index.index_file_size()) / count


class Usearch(Engine):
    """usearch, the same graph."""

    name = "usearch M=16"
    package: ClassVar[str | None] = "usearch"
    levels: ClassVar[Sequence[int]] = (24, 32, 48, 64, 80, 96, 128, 192, 256, 384)

    def build(self, vectors: Floats) -> None:
        index: Any = importlib.import_module("usearch.index")
        self._index = index.Index(
            ndim=self.dims, metric="ip", dtype="f32", connectivity=16, expansion_add=200, enable_key_lookups=True
        )
        self._index.add(np.arange(len(vectors)), vectors, threads=1)

    def set_level(self, level: int) -> None:
        self._index.expansion_search = level

    def search(self, query: Floats, k: int) -> IntArray:
        return np.asarray(self._index.search(query, k, threads=1).keys, np.int64)

    def insert(self, number: int, vector: Floats) -> None:
        if number in self._index:
            self._index.remove(number)
        self._index.add(number, vector, threads=1)

    def remove(self, number: int) -> None:
        self._index.remove(number)

    def bytes_per_item(self, count: int) -> float:
        return float(self._index.memory_usage) / count


class RoutingMemory(Engine):
    """routing-memory, its codebook and retriever; `top_k` is capped at 5 only in its store."""

    name = "routing-memory"
    package: ClassVar[str | None] = "rm"
    levels: ClassVar[Sequence[int]] = (3, 8, 16, 32, 64)

    def build(self, vectors: Floats) -> None:
        rm: Any = importlib.import_module("rm")
        book = rm.Codebook(dim=self.dims)
        names = [str(number) for number in range(len(vectors))]
        book.fit(vectors, names)
        self._retriever = rm.L1Retriever(book, score_threshold=-1.0)
        for name, vector in zip(names, vectors, strict=True):
            self._retriever.register_item(name, "", vector)

    def set_level(self, level: int) -> None:
        self._retriever.n_probes = level

    def search(self, query: Floats, k: int) -> IntArray:
        self._retriever.top_k = k
        return np.array([int(result.item_id) for result in self._retriever.query(query).results], np.int64)

    def insert(self, number: int, vector: Floats) -> None:
        self._retriever.codebook.add(str(number), vector)
        self._retriever.register_item(str(number), "", vector)

    def bytes_per_item(self, count: int) -> float:
        return float("nan")


ENGINES: tuple[type[Engine], ...] = (Bare, Flat, Routed, FaissIVF, Hnswlib, Usearch, RoutingMemory)
