"""The node `vector_fallback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.nodes import MemoryContext, create_recall_node, create_remember_node, create_vector_fallback_node
from warmgraph.store import WarmStore

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
NAMESPACE = ("memories", "ana")


def test_alone_it_is_a_plain_search(run: Any_, alone: Any_, store: BaseStore) -> None:
    """It needs no other node, and works with any store."""
    store.put(NAMESPACE, "home", {"content": "I live in Lisbon."}, index=["content"])
    trace = run(alone(create_vector_fallback_node(), store=store), {"messages": "Lisbon?"}, context=ANA).state["recall"]
    assert ("long_term", "Lisbon?") == (trace["tier"], trace["query"])
    assert [("home", "long_term")] == [(item["key"], item["tier"]) for item in trace["items"]]


def test_merges_with_what_was_warm(run: Any_, alone: Any_) -> None:
    """Each key stands once, best first, no more than the limit."""
    store = WarmStore(InMemoryStore(), capacity=2)
    for number in range(6):
        store.put(NAMESPACE, f"{number}", {"content": f"Lisbon trip {'Lisbon ' * number}"}, index=["content"])
    graph = alone(create_recall_node(limit=4), create_vector_fallback_node(limit=4), store=store)
    run(graph, {"messages": "first touch"}, context=ANA)
    trace = run(graph, {"messages": "Lisbon"}, context=ANA).state["recall"]
    keys = [item["key"] for item in trace["items"]]
    assert 4 == len(set(keys)) == len(keys)
    scored = [item["score"] for item in trace["items"] if item["score"] is not None]
    assert sorted(scored, reverse=True) == scored
    assert "warm" in {item["tier"] for item in trace["items"]}


def test_time_adds_up(run: Any_, alone: Any_, store: BaseStore) -> None:
    """The trace tells what the whole recall took."""
    graph = alone(create_recall_node(), create_vector_fallback_node(), store=store)
    first, second = (
        chunk["recall"]["milliseconds"]
        for chunk in graph.stream({"messages": "Lisbon?"}, context=ANA, stream_mode="values")
        if "recall" in chunk
    )
    assert 0 <= first < second


def test_what_stands_in_the_thread_is_not_recalled(run: Any_, alone: Any_, store: BaseStore) -> None:
    """As in `recall`."""
    graph = alone(create_vector_fallback_node(), create_remember_node(), store=store, checkpointer=InMemorySaver())
    for _ in range(2):
        state = run(graph, {"messages": "Lisbon?"}, context=ANA, config={"configurable": {"thread_id": "1"}}).state
        assert [] == state["recall"]["items"]
    other = run(graph, {"messages": "Lisbon?"}, context=ANA, config={"configurable": {"thread_id": "2"}}).state
    assert other["recall"]["items"]


class Broken(WarmStore):
    """A store whose long-term tier fails."""

    def recall_long_term(self, *args: Any, **kwargs: Any) -> Any:
        """Fail."""
        raise TimeoutError("too slow")

    async def arecall_long_term(self, *args: Any, **kwargs: Any) -> Any:
        """Fail."""
        raise TimeoutError("too slow")


def test_when_it_fails_the_warm_memories_are_left(run: Any_, alone: Any_) -> None:
    """Half a recall is better than none."""
    store = Broken()
    store.put(NAMESPACE, "home", {"content": "I live in Lisbon."})
    graph = alone(create_recall_node(), create_vector_fallback_node(), store=store)
    state, events = run(graph, {"messages": "Lisbon?"}, context=ANA)
    assert ("warm", ["home"]) == (state["recall"]["tier"], [item["key"] for item in state["recall"]["items"]])
    assert [("vector_fallback", "TimeoutError")] == [(each["node"], each["error"]) for each in state["memory_errors"]]
    assert ["memory_error"] == [event["type"] for event in events]


def test_without_a_user_the_run_stops(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Nothing is searched for nobody."""
    with pytest.raises(UnresolvedNamespaceError):
        run(alone(create_vector_fallback_node(), store=store), {"messages": "Lisbon?"})
