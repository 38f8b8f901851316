"""Nodes, graphs and middleware on every kind of store, PostgreSQL among them: the same outcome on each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent  # noqa: TID253 (one of the ways)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.types import RetryPolicy

from tests.graph_runs import run
from tests.knowledge_models import Profile
from tests.postgres_server import database_uri, postgres_server
from warmgraph import MemoryLayer
from warmgraph.embeddings import HashingEmbeddings
from warmgraph.memory_block import parse_block
from warmgraph.middleware import MemoryMiddleware
from warmgraph.nodes import (
    MemoryContext,
    MemoryState,
    create_agent_node,
    create_pack_context_node,
    create_recall_node,
    create_remember_node,
    create_vector_fallback_node,
    create_warm_hit_node,
)
from warmgraph.prebuilt import create_memory_agent, create_recall_graph
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ScriptedChatModel

__all__ = ["database_uri", "postgres_server", "run"]

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
BOB = MemoryContext("bob")
INDEX: Any = {"embed": HashingEmbeddings(), "dims": 512, "fields": ["content"]}
RETRIES = RetryPolicy(max_attempts=3, initial_interval=0, jitter=False)

# ------------------------------------------------------------------------------------------------ the stores

STORES = [
    "InMemoryStore",
    "WarmStore",
    "RoutedStore",
    "WarmStore on a file",
    "PostgresStore",
    "WarmStore on PostgresStore",
]


def postgres(uri: str, stack: ExitStack) -> BaseStore:
    """Open LangGraph's store in an empty database."""
    from langgraph.store.postgres import PostgresStore

    store: BaseStore = stack.enter_context(PostgresStore.from_conn_string(uri, index=INDEX))
    store.setup()  # type: ignore[attr-defined]
    return store


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Open a store of each kind, with an index."""
    with ExitStack() as stack:
        if request.param == "InMemoryStore":
            yield InMemoryStore(index=INDEX)
        elif request.param == "WarmStore":
            yield WarmStore(index=INDEX)
        elif request.param == "RoutedStore":
            yield stack.enter_context(RoutedStore(tmp_path / "memory.db", index=INDEX))
        elif request.param == "WarmStore on a file":
            yield stack.enter_context(WarmStore.open(tmp_path / "memory.db", index=INDEX))
        else:
            opened = postgres(request.getfixturevalue("database_uri"), stack)
            yield opened if request.param == "PostgresStore" else stack.enter_context(WarmStore(opened))


# -------------------------------------------------------------------------------------------------- the ways


def nodes_alone(model: Any, store: BaseStore | None, **options: Any) -> Any:
    """Put the nodes into a graph of one's own."""
    builder = StateGraph(MemoryState, context_schema=MemoryContext)
    nodes: list[Any] = [
        create_recall_node(retry_policy=RETRIES),
        create_warm_hit_node(),
        create_vector_fallback_node(retry_policy=RETRIES),
        create_pack_context_node(min_score=0, retry_policy=RETRIES),
        create_agent_node(model, min_score=0),
        create_remember_node(retry_policy=RETRIES),
    ]
    for node in nodes:
        builder.add_node(node, retry_policy=RETRIES)
    for begin, end in [
        (START, "recall"),
        ("recall", "warm_hit"),
        ("vector_fallback", "pack_context"),
        ("pack_context", "agent"),
        ("agent", "remember"),
        ("remember", END),
    ]:
        builder.add_edge(begin, end)
    return builder.compile(store=store, **options)


def recall_as_subgraph(model: Any, store: BaseStore | None, **options: Any) -> Any:
    """Let the recall graph be a node of a graph."""
    builder = StateGraph(MemoryState, context_schema=MemoryContext)
    builder.add_node("memory", create_recall_graph(min_score=0, retry_policy=RETRIES))
    builder.add_node("agent", create_agent_node(model, min_score=0), retry_policy=RETRIES)
    builder.add_node(create_remember_node(retry_policy=RETRIES), retry_policy=RETRIES)
    builder.add_edge(START, "memory")
    builder.add_edge("memory", "agent")
    builder.add_edge("agent", "remember")
    return builder.compile(store=store, **options)


