"""The memory agent when something fails, stops or is run again, and with tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import InjectedState, InjectedStore
from langgraph.store.base import BaseStore, GetOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, RetryPolicy, interrupt

from warmgraph.memory_block import parse_block
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_memory_agent
from warmgraph.store import WarmStore
from warmgraph.testing import ScriptedChatModel

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
BOB = MemoryContext("bob")
NAMESPACE = ("memories", "ana")


def in_thread(thread_id: str) -> Any:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": thread_id}}


def said(store: BaseStore, user: str = "ana") -> list[str]:
    """Return what is remembered of a user, in order."""
    items = store.search(("memories", user), limit=100)
    ordered = sorted(items, key=lambda item: (item.value["said_at"], item.value["position"]))
    return [item.value["content"] for item in ordered]


def seen_by(model: ScriptedChatModel, call: int = -1) -> list[str]:
    """Return the memories that a call of a model was given."""
    human = [message for message in model.prompts[call] if message.type == "human"][-1]
    return [line.text for line in parse_block(human.text)[0]]


def types(events: list[dict[str, Any]]) -> list[str]:
    """Return the types of events."""
    return [event["type"] for event in events]


class Faulty(InMemoryStore):
    """A store in which some operations fail."""

    def __init__(self, *ops: type) -> None:
        super().__init__()
        self.broken = ops

    def batch(self, ops: Any) -> Any:
        """Fail where told to."""
        ops = list(ops)
        for op in ops:
            if isinstance(op, self.broken):
                raise OSError(f"{type(op).__name__} failed")
        return super().batch(ops)

    async def abatch(self, ops: Any) -> Any:
        """Fail where told to."""
        return self.batch(ops)


class TestFailuresCostNoAnswer:
    @pytest.mark.parametrize(
        ("broken", "nodes"),
        [
            ((SearchOp,), ["vector_fallback"]),
            ((GetOp,), []),  # what was read to rank it is not read again
            ((PutOp,), ["remember"]),
            ((SearchOp, GetOp, PutOp), ["vector_fallback", "remember"]),
        ],
    )
    def test_of_the_store(self, run: Any_, broken: tuple[type, ...], nodes: list[str]) -> None:
        """Whatever fails is in the state and on the stream, and the answer comes."""
        store = Faulty()
        store.put(NAMESPACE, "home", {"content": "I live in Lisbon."})
        store.broken = broken
        agent = create_memory_agent(ScriptedChatModel(script=["Hello!"]), store=store)
        state, events = run(agent, {"messages": "Lisbon?"}, context=ANA)
        assert "Hello!" == state["messages"][-1].content
        assert nodes == [failure["node"] for failure in state["memory_errors"]]
        assert nodes == [event["node"] for event in events if event["type"] == "memory_error"]

    def test_of_a_closed_store(self, run: Any_, tmp_path: Any) -> None:
        """A store that was shut down under a running server."""
        store = WarmStore.open(tmp_path / "memory.db")
        agent = create_memory_agent(ScriptedChatModel(script=["Hello!"]), store=store)
        store.close()
        state = run(agent, {"messages": "Lisbon?"}, context=ANA).state
        assert "Hello!" == state["messages"][-1].content
        assert {"recall", "vector_fallback", "remember"} == {failure["node"] for failure in state["memory_errors"]}

    def test_of_a_missing_store(self, run: Any_) -> None:
        """A graph without one answers, and says that it remembers nothing."""
        state, events = run(
            create_memory_agent(ScriptedChatModel(script=["Hello!"])), {"messages": "Hi there"}, context=ANA
        )
        assert "Hello!" == state["messages"][-1].content
        assert "memory_error" in types(events)
        assert "remember" in {failure["node"] for failure in state["memory_errors"]}

    def test_and_are_over_with_the_next_run(self, run: Any_) -> None:
        """`memory_errors` is of one run."""
        store = Faulty(PutOp)
        agent = create_memory_agent(ScriptedChatModel(script=["a", "b"]), store=store, checkpointer=InMemorySaver())
        assert run(agent, {"messages": "one"}, config=in_thread("1"), context=ANA).state["memory_errors"]
        store.broken = ()
        assert [] == run(agent, {"messages": "two"}, config=in_thread("1"), context=ANA).state["memory_errors"]


class TestTools:
    def test_a_loop_sees_the_same_memories_at_each_call(self, run: Any_, store: BaseStore) -> None:
        """And only the question and the last answer are remembered."""

        @tool
        def weather(city: str) -> str:
            """Tell the weather."""
            return f"It rains in {city}."

        store.put(NAMESPACE, "home", {"content": "I live in Lisbon."}, index=["content"])
        call = {"name": "weather", "args": {"city": "Lisbon"}, "id": "call_1"}
        model = ScriptedChatModel(
            script=[
                AIMessage("Let me look.", tool_calls=[call]),
                lambda messages: f"Take an umbrella: {messages[-1].content}",
            ]
        )
        agent = create_memory_agent(model, store=store, tools=[weather], min_score=0)
        state = run(agent, {"messages": "What to wear in Lisbon?"}, context=ANA).state
        assert "Take an umbrella: It rains in Lisbon." == state["messages"][-1].content
        assert ["human", "ai", "tool", "ai"] == [message.type for message in state["messages"]]
        assert ["I live in Lisbon."] == seen_by(model, 0) == seen_by(model, 1)
        assert ["weather"] == [bound["function"]["name"] for bound in model.bound_tools[0]]
        remembered = [item.value["content"] for item in store.search(NAMESPACE) if item.key != "home"]
        assert {"What to wear in Lisbon?", state["messages"][-1].content} == set(remembered)

    def test_may_use_the_state_and_the_store(self, run: Any_, store: BaseStore) -> None:
        """Tools of LangGraph's kinds work unchanged, several at once."""

        @tool
        def count(state: Annotated[dict[str, Any], InjectedState]) -> str:
            """Count messages."""
            return str(len(state["messages"]))

        @tool
        def note(text: str, store: Annotated[Any, InjectedStore()]) -> str:
            """Note something."""
            store.put(("notes",), "n", {"text": text})
            return "noted"

        calls: Any = [
            {"name": "count", "args": {}, "id": "1"},
            {"name": "note", "args": {"text": "milk"}, "id": "2"},
        ]
        model = ScriptedChatModel(script=[AIMessage("", tool_calls=calls), "Done."])
        agent = create_memory_agent(model, store=store, tools=[count, note])
        state = run(agent, {"messages": "Note milk"}, context=ANA).state
        assert ["2", "noted"] == [message.content for message in state["messages"] if message.type == "tool"]
        noted = store.get(("notes",), "n")
        assert noted is not None
        assert {"text": "milk"} == noted.value

    def test_a_run_that_is_resumed_elsewhere_still_has_its_memories(self, run: Any_) -> None:
        """The block is gone with the process that made it; keys in the checkpoint bring it back."""

        @tool
        def ask(question: str) -> str:
            """Ask a human."""
            return str(interrupt(question))

        store, saver = InMemoryStore(), InMemorySaver()
        store.put(NAMESPACE, "home", {"content": "I live in Lisbon."})
        call = {"name": "ask", "args": {"question": "Sure?"}, "id": "1"}
        before = ScriptedChatModel(script=[AIMessage("", tool_calls=[call])])
        after = ScriptedChatModel(script=["Booked."])
        config = in_thread("1")

        def agent(model: ScriptedChatModel) -> Any:
            return create_memory_agent(model, store=store, tools=[ask], checkpointer=saver)

        run(agent(before), {"messages": "Book a trip home"}, config=config, context=ANA)
        state = run(agent(after), Command(resume="yes"), config=config, context=ANA).state
        assert "Booked." == state["messages"][-1].content
        assert ["I live in Lisbon."] == seen_by(before) == seen_by(after)
        assert 3 == len(store.search(NAMESPACE))


