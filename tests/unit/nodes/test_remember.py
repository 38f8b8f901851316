"""The node `remember`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.types import RetryPolicy

from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.nodes import MemoryContext, create_recall_node, create_remember_node, message_key
from warmgraph.store import MemoryRecord, WarmStore
from warmgraph.testing import FakeEmbeddings, ManualClock

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
NAMESPACE = ("memories", "ana")
THREAD: Any = {"configurable": {"thread_id": "t1"}}


def records(store: BaseStore) -> list[MemoryRecord]:
    """Return what is remembered of Ana, in order."""
    items = store.search(NAMESPACE, limit=100)
    return sorted((MemoryRecord.from_value(item.value) for item in items), key=lambda record: record.position or 0)


def test_writes_a_record_for_each_message_of_the_turn(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Complete, under a key that follows from thread and message."""
    graph = alone(create_remember_node(clock=ManualClock()), store=store)
    said = [HumanMessage("Where is Lisbon?", id="1", name="Ana"), AIMessage("In Portugal.", id="2")]
    _, (receipt,) = run(graph, {"messages": said}, context=ANA, config=THREAD)
    at = "2026-01-01T00:00:00+00:00"
    question = MemoryRecord(
        content="Where is Lisbon?",
        author="Ana",
        role="user",
        thread_id="t1",
        message_id="1",
        position=0,
        said_at=at,
        is_question=True,
    )
    answer = MemoryRecord(
        content="In Portugal.",
        role="assistant",
        thread_id="t1",
        message_id="2",
        position=1,
        said_at=at,
        is_question=False,
    )
    keys = [message_key("t1", said[0]), message_key("t1", said[1], asked=said[0])]
    found = [store.get(NAMESPACE, key) for key in keys]
    assert [question.to_value(), answer.to_value()] == [item.value for item in found if item is not None]
    assert receipt.pop("milliseconds") >= 0
    assert {"type": "memory_remember", "namespace": ["memories", "ana"], "keys": keys} == receipt


def test_messages_that_name_their_role_are_remembered_alike(run: Any_, alone: Any_, store: BaseStore) -> None:
    """`ChatMessage` says who spoke in its role; what is neither a person's nor the assistant's is left out."""
    said = [
        ChatMessage(content="Be brief.", role="system"),
        ChatMessage(content="Where is Lisbon?", role="user"),
        ChatMessage(content="In Portugal.", role="assistant"),
    ]
    run(alone(create_remember_node(), store=store), {"messages": said}, context=ANA, config=THREAD)
    assert [("Where is Lisbon?", "user"), ("In Portugal.", "assistant")] == [
        (each.content, each.role) for each in records(store)
    ]


