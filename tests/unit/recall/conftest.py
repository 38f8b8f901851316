"""Every recall is tried sync and async, on a store with a warm tier and on one without."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.recall import arecall, arecall_long_term, arecall_warm, recall, recall_long_term, recall_warm
from warmgraph.store import WarmStore

Call = Callable[..., Any]

TWINS: dict[Call, Call] = {recall: arecall, recall_warm: arecall_warm, recall_long_term: arecall_long_term}


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """Call a function, or its twin on an event loop."""

    def on_this_thread(function: Call, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    def on_a_loop(function: Call, *args: Any, **kwargs: Any) -> Any:
        answer = TWINS[function](*args, **kwargs)
        assert inspect.iscoroutine(answer)
        return asyncio.run(answer)

    return on_this_thread if request.param == "sync" else on_a_loop


@pytest.fixture
def plain() -> BaseStore:
    """A store of LangGraph's, without a warm tier and without an index."""
    return InMemoryStore()


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[WarmStore]:
    """A warm tier of four items in front of a file."""
    with WarmStore.open(tmp_path / "memory.db", capacity=4) as store:
        yield store
