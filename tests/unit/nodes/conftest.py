"""Every node is tried sync and async, and with several stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from tests.graph_runs import Graph, run, store
from warmgraph.nodes import MemoryContext, MemoryNode, MemoryState

__all__ = ["alone", "run", "store"]


@pytest.fixture
def alone() -> Callable[..., Graph]:
    """Make a graph of nothing but the given nodes, one after the other."""

    def make(*nodes: MemoryNode, **options: Any) -> Graph:
        builder = StateGraph(MemoryState, context_schema=MemoryContext)
        before = START
        for node in nodes:
            builder.add_node(node)
            builder.add_edge(before, node.get_name())
            before = node.get_name()
        builder.add_edge(before, END)
        return builder.compile(**options)

    return make
