"""Embeddings for tests: deterministic ones that count their calls, and ones that are looked up."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import ArrayLike, NDArray

from warmgraph.errors import DimensionError, InvalidArgumentError

__all__ = ["FakeEmbeddings", "LookupEmbeddings"]


class FakeEmbeddings(Embeddings):
    """Deterministic unit vectors: the same text gives the same vector everywhere, different texts are unrelated.

    Args:
        dims: Number of dimensions.

    Attributes:
        documents: The batches that `embed_documents` was called with.
        queries: The texts that `embed_query` was called with.

    Example:
        >>> embeddings = FakeEmbeddings(dims=4)
        >>> embeddings.embed_query("tea") == embeddings.embed_documents(["tea"])[0]
        True
        >>> embeddings.calls, embeddings.queries, embeddings.documents
        (2, ['tea'], [['tea']])
    """

    def __init__(self, dims: int = 16) -> None:
        if dims < 1:
            raise InvalidArgumentError("dims", expected="a positive integer", got=dims)
        self.dims = dims
        self.documents: list[list[str]] = []
        self.queries: list[str] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """How often it was called, for documents and queries."""
        with self._lock:
            return len(self.documents) + len(self.queries)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts and remember which."""
        with self._lock:
            self.documents.append(list(texts))
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Embed a query and remember it."""
        with self._lock:
            self.queries.append(text)
        return self._vector(text)

    def _vector(self, text: str) -> list[float]:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        vector = np.random.default_rng(int.from_bytes(digest, "big")).standard_normal(self.dims)
        unit: list[float] = (vector / np.linalg.norm(vector)).tolist()
        return unit


class LookupEmbeddings(Embeddings):
    """Vectors given beforehand, so that a test or a benchmark says which texts are close, and pays nothing.

    Args:
        vectors: A vector for each text; all of one length.

    Raises:
        DimensionError: The vectors differ in length.

    Example:
        >>> embeddings = LookupEmbeddings({"car": [1, 0], "automobile": [0.9, 0.1], "tea": [0, 1]})
        >>> [float(value) for value in embeddings.embed_query("car")]
        [1.0, 0.0]
        >>> embeddings.embed_query("bus")
        Traceback (most recent call last):
        ...
        KeyError: "no vector for the text 'bus'"
    """

    def __init__(self, vectors: Mapping[str, ArrayLike]) -> None:
        self._vectors: dict[str, NDArray[np.float32]] = {}
        for text, vector in vectors.items():
            row = np.array(vector, dtype=np.float32)
            row.flags.writeable = False
            self._vectors[text] = row
        shapes = {row.shape for row in self._vectors.values()}
        if any(len(shape) != 1 for shape in shapes) or len(shapes) > 1:
            raise DimensionError("vectors", expected="vectors of one length", got=f"the shapes {sorted(shapes)}")

    @classmethod
    def from_arrays(cls, texts: Sequence[str], vectors: ArrayLike) -> LookupEmbeddings:
        """Pair n texts with the rows of an array of shape (n, dims). A text that stands twice keeps its last row."""
        rows = np.asarray(vectors, dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(texts):
            raise DimensionError("vectors", expected=f"shape ({len(texts)}, dims)", got=f"shape {rows.shape}")
        return cls(dict(zip(texts, rows, strict=True)))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Look texts up. The rows are numpy arrays, which the stores take without converting."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Look a query up."""
        try:
            return cast(Any, self._vectors[text])  # type: ignore[no-any-return]
        except KeyError:
            raise KeyError(f"no vector for the text {text!r}") from None