def agent_as_subgraph(model: Any, store: BaseStore | None, **options: Any) -> Any:
    """Let the whole agent be a node of a graph."""
    builder = StateGraph(MemoryState, context_schema=MemoryContext)
    builder.add_node("memory_agent", create_memory_agent(model, min_score=0, retry_policy=RETRIES))
    builder.add_edge(START, "memory_agent")
    return builder.compile(store=store, **options)


def middleware(model: Any, store: BaseStore | None, **options: Any) -> Any:
    """Let an agent of LangChain's have the middleware."""
    memory = MemoryMiddleware(min_score=0)
    return create_agent(model, middleware=[memory], store=store, context_schema=MemoryContext, **options)


def prebuilt(model: Any, store: BaseStore | None, **options: Any) -> Any:
    """Take the memory agent as it is."""
    return create_memory_agent(model, store=store, min_score=0, retry_policy=RETRIES, **options)


WAYS = [nodes_alone, recall_as_subgraph, agent_as_subgraph, middleware, prebuilt]


def seen_by(model: ScriptedChatModel) -> list[str]:
    """Return the memories that the last call of a model was given."""
    human = [message for message in model.prompts[-1] if message.type == "human"][-1]
    return [line.text for line in parse_block(human.text)[0]]


def said(store: BaseStore, user: str = "ana") -> list[str]:
    """Return what is remembered of a user."""
    return sorted(item.value["content"] for item in store.search(("memories", user), limit=100))


def in_thread(thread_id: str) -> Any:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": thread_id}}


# ------------------------------------------------------------------------------------------------- what holds


@pytest.mark.parametrize("make", WAYS, ids=lambda way: way.__name__)
def test_every_way_remembers_on_every_store(run: Any_, store: BaseStore, make: Any_) -> None:
    """Across threads, each user by itself, with receipts, and with nothing of a memory in the thread."""
    model = ScriptedChatModel(script=["Noted.", "In Lisbon.", "Who knows?"])
    graph = make(model, store, checkpointer=InMemorySaver())
    given = {"messages": [("user", "I live in Lisbon.")]}
    run(graph, given, config=in_thread("1"), context=ANA)
    asked = {"messages": [("user", "Where in Lisbon do I live?")]}
    state, events = run(graph, asked, config=in_thread("2"), context=ANA)
    # What happens in a subgraph is on the stream of whoever asks for subgraphs: the test below.
    receipts = {recall_as_subgraph: ["memory_remember"], agent_as_subgraph: []}

    assert "I live in Lisbon." in seen_by(model)
    assert receipts.get(make, ["memory_recall", "memory_remember"]) == [event["type"] for event in events]
    assert {"I live in Lisbon.", "Noted."} >= set(seen_by(model))
    assert ["Where in Lisbon do I live?", "In Lisbon."] == [each.text for each in state["messages"]]
    assert not state.get("memory_errors")

    run(graph, {"messages": [("user", "Who lives in Lisbon?")]}, config=in_thread("3"), context=BOB)
    assert [] == seen_by(model)
    assert sorted(["I live in Lisbon.", "Noted.", "Where in Lisbon do I live?", "In Lisbon."]) == said(store)
    assert sorted(["Who lives in Lisbon?", "Who knows?"]) == said(store, "bob")


@pytest.mark.parametrize("make", [recall_as_subgraph, agent_as_subgraph], ids=lambda way: way.__name__)
def test_receipts_of_a_subgraph_are_streamed_with_subgraphs(make: Any_) -> None:
    """`subgraphs=True` brings both."""
    graph = make(ScriptedChatModel(script=["Noted."]), WarmStore())
    given = {"messages": [("user", "I live in Lisbon.")]}
    chunks = list(graph.stream(given, context=ANA, stream_mode="custom", subgraphs=True))

    assert ["memory_recall", "memory_remember"] == [event["type"] for _, event in chunks]


