"""The node `warm_hit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.nodes import MemoryContext, MemoryState, create_recall_node, create_warm_hit_node
from warmgraph.prebuilt import create_recall_graph
from warmgraph.ranking import CalibratedRouter, RouteDecision, Signals
from warmgraph.store import RoutedStore, WarmStore

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")


class Router:
    """A router that answers, or fails, as told."""

    def __init__(self, hit: bool | Exception) -> None:
        self.hit = hit
        self.seen: list[Signals] = []

    def decide(self, signals: Signals) -> RouteDecision:
        """Decide as told."""
        self.seen.append(signals)
        if isinstance(self.hit, Exception):
            raise self.hit
        return RouteDecision(self.hit, 0.75, "told so", signals)


def routed(store: BaseStore | None, router: Any = None, recall: bool = True) -> Any:
    """Make a graph that notes which way it went."""
    builder = StateGraph(MemoryState, context_schema=MemoryContext)
    builder.add_node(create_warm_hit_node(router, hit="near", miss="far"))
    for name in ("near", "far"):
        builder.add_node(name, lambda state, name=name: {"messages": [AIMessage(name)]})
    if recall:
        builder.add_node(create_recall_node())
        builder.add_edge(START, "recall")
        builder.add_edge("recall", "warm_hit")
    else:
        builder.add_edge(START, "warm_hit")
    return builder.compile(store=store)


def filled() -> WarmStore:
    """Make a warm store that holds one memory."""
    store = WarmStore()
    store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
    return store


@pytest.mark.parametrize(("hit", "way"), [(True, "near"), (False, "far")])
def test_goes_where_the_router_says(run: Any_, hit: bool, way: str) -> None:
    """The decision and what it was made from are in the state."""
    router = Router(hit)
    state = run(routed(filled(), router), {"messages": "Lisbon?"}, context=ANA).state
    assert way == state["messages"][-1].content
    assert {"hit": hit, "confidence": 0.75, "reason": "told so"} == state["recall"]["decision"]
    (seen,) = router.seen
    assert state["recall"]["signals"]["best_warm"] == seen.best_warm is not None


def test_hits_when_everything_is_warm(run: Any_) -> None:
    """The default router needs no more than the warm tier where nothing is cold."""
    state = run(routed(filled()), {"messages": "Lisbon?"}, context=ANA).state
    assert ("near", True) == (state["messages"][-1].content, state["recall"]["decision"]["hit"])


@pytest.mark.parametrize("store", [InMemoryStore(), None], ids=["no warm tier", "no store"])
def test_misses_without_a_warm_tier(run: Any_, store: BaseStore | None) -> None:
    """What has no warm tier, or no store at all, always falls back."""
    state = run(routed(store), {"messages": "Lisbon?"}, context=ANA).state
    assert ("far", False) == (state["messages"][-1].content, state["recall"]["decision"]["hit"])


def test_misses_where_nobody_recalled(run: Any_) -> None:
    """The node alone has nothing to decide from."""
    assert (
        "far" == run(routed(filled(), recall=False), {"messages": "Lisbon?"}, context=ANA).state["messages"][-1].content
    )


def test_skips_the_search_when_there_is_nothing_to_look_for(run: Any_) -> None:
    """A message without words needs no fallback."""
    image = HumanMessage([{"type": "image_url", "image_url": {"url": "data:x"}}])
    router = Router(False)
    assert "near" == run(routed(filled(), router), {"messages": [image]}, context=ANA).state["messages"][-1].content
    assert [] == router.seen


def test_a_router_that_fails_is_a_miss(run: Any_) -> None:
    """A faulty router costs a search, not the answer."""
    state, events = run(routed(filled(), Router(ZeroDivisionError("tau"))), {"messages": "Lisbon?"}, context=ANA)
    assert ("far", False) == (state["messages"][-1].content, state["recall"]["decision"]["hit"])
    assert ["ZeroDivisionError"] == [failure["error"] for failure in state["memory_errors"]]
    assert ["memory_error"] == [event["type"] for event in events]


def test_a_router_that_learns_does_so_in_a_graph(run: Any_) -> None:
    """Hits are compared in the background, misses teach at once, and the trace says what hits have cost."""
    router = CalibratedRouter()
    with WarmStore(RoutedStore(":memory:"), capacity=5, eviction="fifo") as store:
        words = ("bees", "violin", "sailing", "cheese", "chess", "pottery", "tennis", "opera", "jazz", "ferns")
        for number, word in enumerate(words):
            store.put(("memories", "ana"), word, {"content": f"note {number}: {word}"})
        store.recall_warm(("memories", "ana"), "nothing")
        graph = create_recall_graph(store=store, router=router)
        tiers = set()
        for word in words:
            found = run(graph, {"messages": word}, context=ANA).state
            tiers.add(found["recall"]["tier"])
            assert store.finish_checks(10)
        assert {"warm", "long_term"} == tiers
        assert len(words) == router.stats().recalls == router.stats().checks
        assert 0 < store.stats().checks < len(words)
        assert len(words) - 1 <= found["recall"]["decision"]["loss"]["checks"] <= len(words)
