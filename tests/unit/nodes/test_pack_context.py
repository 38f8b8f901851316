"""The node `pack_context`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.memory_block import parse_block
from warmgraph.nodes import MemoryContext, create_pack_context_node, create_recall_node, create_vector_fallback_node
from warmgraph.store import WarmStore

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
NAMESPACE = ("memories", "ana")


def packing(alone: Any_, store: BaseStore | None, **options: Any) -> Any:
    """Make a graph that searches and packs."""
    return alone(create_vector_fallback_node(), create_pack_context_node(**options), store=store)


def texts(state: dict[str, Any]) -> list[str]:
    """Return the memories in the block."""
    return [line.text for line in parse_block(state["memory_context"])[0]]


def test_packs_what_was_recalled(run: Any_, alone: Any_, store: BaseStore) -> None:
    """With any store; memories of any tool."""
    store.put(NAMESPACE, "a", {"content": "I live in Lisbon."}, index=["content"])
    store.put(NAMESPACE, "b", {"kind": "Place", "content": {"city": "Lisbon"}}, index=["content"])
    state, events = run(packing(alone, store, min_score=0), {"messages": "Lisbon"}, context=ANA)
    assert {"I live in Lisbon.", "city: Lisbon"} == set(texts(state))
    assert 1 == len(events)


def test_emits_one_receipt(run: Any_, alone: Any_) -> None:
    """It tells tier, decision, namespace, keys, scores and time; no text."""
    store = InMemoryStore()
    store.put(NAMESPACE, "a", {"content": "I live in Lisbon."})
    state, (receipt,) = run(packing(alone, store), {"messages": "Lisbon"}, context=ANA)
    milliseconds = receipt.pop("milliseconds")
    assert {
        "type": "memory_recall",
        "tier": "long_term",
        "decision": None,
        "namespace": ["memories", "ana"],
        "keys": ["a"],
        "scores": [None],
        "count": 1,
        "tokens": -(-len(state["memory_context"]) // 4),
        "left_out": {},
        "candidates": [{"key": "a", "score": None, "tier": "long_term", "left_out": None}],
    } == receipt
    assert milliseconds >= state["recall"]["milliseconds"] >= 0


def test_abstains_when_nothing_is_relevant(run: Any_, alone: Any_) -> None:
    """A block of what merely came last would mislead."""
    store = WarmStore()
    store.put(NAMESPACE, "a", {"content": "I live in Lisbon."})
    graph = alone(create_recall_node(), create_pack_context_node(min_score=0.9), store=store)
    state, (receipt,) = run(graph, {"messages": "Who repairs violins in Lisbon nowadays?"}, context=ANA)
    assert ("", 0, {"a": "low_score"}) == (state["memory_context"], receipt["count"], receipt["left_out"])


def test_nothing_recalled_gives_no_block_and_a_receipt(run: Any_, alone: Any_, store: BaseStore) -> None:
    """That nothing was found is worth telling."""
    state, (receipt,) = run(packing(alone, store), {"messages": "Lisbon"}, context=ANA)
    assert ("", [], 0) == (state["memory_context"], receipt["keys"], receipt["count"])


def test_nobody_recalled(run: Any_, alone: Any_, store: BaseStore) -> None:
    """The node alone has nothing to pack, and says nothing."""
    state, events = run(alone(create_pack_context_node(), store=store), {"messages": "Lisbon"}, context=ANA)
    assert ("", []) == (state["memory_context"], events)


def test_stays_within_the_budget(run: Any_, alone: Any_, store: BaseStore) -> None:
    """What does not fit is told."""
    for number in range(10):
        store.put(NAMESPACE, f"{number}", {"content": f"Lisbon, day {number}: {'sun ' * 30}"}, index=["content"])
    state, (receipt,) = run(packing(alone, store, max_tokens=150, min_score=0), {"messages": "Lisbon"}, context=ANA)
    assert 0 < receipt["tokens"] <= 150
    assert receipt["count"] == len(texts(state)) < 10
    assert "budget" in receipt["left_out"].values()


def test_memories_are_fetched_for_this_user_whatever_the_state_says(run: Any_, alone: Any_) -> None:
    """A client that writes somebody else's keys and namespace into its thread gets nothing."""
    store = InMemoryStore()
    store.put(("memories", "bob"), "secret", {"content": "Bob's secret"})
    stolen = {
        "namespace": ["memories", "bob"],
        "message_id": "1",
        "query": "secret",
        "at": "2026-01-01",
        "tier": "warm",
        "items": [{"key": "secret", "score": 1.0, "tier": "warm"}],
        "signals": None,
        "decision": None,
        "milliseconds": 0.0,
    }
    given = {"messages": [HumanMessage("secret", id="1")], "recall": stolen}
    state, (receipt,) = run(alone(create_pack_context_node(), store=store), given, context=ANA)
    assert ("", {"secret": "missing"}, ["memories", "ana"]) == (
        state["memory_context"],
        receipt["left_out"],
        receipt["namespace"],
    )
    state, (receipt,) = run(alone(create_pack_context_node(), store=store), given, context=MemoryContext("bob"))
    assert ["Bob's secret"] == texts(state)


