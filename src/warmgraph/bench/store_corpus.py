"""What `warmgraph bench store` stores and asks for: made-up texts with seeded vectors, looked up, not computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Any, cast

import numpy as np
from langchain_core.embeddings import Embeddings
from langgraph.store.base import PutOp
from numpy.typing import NDArray

from warmgraph.bench.words import Vocabulary

__all__ = ["LABEL", "Corpus", "Lookup", "Scale"]

LABEL = "warmgraph-bench"
"""The first label of every namespace: what stands below it in a database that lasts is deleted afterwards."""

_VOCABULARY = 20_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured.

    Args:
        sizes: Items of the namespaces that are searched alone: a small one and a large one.
        namespaces: How many namespaces stand beside each other.
        items_each: Items of each of these.
        reopened: Items of the file that is opened again.
        laps: Laps of each comparison.
        seconds: A comparison ends after its first lap that ends later than this.
        dims: Dimensions of the vectors.
        batch: Items of a batch that is written to disk.
        writers: Threads that write at once.
        bars: Whether the bars apply; they were set for the full scale.
    """

    sizes: tuple[int, int] = (32, 1_000)
    namespaces: int = 1_000
    items_each: int = 100
    reopened: int = 10_000
    laps: int = 100
    seconds: float = 20.0
    dims: int = 384
    batch: int = 100
    writers: int = 16
    bars: bool = True

    @property
    def crowd(self) -> int:
        """Items of all namespaces together."""
        return self.namespaces * self.items_each

    @classmethod
    def quick(cls) -> Scale:
        """Return a scale that only shows that everything runs."""
        return cls(
            sizes=(8, 40),
            namespaces=6,
            items_each=20,
            reopened=60,
            laps=2,
            seconds=1.0,
            dims=16,
            batch=5,
            writers=2,
            bars=False,
        )


class Corpus:
    """Texts with unit vectors, and questions with theirs; the same ones for the same seed.

    The vectors are unrelated to the words and to each other. That is no hindrance to exact search, whose work does
    not depend on what the vectors hold.

    Args:
        items: Number of texts.
        queries: Number of questions. With more of them than a store remembers, none is ever asked a second time.
        dims: Dimensions.
        seed: Of words and vectors.

    Attributes:
        texts: The texts.
        queries: The questions.
        vectors: Those of the texts: array of shape (items, dims), float32.
        query_vectors: Those of the questions: array of shape (queries, dims), float32.
    """

    def __init__(self, items: int, queries: int, dims: int, seed: int = 0) -> None:
        rng, vectors = Random(seed), np.random.default_rng(seed)
        vocabulary = Vocabulary(rng, _VOCABULARY)

        def sentence() -> str:
            return " ".join(vocabulary.some(rng.randint(6, 14))).capitalize()

        # The number makes each of them one of its kind.
        self.texts: list[str] = [f"{sentence()} ({at})." for at in range(items)]
        self.queries: list[str] = [f"{sentence()} ({at})?" for at in range(queries)]
        self.vectors: NDArray[np.float32] = _unit_rows(vectors, items, dims)
        self.query_vectors: NDArray[np.float32] = _unit_rows(vectors, queries, dims)
        self._lookups: dict[tuple[bool, bool], Lookup] = {}

    def value(self, at: int) -> dict[str, Any]:
        """Return the value of an item. One field: a peer embeds all fields together."""
        return {"content": self.texts[at % len(self.texts)]}

    def puts(self, namespace: tuple[str, ...], items: Iterable[int]) -> list[PutOp]:
        """Return puts of items into a namespace."""
        return [PutOp(namespace, f"item-{at}", self.value(at)) for at in items]

    def questions(self) -> Iterator[str]:
        """Return the questions, over and over."""
        return cycle(self.queries)

    def lookup(self, *, arrays: bool = False, ready: bool = False) -> Lookup:
        """Return an embedder of these texts and questions. Arguments as in `Lookup`."""
        kind = (arrays, ready)
        if kind not in self._lookups:
            self._lookups[kind] = Lookup(self, arrays=arrays, ready=ready)
        return self._lookups[kind]

    def index(self, *, arrays: bool = False, ready: bool = False) -> dict[str, Any]:
        """Return the index configuration of a store that embeds by lookup. Arguments as in `Lookup`."""
        embed = self.lookup(arrays=arrays, ready=ready)
        return {"dims": self.vectors.shape[1], "embed": embed, "fields": ["content"]}


class Lookup(Embeddings):
    """Vectors made beforehand, so that what is measured is the store and not a model.

    Args:
        corpus: Texts and questions with their vectors.
        arrays: Whether to return numpy rows instead of lists of floats, which is what most models return.
        ready: Whether the lists of the texts are made beforehand, too, and handed out again and again. Those of the
            questions always are. A model makes new ones each time: what a store then holds is its own.
    """

    def __init__(self, corpus: Corpus, *, arrays: bool = False, ready: bool = False) -> None:
        self._arrays = arrays
        self._rows = dict(zip(corpus.texts, corpus.vectors, strict=True))
        made: dict[str, Any] = dict(zip(corpus.queries, corpus.query_vectors, strict=True))
        if ready:
            made |= self._rows
        self._made = made if arrays else {text: row.tolist() for text, row in made.items()}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Look texts up."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Look a text up."""
        made = self._made.get(text)
        if made is None:
            row = self._rows[text]
            made = row.copy() if self._arrays else row.tolist()
        return cast("list[float]", made)


def _unit_rows(rng: np.random.Generator, rows: int, dims: int) -> NDArray[np.float32]:
    vectors = rng.standard_normal((rows, dims), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
