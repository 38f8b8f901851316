"""Tenants that share a table: does a search in one namespace find what is there?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from langgraph.store.base import BaseStore, PutOp
from numpy.typing import NDArray

from warmgraph.bench.postgres_replay import plain_store
from warmgraph.bench.report import percentile
from warmgraph.store import PostgresLongTerm

__all__ = ["tenant_searches"]

TENANTS, DIMS, QUERIES, TOP, BATCH = 10, 384, 50, 10, 500


def tenant_searches(uri: str, items: int) -> dict[str, Mapping[str, float]]:
    """Return how many of 10 items a search in one of 10 namespaces returns, with what recall, and how long it takes.

    One table of ours, searched by ours; then with pgvector's HNSW index on it, by LangGraph's store as it is, by the
    same with an iterative scan, and by ours again, which leaves the index alone.

    Args:
        uri: An empty database.
        items: Items in all namespaces together. Vectors are random directions around a centre for each tenant.
    """
    import psycopg

    vectors, queries = _vectors(items)
    index: Any = {"dims": DIMS, "embed": _Named(vectors, queries), "fields": ["text"]}
    best = _exact(vectors, queries)
    found: dict[str, Mapping[str, float]] = {}
    with PostgresLongTerm(uri, schema="public", index=index) as ours:
        for start in range(0, items, BATCH):
            ours.batch([_put(n) for n in range(start, min(start + BATCH, items))])
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("ANALYZE")
            found["ours"] = _measured(ours, best)
            connection.execute("SET maintenance_work_mem = '512MB'")
            connection.execute("CREATE INDEX ON store_vectors USING hnsw (embedding vector_cosine_ops)")
            connection.execute("ANALYZE")
    with plain_store(uri, index["embed"], DIMS) as plain:
        found["PostgresStore, HNSW"] = _measured(plain, best)
    iterative = f"{uri}{'&' if '?' in uri else '?'}options=-chnsw.iterative_scan%3Dstrict_order"
    with plain_store(iterative, index["embed"], DIMS) as plain:
        found["PostgresStore, HNSW, iterative scan"] = _measured(plain, best)
    with PostgresLongTerm(uri, schema="public", index=index) as ours:
        found["ours, where somebody made an HNSW index"] = _measured(ours, best)
    return found


def _put(n: int) -> PutOp:
    return PutOp(_namespace(n % TENANTS), f"{n}", {"text": f"item {n}"})


def _namespace(tenant: int) -> tuple[str, ...]:
    return ("memories", f"tenant{tenant}")


def _vectors(items: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((items, DIMS)).astype(np.float32)
    queries = random.standard_normal((QUERIES, DIMS)).astype(np.float32)
    for each in (vectors, queries):
        each /= np.linalg.norm(each, axis=1, keepdims=True)
    return vectors, queries


def _exact(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> list[set[str]]:
    """Return, for each query, the keys of the best of the tenant that it is asked of."""
    best = []
    for number, query in enumerate(queries):
        mine = np.arange(number % TENANTS, len(vectors), TENANTS)
        ranked = mine[np.argsort(-(vectors[mine] @ query))[:TOP]]
        best.append({str(n) for n in ranked.tolist()})
    return best


def _measured(store: BaseStore, best: Sequence[set[str]]) -> dict[str, float]:
    returned, recalls, times = [], [], []
    for number, expected in enumerate(best):
        began = perf_counter()
        items = store.search(_namespace(number % TENANTS), query=f"query {number}", limit=TOP)
        times.append(1000 * (perf_counter() - began))
        keys = {item.key for item in items}
        returned.append(float(len(items)))
        recalls.append(len(keys & expected) / len(expected))
    return {
        "returned_of_10": sum(returned) / len(returned),
        "recall_at_10": sum(recalls) / len(recalls),
        "p50_ms": percentile(times, 0.5),
    }


class _Named:
    """Looks up the vector that a text names: "item 7", "query 3"."""

    def __init__(self, items: NDArray[np.float32], queries: NDArray[np.float32]) -> None:
        self._known = {"item": items, "query": queries}

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        named = (text.split() for text in texts)
        return [self._known[kind][int(number)].tolist() for kind, number in named]
