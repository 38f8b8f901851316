"""The modules that `langgraph.json` points at."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from warmgraph.nodes import MemoryContext

GRAPHS = Path(__file__).parents[3] / "graphs"
ANA = MemoryContext("ana")


def load(name: str) -> ModuleType:
    """Load a module by its path, as the server does."""
    spec = importlib.util.spec_from_file_location(f"loaded_{name}", GRAPHS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name",
    ["consolidate", "extract_memories", "memory_agent", "optimize_prompts", "recall", "reflect", "review", "summarize"],
)
def test_graphs_leave_store_and_checkpointer_to_the_server(name: str) -> None:
    """It refuses to start otherwise."""
    graph = load(name).graph
    assert (None, None, name) == (graph.store, graph.checkpointer, graph.name)


def test_the_agent_remembers_with_the_store_of_the_server(run: Callable[..., Any]) -> None:
    """Offline, without a key."""
    store = InMemoryStore()
    agent = load("memory_agent").graph.copy(update={"store": store})
    recall = load("recall").graph.copy(update={"store": store})
    run(agent, {"messages": "I live in Lisbon."}, context=ANA)
    assert "Lisbon" in run(agent, {"messages": "Where do I live?"}, context=ANA).state["messages"][-1].text
    assert "Lisbon" in run(recall, {"messages": "Where do I live?"}, context=ANA).state["memory_context"]