class TestCheckpoints:
    @pytest.mark.parametrize("durability", ["sync", "async", "exit"])
    def test_hold_no_text_of_a_memory(self, run: Any_, durability: str) -> None:
        """To forget a memory it is enough to delete it from the store."""

        @tool
        def ask(question: str) -> str:
            """Ask a human."""
            return str(interrupt(question))

        store, saver = InMemoryStore(), InMemorySaver()
        store.put(NAMESPACE, "home", {"content": "I live in Xanadu."})
        call = {"name": "ask", "args": {"question": "Sure?"}, "id": "1"}
        model = ScriptedChatModel(script=[AIMessage("", tool_calls=[call]), "Booked."])
        agent = create_memory_agent(model, store=store, tools=[ask], checkpointer=saver)
        options = {"config": in_thread("1"), "context": ANA, "durability": durability}
        run(agent, {"messages": "Book a trip home"}, **options)
        run(agent, Command(resume="yes"), **options)
        assert ["I live in Xanadu."] == seen_by(model, 0) == seen_by(model, 1)
        written = repr((dict(saver.storage), dict(saver.writes), dict(saver.blobs)))
        assert "Book a trip home" in written
        assert "home" in written
        assert "Xanadu" not in written

    def test_a_run_that_stops_before_it_remembers_writes_once(self, run: Any_, store: BaseStore) -> None:
        """Resumed, and gone back to and run again, it writes the same rows."""
        model = ScriptedChatModel(script=["Hello!"])
        agent = create_memory_agent(model, store=store, checkpointer=InMemorySaver())
        config = in_thread("1")
        run(agent, {"messages": "Hi there"}, config=config, context=ANA, interrupt_before=["remember"])
        assert [] == said(store)
        before = agent.get_state(config).config
        run(agent, None, config=config, context=ANA)
        run(agent, None, config=before, context=ANA)
        assert ["Hi there", "Hello!"] == said(store)


