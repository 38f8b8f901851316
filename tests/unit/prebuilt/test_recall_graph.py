"""The recall graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.memory_block import parse_block
from warmgraph.nodes import MemoryContext, MemoryState, create_agent_node
from warmgraph.prebuilt import create_recall_graph
from warmgraph.ranking import PeekRouter
from warmgraph.store import WarmStore
from warmgraph.testing import ScriptedChatModel

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
NAMESPACE = ("memories", "ana")


def remember(store: BaseStore, *contents: str) -> None:
    """Write memories."""
    for number, content in enumerate(contents):
        store.put(NAMESPACE, f"{number}", {"content": content}, index=["content"])


def test_gives_the_block_and_the_trace(run: Any_, store: BaseStore) -> None:
    """Without a model; nothing is written."""
    remember(store, "I live in Lisbon.")
    graph = create_recall_graph(store=store, min_score=0)
    state, events = run(graph, {"messages": "Lisbon"}, context=ANA)
    assert ["I live in Lisbon."] == [line.text for line in parse_block(state["memory_context"])[0]]
    assert ["0"] == [item["key"] for item in state["recall"]["items"]]
    assert [] == state["memory_errors"]
    assert ["memory_recall"] == [event["type"] for event in events]
    assert 1 == len(store.search(()))


def test_goes_the_short_way_on_a_hit(run: Any_) -> None:
    """The router of one's own choice decides, and the fallback is not run."""
    store = WarmStore(InMemoryStore(), capacity=2)
    remember(store, "I live in Lisbon.", "I like trams.", "I play chess.")
    for tau, tier in ((-1.0, "warm"), (1.0, "long_term")):
        graph = create_recall_graph(store=store, router=PeekRouter(tau))
        run(graph, {"messages": "first touch"}, context=ANA)
        state = run(graph, {"messages": "chess"}, context=ANA).state
        assert tier == state["recall"]["tier"]


def test_limits_what_is_recalled(run: Any_, store: BaseStore) -> None:
    """By number and by tokens."""
    remember(store, *(f"Lisbon {number}" for number in range(8)))
    state = run(create_recall_graph(store=store, limit=3, min_score=0), {"messages": "Lisbon"}, context=ANA).state
    assert 3 == len(state["recall"]["items"])
    state, (receipt,) = run(
        create_recall_graph(store=store, max_memory_tokens=40, min_score=0), {"messages": "Lisbon"}, context=ANA
    )
    assert receipt["tokens"] <= 40
    assert receipt["count"] < 8 == len(state["recall"]["items"])


def test_filters(run: Any_, store: BaseStore) -> None:
    """Both tiers see the filter."""
    store.put(NAMESPACE, "a", {"content": "Lisbon", "category": "fact"}, index=["content"])
    store.put(NAMESPACE, "b", {"content": "Lisbon", "category": "context"}, index=["content"])
    graph = create_recall_graph(store=store, filter={"category": "fact"}, min_score=0)
    for _ in range(2):
        assert ["a"] == run(graph, {"messages": "Lisbon"}, context=ANA).events[0]["keys"]


def test_is_a_part_of_a_graph_of_ones_own(run: Any_, store: BaseStore) -> None:
    """Its block reaches an agent beside it, through the state they share."""
    remember(store, "I live in Lisbon.")
    model = ScriptedChatModel(script=["Yes."])
    builder = StateGraph(MemoryState, context_schema=MemoryContext)
    builder.add_node("memory", create_recall_graph(min_score=0))
    builder.add_node("agent", create_agent_node(model))
    builder.add_edge(START, "memory")
    builder.add_edge("memory", "agent")
    run(builder.compile(store=store), {"messages": "Do I live in Lisbon?"}, context=ANA)
    assert ["I live in Lisbon."] == [line.text for line in parse_block(model.prompts[0][0].text)[0]]


def test_without_a_user_it_stops(run: Any_, store: BaseStore) -> None:
    """Nothing is recalled for nobody."""
    with pytest.raises(UnresolvedNamespaceError):
        run(create_recall_graph(store=store), {"messages": "Lisbon"})


def test_is_drawn_with_both_ways() -> None:
    """Studio shows hit and miss."""
    assert {
        ("__start__", "recall"),
        ("recall", "warm_hit"),
        ("warm_hit", "pack_context"),
        ("warm_hit", "vector_fallback"),
        ("vector_fallback", "pack_context"),
        ("pack_context", "__end__"),
    } == {(edge.source, edge.target) for edge in create_recall_graph().get_graph().edges}


def test_schemas() -> None:
    """In goes a message, out come block, trace and failures."""
    graph = create_recall_graph()
    assert {"messages"} == set(graph.get_input_jsonschema()["properties"])
    assert {"memory_context", "recall", "memory_errors"} == set(graph.get_output_jsonschema()["properties"])
