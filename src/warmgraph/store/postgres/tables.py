"""LangGraph's tables, read and written by LangGraph's own store, with vectors that were made before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from langgraph.store.base import IndexConfig, PutOp, TTLConfig
from numpy.typing import NDArray

from warmgraph.embeddings import Embedder
from warmgraph.store.config import Ranking
from warmgraph.store.plan import Put

__all__ = ["LangGraphTables", "Vectors"]

Vectors = Mapping[str, NDArray[np.float32]]

_SETTINGS = ("fields", "text_fields", "distance_type", "ann_index_config")


class LangGraphTables:
    """Makes LangGraph's store on a connection: it holds a lock while it works, so that each connection needs its own.

    Args:
        ranking: How to embed.
        index: As given to the long-term store; `None` without vectors.
        ttl: As given to the long-term store.
    """

    def __init__(self, ranking: Ranking, index: IndexConfig | None, ttl: TTLConfig | None) -> None:
        self._ranking = ranking
        self._ttl: Any = {**(ttl or {}), "omit_expired": True}
        self._index: dict[str, Any] | None = None
        embedder = ranking.embedder
        if index is not None and embedder is not None:
            dims = embedder.dims if embedder.dims is not None else len(embedder.embed_query("dimensions"))
            given = {key: each for key, each in index.items() if key in _SETTINGS}
            self._index = {"ann_index_config": {"kind": "flat", "vector_type": "vector"}, **given, "dims": dims}

    @property
    def vectors(self) -> bool:
        """Whether there are any."""
        return self._index is not None

    def on(self, connection: Any, known: Vectors) -> Any:
        """Return LangGraph's store on a connection.

        Args:
            connection: An open connection that finds the tables.
            known: Vectors by text, of what will be embedded.
        """
        from langgraph.store.postgres import PostgresStore

        index: Any = None
        if self._index is not None and self._ranking.embedder is not None:
            index = {**self._index, "embed": _Known(self._ranking.embedder, known)}
        return PostgresStore(connection, index=index, ttl=self._ttl)

    def write(
        self, connection: Any, puts: Sequence[Put], vectors: Sequence[NDArray[np.float32] | None] | None = None
    ) -> None:
        """Write all of a batch, or nothing.

        Args:
            connection: An open connection that finds the tables.
            puts: The writes, one for each item.
            vectors: Of each; `None` to make them.
        """
        known: dict[str, NDArray[np.float32]] = {}
        if vectors is not None and self.vectors:
            for put, each in zip(puts, vectors, strict=True):
                if put.value is not None and each is not None:
                    texts = self._ranking.indexing.searchable(put.value, put.index).texts
                    known.update(zip(texts, each, strict=True))
        # In one order, so that two batches of the same items cannot wait for each other for ever.
        ordered = sorted(puts, key=lambda put: (put.namespace, put.key))
        ops = [PutOp(put.namespace, put.key, put.value, put.index if put.embed else False, put.ttl) for put in ordered]
        with connection.transaction():
            self.on(connection, known).batch(ops)


class _Known(Embeddings):
    """Hands LangGraph's store the vectors that were made before, so that nothing is embedded on a connection.

    Args:
        embedder: Embeds what was not.
        known: Vectors by text.
    """

    def __init__(self, embedder: Embedder, known: Mapping[str, NDArray[np.float32]]) -> None:
        self._embedder, self._known = embedder, known

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        missing = [text for text in texts if text not in self._known]
        made = dict(zip(missing, self._embedder.embed_documents(missing), strict=True)) if missing else {}
        vectors = ((self._known[text] if text in self._known else made[text]) for text in texts)
        return [vector.tolist() for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