class TestRetries:
    POLICY = RetryPolicy(max_attempts=3, initial_interval=0, jitter=False)

    def test_of_the_model(self, run: Any_, store: BaseStore) -> None:
        """A model that answers at the second attempt is a model that answered."""
        model = ScriptedChatModel(script=[ConnectionError("reset"), "Hello!"])
        agent = create_memory_agent(model, store=store, retry_policy=self.POLICY)
        assert "Hello!" == run(agent, {"messages": "Hi there"}, context=ANA).state["messages"][-1].content
        assert ["Hi there", "Hello!"] == said(store)

    def test_of_the_store(self, run: Any_) -> None:
        """What the policy repeats is repeated; what it does not is noted."""

        class Flaky(InMemoryStore):
            failures = 2

            def batch(self, ops: Any) -> Any:
                ops = list(ops)
                answer = super().batch(ops)
                if any(isinstance(op, PutOp) for op in ops) and self.failures:
                    self.failures -= 1
                    raise ConnectionError("reset")
                return answer

            async def abatch(self, ops: Any) -> Any:
                return self.batch(ops)

        store = Flaky()
        model = ScriptedChatModel(script=["Hello!"])
        agent = create_memory_agent(model, store=store, retry_policy=self.POLICY)
        state = run(agent, {"messages": "Hi there"}, context=ANA).state
        assert ([], ["Hi there", "Hello!"]) == (state["memory_errors"], said(store))

    def test_without_a_policy_the_error_is_the_callers(self, run: Any_, store: BaseStore) -> None:
        """A question without an answer is remembered with the next one."""
        model = ScriptedChatModel(script=[ConnectionError("reset"), "Hello!"])
        agent = create_memory_agent(model, store=store, checkpointer=InMemorySaver())
        with pytest.raises(ConnectionError):
            run(agent, {"messages": "Hi there"}, config=in_thread("1"), context=ANA)
        run(agent, {"messages": "Are you there?"}, config=in_thread("1"), context=ANA)
        assert ["Hi there", "Are you there?", "Hello!"] == said(store)
