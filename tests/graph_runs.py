"""Running graphs in tests: sync and async, with several stores. Fixtures, named in a conftest where they are used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.embeddings import HashingEmbeddings
from warmgraph.store import WarmStore

__all__ = ["Graph", "Ran", "Run", "run", "store"]

Graph = CompiledStateGraph[Any, Any, Any, Any]


class Ran(NamedTuple):
    """What a run left: the final state, and its events on the custom stream."""

    state: dict[str, Any]
    events: list[dict[str, Any]]


Run = Callable[..., Ran]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a graph to its end, sync or async."""

    def collect(chunks: list[tuple[str, Any]]) -> Ran:
        values = [chunk for mode, chunk in chunks if mode == "values"]
        return Ran(values[-1] if values else {}, [chunk for mode, chunk in chunks if mode == "custom"])

    def on_this_thread(graph: Graph, given: Any, **options: Any) -> Ran:
        return collect(list(graph.stream(given, stream_mode=["values", "custom"], **options)))

    def on_a_loop(graph: Graph, given: Any, **options: Any) -> Ran:
        async def stream() -> list[Any]:
            return [chunk async for chunk in graph.astream(given, stream_mode=["values", "custom"], **options)]

        return collect(asyncio.run(stream()))

    return on_this_thread if request.param == "sync" else on_a_loop


@pytest.fixture(params=["in_memory", "in_memory_indexed", "warm_only", "warm_over_file", "warm_over_in_memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Stores with and without a warm tier, with and without an index."""
    index: Any = {"embed": HashingEmbeddings(), "dims": 512, "fields": ["content"]}
    if request.param == "in_memory":
        yield InMemoryStore()
    elif request.param == "in_memory_indexed":
        yield InMemoryStore(index=index)
    elif request.param == "warm_only":
        yield WarmStore()
    elif request.param == "warm_over_in_memory":
        yield WarmStore(InMemoryStore(index=index))
    else:
        with WarmStore.open(tmp_path / "memory.db") as opened:
            yield opened
