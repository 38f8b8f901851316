"""What all nodes have in common: they fit into any graph."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import add
from typing import Annotated, Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel
from typing_extensions import TypedDict

from warmgraph.nodes import (
    MemoryContext,
    MemoryState,
    create_pack_context_node,
    create_recall_node,
    create_remember_node,
    create_vector_fallback_node,
    create_warm_hit_node,
)

ANA = ("memories", "ana")


class Pydantic(BaseModel):
    """A state of pydantic's."""

    messages: Annotated[list[AnyMessage], add_messages] = []


@dataclass
class Dataclass:
    """A state that is a dataclass."""

    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)


class OwnReducer(TypedDict):
    """A state that merges messages in its own way."""

    messages: Annotated[list[AnyMessage], add]


@pytest.mark.parametrize("schema", [MessagesState, Pydantic, Dataclass, OwnReducer])
def test_nodes_fit_into_a_graph_of_ones_own(run: Callable[..., Any], store: BaseStore, schema: Any) -> None:
    """The state needs no more than `messages`, whatever it is made of; the nodes bring their channels."""
    store.put(ANA, "home", {"content": "I live in Lisbon."}, index=["content"])
    builder = StateGraph(schema)
    builder.add_node(create_recall_node())
    builder.add_node(create_warm_hit_node())
    builder.add_node(create_vector_fallback_node())
    builder.add_node(create_pack_context_node())
    builder.add_node(create_remember_node())
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "warm_hit")
    builder.add_edge("vector_fallback", "pack_context")
    builder.add_edge("pack_context", "remember")
    graph = builder.compile(store=store)
    config = {"configurable": {"user_id": "ana"}}
    _, events = run(graph, {"messages": [HumanMessage("Do I live in Lisbon?", id="1")]}, config=config)
    assert ["memory_recall", "memory_remember"] == [event["type"] for event in events]
    assert ["home"] == events[0]["keys"]
    assert 2 == len(store.search(ANA))


def test_edges_of_a_router_are_drawn() -> None:
    """Studio shows where a run may go, without being told."""
    builder = StateGraph(MessagesState)
    builder.add_node(create_warm_hit_node(hit="answer", miss="search"))
    for name in ("answer", "search"):
        builder.add_node(name, lambda state: {})
        builder.add_edge(name, END)
    builder.add_edge(START, "warm_hit")
    drawn = builder.compile().get_graph()
    assert {("warm_hit", "answer", True), ("warm_hit", "search", True)} <= {
        (edge.source, edge.target, edge.conditional) for edge in drawn.edges
    }


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (create_recall_node(), "recall"),
        (create_warm_hit_node(), "warm_hit"),
        (create_vector_fallback_node(), "vector_fallback"),
        (create_pack_context_node(), "pack_context"),
        (create_remember_node(), "remember"),
        (create_recall_node(name="look"), "look"),
    ],
)
def test_a_node_is_named_for_what_it_does(node: Any, name: str) -> None:
    """`add_node` needs no name, and any other may be given."""
    assert name in StateGraph(MessagesState).add_node(node).nodes


def test_a_node_can_be_called_from_another_node(run: Callable[..., Any]) -> None:
    """As a runnable, sync and async, or as a function."""
    remember = create_remember_node()

    def sync_node(state: MessagesState) -> dict[str, Any]:
        remember(state)
        remember.invoke(state)
        return {}

    async def async_node(state: MessagesState) -> dict[str, Any]:
        await remember.ainvoke(state)
        return {}

    store = InMemoryStore()
    builder = StateGraph(MessagesState, context_schema=MemoryContext)
    builder.add_node("mine", RunnableLambda(sync_node, async_node))
    builder.set_entry_point("mine")
    events = run(builder.compile(store=store), {"messages": "Hello there"}, context=MemoryContext("ana")).events
    assert {"memory_remember"} == {event["type"] for event in events}
    assert 1 == len(store.search(ANA))


def test_outside_of_a_graph_a_node_says_so() -> None:
    """There is neither a store nor a user."""
    with pytest.raises(RuntimeError):
        create_remember_node().invoke({"messages": []})
    with pytest.raises(RuntimeError, match="inside a LangGraph graph"):
        RunnableLambda(lambda state: create_remember_node().invoke(state)).invoke({"messages": []})


async def test_async_graphs_await_the_store_on_the_loop() -> None:
    """A store that is native to the loop is not called from a thread."""
    threads: set[int] = set()

    class Native(InMemoryStore):
        async def abatch(self, ops: Any) -> Any:
            threads.add(threading.get_ident())
            return await super().abatch(ops)

        def batch(self, ops: Any) -> Any:
            raise AssertionError("called sync")

    builder = StateGraph(MemoryState, context_schema=MemoryContext)
    for before, node in ((START, create_vector_fallback_node()), ("vector_fallback", create_remember_node())):
        builder.add_node(node)
        builder.add_edge(before, node.get_name())
    graph: Any = builder.compile(store=Native())
    found = await graph.ainvoke({"messages": "Hello there"}, context=MemoryContext("ana"))
    assert [] == found["memory_errors"]
    assert {threading.get_ident()} == threads