def test_a_layer_is_kept_and_read_on_every_store(store: BaseStore) -> None:
    """By its tools and in a prompt; a single memory is kept current field by field."""
    ana: Any = {"configurable": {"user_id": "ana"}}
    notes = MemoryLayer("notes", ("memories", "{user_id}"), store=store)
    notes.as_tools()[0].invoke({"content": "Lives in Lisbon."}, ana)
    profile = MemoryLayer("profile", ("memories", "{user_id}"), kind="single", schemas=Profile, store=store)
    update, read = profile.as_tools()
    update.invoke({"content": {"name": "Ana"}}, ana)
    update.invoke({"content": {"city": "Lisbon"}}, ana)

    assert "Lives in Lisbon." in str(notes.invoke({"query": "Who lives in Lisbon?"}, ana))
    assert {"name": "Ana", "city": "Lisbon"} == json.loads(read.invoke({}, ana))
    assert [] == notes.invoke({"query": "Who lives in Lisbon?"}, {"configurable": {"user_id": "bob"}})


class FailsAfterWriting(BaseStore):
    """A store whose first write arrives, and then the connection breaks."""

    def __init__(self, inner: BaseStore) -> None:
        self.inner = inner
        self.writes = 0

    def batch(self, ops: Any) -> Any:
        """Do it, then fail the first time that something was written."""
        ops = list(ops)
        done = self.inner.batch(ops)
        self._break(ops)
        return done

    async def abatch(self, ops: Any) -> Any:
        """Do it, then fail the first time that something was written."""
        ops = list(ops)
        done = await self.inner.abatch(ops)
        self._break(ops)
        return done

    def _break(self, ops: list[Any]) -> None:
        if any(isinstance(op, PutOp) for op in ops):
            self.writes += 1
            if self.writes == 1:
                raise ConnectionError("reset")


@pytest.mark.parametrize(
    "make", [nodes_alone, recall_as_subgraph, agent_as_subgraph, prebuilt], ids=lambda f: f.__name__
)
def test_a_node_that_wrote_failed_and_ran_again_leaves_one_row(run: Any_, store: BaseStore, make: Any_) -> None:
    """Under a `RetryPolicy`, with a thread and without one: keys follow from what was said."""
    for options in ({"checkpointer": InMemorySaver()}, {}):
        broken = FailsAfterWriting(store)
        graph = make(ScriptedChatModel(script=["Noted."]), broken, **options)
        state, _ = run(graph, {"messages": [("user", f"Hello, {len(options)}")]}, config=in_thread("1"), context=ANA)

        assert 2 == broken.writes
        assert not state.get("memory_errors")
    assert ["Hello, 0", "Hello, 1", "Noted.", "Noted."] == said(store)


def test_a_middleware_that_wrote_and_failed_keeps_the_answer_and_one_row(run: Any_, store: BaseStore) -> None:
    """It is not run again within a turn; whoever runs the turn again writes the same rows."""
    broken = FailsAfterWriting(store)
    agent = middleware(ScriptedChatModel(script=["Noted."]), broken, checkpointer=InMemorySaver())
    state, _ = run(agent, {"messages": [("user", "Hello")]}, config=in_thread("1"), context=ANA)

    assert ("Noted.", ["remember"]) == (
        state["messages"][-1].text,
        [failure["node"] for failure in state["memory_errors"]],
    )
    assert ["Hello", "Noted."] == said(store)


@pytest.mark.parametrize("make", WAYS, ids=lambda way: way.__name__)
async def test_every_way_works_on_the_async_store_of_postgresql(database_uri: str, make: Any_) -> None:
    """`AsyncPostgresStore` belongs to one event loop, and so does everything that is done with it."""
    from langgraph.store.postgres import AsyncPostgresStore

    async with AsyncPostgresStore.from_conn_string(database_uri, index=INDEX) as store:
        await store.setup()
        model = ScriptedChatModel(script=["Noted.", "In Lisbon."])
        graph = make(model, store)
        await graph.ainvoke({"messages": [("user", "I live in Lisbon.")]}, context=ANA)
        state = await graph.ainvoke({"messages": [("user", "Where in Lisbon do I live?")]}, context=ANA)
        found = await store.asearch(("memories", "ana"), limit=10)

    assert "I live in Lisbon." in seen_by(model)
    assert not state.get("memory_errors")
    assert 4 == len(found)