def test_each_answer_to_a_question_is_remembered(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Where two agents answer, there are two answers; a run that is repeated writes the same rows."""
    graph = alone(create_remember_node(), store=store)
    for ids in ("123", "145"):
        said = [HumanMessage("Hi"), AIMessage("Hello"), AIMessage("Good day")]
        for message, id in zip(said, ids, strict=True):
            message.id = id
        run(graph, {"messages": said}, context=ANA, config=THREAD)
    assert ["Hi", "Hello", "Good day"] == [record.content for record in records(store)]


def test_tool_traffic_is_not_remembered(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Neither calls, even with words in them, nor results."""
    call = AIMessage("Let me look.", tool_calls=[{"name": "look", "args": {}, "id": "1"}])
    said = [HumanMessage("Weather?"), call, ToolMessage("sun", tool_call_id="1"), AIMessage("Sunny.")]
    run(alone(create_remember_node(), store=store), {"messages": said}, context=ANA)
    assert ["Weather?", "Sunny."] == [record.content for record in records(store)]


def test_messages_without_text_are_skipped(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Of messages with images the words are remembered."""
    image = {"type": "image_url", "image_url": {"url": "data:x"}}
    said = [
        HumanMessage([image]),
        HumanMessage([image, {"type": "text", "text": "Who is this?"}]),
        AIMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Your brother."}]),
    ]
    run(alone(create_remember_node(), store=store), {"messages": said}, context=ANA)
    assert ["Who is this?", "Your brother."] == [record.content for record in records(store)]


@pytest.mark.parametrize("messages", [[], [HumanMessage("")], [ToolMessage("x", tool_call_id="1")]])
def test_nothing_said_is_nothing_written(run: Any_, alone: Any_, store: BaseStore, messages: list[Any]) -> None:
    """There is no receipt of nothing."""
    assert [] == run(alone(create_remember_node(), store=store), {"messages": messages}, context=ANA).events
    assert [] == store.search(NAMESPACE)


def test_each_turn_adds_its_own_messages(run: Any_, alone: Any_, store: BaseStore) -> None:
    """A second run of a thread does not write the first again."""
    graph = alone(create_remember_node(), store=store, checkpointer=InMemorySaver())
    run(graph, {"messages": [HumanMessage("one"), AIMessage("1")]}, context=ANA, config=THREAD)
    _, (receipt,) = run(graph, {"messages": [HumanMessage("two"), AIMessage("2")]}, context=ANA, config=THREAD)
    assert 2 == len(receipt["keys"])
    assert [("one", 0), ("1", 1), ("two", 2), ("2", 3)] == [(each.content, each.position) for each in records(store)]


def test_a_message_written_again_is_the_same_row(run: Any_, alone: Any_, store: BaseStore) -> None:
    """With the words that it has now."""
    graph = alone(create_remember_node(), store=store)
    run(graph, {"messages": [HumanMessage("before", id="1")]}, context=ANA, config=THREAD)
    run(graph, {"messages": [HumanMessage("after", id="1")]}, context=ANA, config=THREAD)
    assert ["after"] == [record.content for record in records(store)]


def test_the_time_is_that_of_the_turn(run: Any_, alone: Any_) -> None:
    """A node that runs again, however much later, writes the same row again: it takes the time from the trace."""
    clock, store = ManualClock(), InMemoryStore()
    recall, remember = create_recall_node(clock=clock), create_remember_node(clock=clock)

    class Slow(InMemoryStore):
        def batch(self, ops: Any) -> Any:
            clock.advance(minutes=5)
            return store.batch(ops)

        async def abatch(self, ops: Any) -> Any:
            return self.batch(ops)

    run(alone(recall, remember, remember_again(clock), store=Slow()), {"messages": "Hi there"}, context=ANA)
    assert ["2026-01-01T00:00:00+00:00"] == [record.said_at for record in records(store)]


def remember_again(clock: ManualClock) -> Any:
    """Make a second node `remember`, as a run that is resumed has one."""
    return create_remember_node(clock=clock, name="remember_again")


def test_only_the_content_is_embedded(run: Any_, alone: Any_) -> None:
    """Ids and times would make all memories alike."""
    embeddings = FakeEmbeddings()
    store = InMemoryStore(index={"embed": embeddings, "dims": embeddings.dims})
    run(alone(create_remember_node(), store=store), {"messages": "I live in Lisbon."}, context=ANA)
    assert [["I live in Lisbon."]] == embeddings.documents


@pytest.mark.parametrize("importance", [None, 0.0, 0.7])
def test_importance_is_the_stores_unless_given(run: Any_, alone: Any_, importance: float | None) -> None:
    """A constant would hide what the words themselves tell."""
    store = InMemoryStore()
    run(alone(create_remember_node(importance=importance), store=store), {"messages": "Hi there"}, context=ANA)
    assert [importance] == [record.importance for record in records(store)]


@pytest.mark.parametrize(("ttl", "minutes"), [(None, 60), (5.0, 5)])
def test_records_live_as_long_as_the_store_or_the_node_says(
    run: Any_, alone: Any_, ttl: float | None, minutes: int
) -> None:
    """A batch does not apply a store's default by itself."""
    clock = ManualClock()
    store = WarmStore(ttl={"default_ttl": 60, "refresh_on_read": False}, clock=clock)
    run(alone(create_remember_node(ttl=ttl), store=store), {"messages": "Hi there"}, context=ANA)
    clock.advance(minutes=minutes - 1)
    assert 1 == len(store.search(NAMESPACE))
    clock.advance(minutes=2)
    assert [] == store.search(NAMESPACE)


class Flaky(InMemoryStore):
    """A store that writes, and fails to say so, the first times."""

    def __init__(self, failures: int, error: Exception) -> None:
        super().__init__()
        self.failures = failures
        self.error = error
        self.writes = 0

    def batch(self, ops: Any) -> Any:
        """Write, then fail."""
        ops = list(ops)
        answer = super().batch(ops)
        if any(isinstance(op, PutOp) for op in ops):
            self.writes += 1
            if self.writes <= self.failures:
                raise self.error
        return answer

    async def abatch(self, ops: Any) -> Any:
        """Write, then fail."""
        return self.batch(ops)


class TestFailure:
    def test_costs_no_answer(self, run: Any_, alone: Any_) -> None:
        """The state and the stream tell; the conversation itself is not quoted."""
        store = Flaky(1, OSError("cannot write 'Hello, my name is Ana'"))
        graph = alone(create_remember_node(), store=store)
        state, events = run(graph, {"messages": "Hello, my name is Ana"}, context=ANA)
        assert [("remember", "OSError")] == [(each["node"], each["error"]) for each in state["memory_errors"]]
        assert ["memory_error"] == [event["type"] for event in events]
        assert "Ana" not in repr(events)

    def test_is_repeated_by_the_policy_and_writes_one_row(self, run: Any_, alone: Any_) -> None:
        """A first attempt that wrote and failed leaves no second row behind."""
        store = Flaky(2, ConnectionError("reset"))
        policy = RetryPolicy(max_attempts=3, initial_interval=0, jitter=False)
        graph = self.retried(store, policy)
        state, events = run(graph, {"messages": [HumanMessage("Hi there"), AIMessage("Hello")]}, context=ANA)
        assert 3 == store.writes
        assert ["Hi there", "Hello"] == [record.content for record in records(store)]
        assert ([], ["memory_remember"]) == (state.get("memory_errors", []), [event["type"] for event in events])

    @pytest.mark.parametrize(("error", "writes"), [(ConnectionError("reset"), 3), (ValueError("never"), 1)])
    def test_is_noted_when_the_policy_gives_up(self, run: Any_, error: Exception, writes: int) -> None:
        """After the last attempt, or at once where LangGraph would not repeat: never an exception for the user."""
        store = Flaky(9, error)
        policy = RetryPolicy(max_attempts=3, initial_interval=0, jitter=False)
        state, _ = run(self.retried(store, policy), {"messages": "Hi there"}, context=ANA)
        assert writes == store.writes
        assert [type(error).__name__] == [failure["error"] for failure in state["memory_errors"]]

    def retried(self, store: BaseStore, policy: RetryPolicy) -> Any:
        """Make a graph whose node is added with a policy."""
        from langgraph.graph import StateGraph

        from warmgraph.nodes import MemoryState

        builder = StateGraph(MemoryState, context_schema=MemoryContext)
        builder.add_node(create_remember_node(retry_policy=policy), retry_policy=policy)
        return builder.set_entry_point("remember").compile(store=store)

    def test_of_a_graph_without_a_store_is_told(self, run: Any_, alone: Any_) -> None:
        """Nothing was remembered, and that is visible."""
        state = run(alone(create_remember_node()), {"messages": "Hi there"}, context=ANA).state
        assert ["StoreError"] == [failure["error"] for failure in state["memory_errors"]]


def test_without_a_user_the_run_stops(run: Any_, alone: Any_, store: BaseStore) -> None:
    """Nothing is written for nobody."""
    with pytest.raises(UnresolvedNamespaceError):
        run(alone(create_remember_node(), store=store), {"messages": "Hi there"})
    assert [] == store.search(())


class Away(FakeEmbeddings):
    """A model that does not answer."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Fail."""
        raise TimeoutError("no answer")


@pytest.mark.parametrize("kind", ["warm", "file", "in memory", "warm over in memory"])
def test_what_was_said_is_kept_while_the_model_is_away(run: Any_, alone: Any_, kind: str, tmp_path: Path) -> None:
    """The records are written without vectors, in every store, and the run tells why."""
    index: Any = {"embed": Away(), "dims": 16, "fields": ["content"]}
    stores: dict[str, Callable[[], Any]] = {
        "warm": lambda: WarmStore(index=index),
        "file": lambda: WarmStore.open(tmp_path / "memory.db", index=index),
        "in memory": lambda: InMemoryStore(index=index),
        "warm over in memory": lambda: WarmStore(InMemoryStore(index=index)),
    }
    store = stores[kind]()
    said = [HumanMessage("I live in Lisbon."), AIMessage("Noted.")]
    state, events = run(alone(create_remember_node(), store=store), {"messages": said}, context=ANA)
    assert ["I live in Lisbon.", "Noted."] == [each.content for each in records(store)]
    assert ["memory_error", "memory_remember"] == [event["type"] for event in events]
    assert ["remember"] == [failure["node"] for failure in state["memory_errors"]]
    if kind == "file":
        store.close()