def test_a_trace_of_another_message_is_not_used(run: Any_, alone: Any_, store: BaseStore) -> None:
    """A thread keeps the trace of an earlier turn when a graph does not recall in each."""
    store.put(NAMESPACE, "a", {"content": "I live in Lisbon."}, index=["content"])
    found = run(alone(create_vector_fallback_node(), store=store), {"messages": "Lisbon"}, context=ANA).state
    assert found["recall"]["items"]
    later = {"messages": [*found["messages"], HumanMessage("thanks", id="later")], "recall": found["recall"]}
    assert "" == run(alone(create_pack_context_node(), store=store), later, context=ANA).state["memory_context"]


class Unreadable(InMemoryStore):
    """A store that finds, but cannot read."""

    def batch(self, ops: Any) -> Any:
        """Fail on reads by key."""
        ops = list(ops)
        if any(type(op).__name__ == "GetOp" for op in ops):
            raise ConnectionError("reset by peer")
        return super().batch(ops)

    async def abatch(self, ops: Any) -> Any:
        """Fail on reads by key."""
        return self.batch(ops)


def test_when_it_fails_there_is_no_block(run: Any_, alone: Any_) -> None:
    """Where memories have to be fetched, the agent answers without them, and everybody can see why."""
    store = Unreadable()
    store.put(NAMESPACE, "a", {"content": "I live in Lisbon."})
    found = run(alone(create_vector_fallback_node(), store=store), {"messages": "Lisbon"}, context=ANA).state
    resumed = {"messages": found["messages"], "recall": found["recall"]}
    state, events = run(alone(create_pack_context_node(), store=store), resumed, context=ANA)
    assert ("", ["ConnectionError"]) == (state["memory_context"], [each["error"] for each in state["memory_errors"]])
    assert ["memory_error", "memory_recall"] == [event["type"] for event in events]


def test_what_was_read_to_rank_it_is_not_read_again(run: Any_, alone: Any_) -> None:
    """Within one run the memories are handed on."""
    store = Unreadable()
    store.put(NAMESPACE, "a", {"content": "I live in Lisbon."})
    assert ["I live in Lisbon."] == texts(run(packing(alone, store), {"messages": "Lisbon"}, context=ANA).state)


def test_without_a_user_the_run_stops(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Even alone, with nothing to pack."""
    with pytest.raises(UnresolvedNamespaceError):
        run(alone(create_pack_context_node(), store=store), {"messages": "Lisbon"})


def test_what_a_client_puts_in_place_of_held_items_is_ignored(run: Any_, alone: Any_) -> None:
    """The memories are fetched, as if nothing were held."""
    store = InMemoryStore()
    store.put(NAMESPACE, "a", {"content": "I live in Lisbon."})
    found = run(alone(create_vector_fallback_node(), store=store), {"messages": "Lisbon"}, context=ANA).state
    forged = {"messages": found["messages"], "recall": found["recall"], "memory_items": {"keys": ["a"]}}
    assert ["I live in Lisbon."] == texts(
        run(alone(create_pack_context_node(), store=store), forged, context=ANA).state
    )
