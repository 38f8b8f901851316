"""The node `recall`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.nodes import MemoryContext, create_recall_node, create_remember_node
from warmgraph.nodes.failures import WITHHELD
from warmgraph.store import WarmStore
from warmgraph.testing import ManualClock

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")


@pytest.fixture
def warm() -> WarmStore:
    """A warm store that holds one memory."""
    store = WarmStore()
    store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
    return store


def test_ranks_the_warm_tier(run: Any_, alone: Any_, warm: WarmStore) -> None:
    """Keys, scores and signals go into the state; it is of one message, at one time."""
    graph = alone(create_recall_node(clock=ManualClock()), store=warm)
    trace = run(graph, {"messages": [HumanMessage("Is Lisbon nice?", id="7")]}, context=ANA).state["recall"]
    (item,) = trace["items"]
    assert ("home", "warm") == (item["key"], item["tier"])
    assert 0 < item["score"] <= 1
    assert (["memories", "ana"], "7", "Is Lisbon nice?", "2026-01-01T00:00:00+00:00", "warm", None) == tuple(
        trace[name] for name in ("namespace", "message_id", "query", "at", "tier", "decision")
    )
    assert (1, 1, True) == tuple(trace["signals"][name] for name in ("warm_items", "items", "can_peek"))
    assert trace["milliseconds"] >= 0


def test_the_trace_is_json_without_any_text_of_a_memory(run: Any_, alone: Any_, warm: WarmStore) -> None:
    """What goes into checkpoints can be forgotten in the store alone."""
    state = run(alone(create_recall_node(), store=warm), {"messages": "Is Lisbon nice?"}, context=ANA).state
    assert "I live" not in json.dumps(state["recall"])


def test_other_stores_have_no_warm_tier(run: Any_, alone: Any_) -> None:
    """The signals say so, and nothing is searched."""
    store = InMemoryStore()
    store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
    trace = run(alone(create_recall_node(), store=store), {"messages": "Lisbon?"}, context=ANA).state["recall"]
    assert ([], False) == (trace["items"], trace["signals"]["can_peek"])


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [AIMessage("How can I help?")],
        [HumanMessage("")],
        [HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,x"}}])],
    ],
)
def test_without_words_nothing_is_looked_for(run: Any_, alone: Any_, warm: WarmStore, messages: list[Any]) -> None:
    """An image alone, or no question at all, recalls nothing and fails nothing."""
    state = run(alone(create_recall_node(), store=warm), {"messages": messages}, context=ANA).state
    assert ([], "", []) == (state["recall"]["items"], state["recall"]["query"], state["memory_errors"])


def test_the_text_parts_of_a_message_are_looked_for(run: Any_, alone: Any_, warm: WarmStore) -> None:
    """A picture beside the question does no harm."""
    parts: list[Any] = [
        {"type": "image_url", "image_url": {"url": "data:x"}},
        {"type": "text", "text": "Is this Lisbon?"},
    ]
    trace = run(alone(create_recall_node(), store=warm), {"messages": [HumanMessage(parts)]}, context=ANA).state
    assert ["home"] == [item["key"] for item in trace["recall"]["items"]]


def test_the_last_human_message_counts(run: Any_, alone: Any_, warm: WarmStore) -> None:
    """Of several in one input, the last is the question."""
    given = {"messages": [HumanMessage("Lisbon"), HumanMessage("violins")]}
    assert "violins" == run(alone(create_recall_node(), store=warm), given, context=ANA).state["recall"]["query"]


def test_what_stands_in_the_thread_is_not_recalled(run: Any_, alone: Any_) -> None:
    """The model sees the thread anyway; its messages would crowd out what other threads know."""
    store = WarmStore()
    store.put(("memories", "ana"), "other", {"content": "Lisbon is where I live."})
    graph = alone(create_recall_node(limit=2), create_remember_node(), store=store, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    for text in ("Lisbon is sunny.", "Lisbon is old.", "Lisbon is hilly."):
        run(graph, {"messages": text}, config=thread, context=ANA)
    again = run(graph, {"messages": "Tell me of Lisbon."}, config=thread, context=ANA).state["recall"]
    assert ["other"] == [item["key"] for item in again["items"]]
    elsewhere = {"configurable": {"thread_id": "2"}}
    new = run(graph, {"messages": "Tell me of Lisbon."}, config=elsewhere, context=ANA).state["recall"]
    assert 2 == len(new["items"])


def test_filters_apply(run: Any_, alone: Any_, warm: WarmStore) -> None:
    """Only what matches is recalled."""
    warm.put(("memories", "ana"), "fact", {"content": "Lisbon has trams.", "category": "fact"})
    graph = alone(create_recall_node(filter={"category": "fact"}), store=warm)
    trace = run(graph, {"messages": "Lisbon?"}, context=ANA).state["recall"]
    assert ["fact"] == [item["key"] for item in trace["items"]]


class Broken(WarmStore):
    """A store whose warm tier fails."""

    def recall_warm(self, *args: Any, **kwargs: Any) -> Any:
        """Fail."""
        raise OSError("the disk is gone")

    async def arecall_warm(self, *args: Any, **kwargs: Any) -> Any:
        """Fail."""
        raise OSError("the disk is gone")


def test_a_store_that_fails_leaves_an_empty_recall(run: Any_, alone: Any_) -> None:
    """The run goes on, and everybody can see what happened."""
    state, events = run(alone(create_recall_node(), store=Broken()), {"messages": "Lisbon?"}, context=ANA)
    noted = {"node": "recall", "error": "OSError", "message": WITHHELD}
    assert ([], None, [noted]) == (state["recall"]["items"], state["recall"]["signals"], state["memory_errors"])
    assert [{"type": "memory_error", **noted}] == events


def test_a_person_may_speak_as_a_chat_message(run: Any_, alone: Any_, warm: WarmStore) -> None:
    """A `ChatMessage` with the role "user" is a question like any other, and is not recalled for itself."""
    given = {"messages": [ChatMessage(content="Lisbon?", role="user")]}
    assert "Lisbon?" == run(alone(create_recall_node(), store=warm), given, context=ANA).state["recall"]["query"]


def test_a_graph_without_a_store_says_so(run: Any_, alone: Any_) -> None:
    """It is a mistake in the set-up, but no reason to stay silent."""
    (failure,) = run(alone(create_recall_node()), {"messages": "Lisbon?"}, context=ANA).state["memory_errors"]
    assert ("recall", "StoreError") == (failure["node"], failure["error"])
    assert "store=" in failure["message"]


def test_failures_of_an_earlier_run_are_forgotten(run: Any_, alone: Any_, warm: WarmStore) -> None:
    """`memory_errors` is of this run."""
    saver, thread = InMemorySaver(), {"configurable": {"thread_id": "1"}}
    node = create_recall_node()
    given = {"messages": "Lisbon?"}
    assert run(alone(node, store=Broken(), checkpointer=saver), given, config=thread, context=ANA).state[
        "memory_errors"
    ]
    assert 1 == len(
        run(alone(node, store=Broken(), checkpointer=saver), given, config=thread, context=ANA).state["memory_errors"]
    )
    good = alone(node, store=warm, checkpointer=saver)
    assert [] == run(good, given, config=thread, context=ANA).state["memory_errors"]


@pytest.mark.parametrize("context", [None, MemoryContext(), MemoryContext("")])
def test_without_a_user_the_run_stops(run: Any_, alone: Any_, warm: WarmStore, context: Any) -> None:
    """Even where there is nothing to look for."""
    given: list[Any] = ["Lisbon?", []]
    for messages in given:
        with pytest.raises(UnresolvedNamespaceError, match="user_id"):
            run(alone(create_recall_node(), store=warm), {"messages": messages}, context=context)


def test_users_do_not_see_each_other(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Two users, one store."""
    store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."}, index=["content"])
    trace = run(alone(create_recall_node(), store=store), {"messages": "Lisbon"}, context=MemoryContext("bob")).state
    assert [] == trace["recall"]["items"]
