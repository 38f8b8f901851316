"""Memory in agents of LangChain's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent  # noqa: TID253 (the agent is what the middleware is for)
from langchain.agents.structured_output import ToolStrategy  # noqa: TID253
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore, GetOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from tests.knowledge_models import calls
from warmgraph.errors import InvalidArgumentError, UnresolvedNamespaceError
from warmgraph.memory_block import parse_block
from warmgraph.middleware import MemoryMiddleware
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_memory_agent
from warmgraph.ranking import RouteDecision
from warmgraph.store import WarmStore
from warmgraph.testing import ScriptedChatModel

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
BOB = MemoryContext("bob")


def agent_of(model: Any, store: BaseStore | None, tools: Any = (), **options: Any) -> Any:
    """Make an agent of LangChain's with memory."""
    checkpointer = options.pop("checkpointer", None)
    middleware = [MemoryMiddleware(**{"min_score": 0, **options})]
    return create_agent(
        model, list(tools), middleware=middleware, store=store, context_schema=MemoryContext, checkpointer=checkpointer
    )


def ask(text: str) -> Any:
    """Return the input of a turn."""
    return {"messages": [("user", text)]}


def in_thread(thread_id: str) -> Any:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": thread_id}}


def seen_by(model: ScriptedChatModel, call: int = -1) -> list[str]:
    """Return the memories that a call of a model was given."""
    human = [message for message in model.prompts[call] if message.type == "human"][-1]
    return [line.text for line in parse_block(human.text)[0]]


def said(store: BaseStore, user: str = "ana") -> set[str]:
    """Return what is remembered of a user."""
    return {item.value["content"] for item in store.search(("memories", user), limit=100)}


def test_it_remembers_across_threads_and_each_user_by_itself(run: Any_, store: BaseStore) -> None:
    """What one user said in one thread is shown in another, and never to somebody else."""
    model = ScriptedChatModel(script=["Noted.", "In Lisbon.", "Who knows?"])
    agent = agent_of(model, store, checkpointer=InMemorySaver())
    run(agent, ask("I live in Lisbon."), config=in_thread("1"), context=ANA)
    state = run(agent, ask("Where in Lisbon do I live?"), config=in_thread("2"), context=ANA).state
    assert "I live in Lisbon." in seen_by(model)
    assert ["Where in Lisbon do I live?", "In Lisbon."] == [message.text for message in state["messages"]]
    run(agent, ask("Who lives in Lisbon?"), config=in_thread("3"), context=BOB)
    assert [] == seen_by(model)
    assert {"I live in Lisbon.", "Noted.", "Where in Lisbon do I live?", "In Lisbon."} == said(store)


def test_it_recalls_and_writes_what_the_memory_agent_does(run: Any_, store: BaseStore) -> None:
    """The same block, the same trace, the same rows, the same receipts: they are the same nodes."""
    outcomes: list[Any] = []
    for user in (ANA, BOB):
        model = ScriptedChatModel(script=["Noted.", "In Lisbon."])
        agent = agent_of(model, store) if user is ANA else create_memory_agent(model, store=store, min_score=0)
        place = ("memories", str(user.user_id))
        run(agent, ask("I live in Lisbon."), context=user)
        state, events = run(agent, ask("Where in Lisbon do I live?"), context=user)
        found = [(store.get(place, item["key"]), item["tier"]) for item in state["recall"]["items"]]
        outcomes.append(
            (
                [line.text for line in parse_block(model.prompts[-1][-1].text)[0]],
                {(item.value["content"], tier) for item, tier in found if item is not None},
                state["recall"]["decision"],
                [event["type"] for event in events],
                said(store, str(user.user_id)),
            )
        )
    assert outcomes[0] == outcomes[1]
    assert ["memory_recall", "memory_remember"] == outcomes[0][3]


def test_state_and_checkpoints_hold_no_text_of_a_memory(run: Any_, store: BaseStore) -> None:
    """Of what was recalled there are keys and scores; neither the output nor a checkpoint has the words."""
    saver = InMemorySaver()
    agent = agent_of(ScriptedChatModel(script=["Noted.", "Yes."]), store, checkpointer=saver)
    run(agent, ask("The password is xyzzy."), config=in_thread("1"), context=ANA)
    state, events = run(agent, ask("Is there a password?"), config=in_thread("2"), context=ANA)

    assert 2 == len(state["recall"]["items"])
    assert "xyzzy" not in repr(state)
    assert "xyzzy" not in repr(events)
    assert "xyzzy" not in repr(list(saver.list(in_thread("2"))))


def test_with_tools_each_call_sees_the_memories_and_tool_traffic_is_not_remembered(run: Any_, store: BaseStore) -> None:
    """The block leads the last human message at every call of the turn; the prefix stays the same."""

    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"Sun in {city}."

    model = ScriptedChatModel(script=["Noted.", calls(("weather", {"city": "Lisbon"})), "Sunny."])
    agent = agent_of(model, store, [weather])
    run(agent, ask("I live in Lisbon."), context=ANA)
    run(agent, ask("How is the weather in Lisbon, where I live?"), context=ANA)

    assert seen_by(model, 1) == seen_by(model, 2)
    assert "I live in Lisbon." in seen_by(model, 2)
    assert model.prompts[1] == model.prompts[2][: len(model.prompts[1])]
    assert {"I live in Lisbon.", "Noted.", "How is the weather in Lisbon, where I live?", "Sunny."} == said(store)


def test_tokens_stream_as_they_did(store: BaseStore) -> None:
    """The stream of messages is the answer, and nothing of the block."""
    agent = agent_of(ScriptedChatModel(script=["Noted.", "In Lisbon, you said."]), store)
    agent.invoke(ask("I live in Lisbon."), context=ANA)
    chunks = list(agent.stream(ask("Where in Lisbon do I live?"), context=ANA, stream_mode="messages"))

    assert "In Lisbon, you said." == "".join(chunk.text for chunk, _ in chunks)


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
                raise OSError("it failed")
        return super().batch(ops)

    async def abatch(self, ops: Any) -> Any:
        """Fail where told to."""
        return self.batch(ops)


@pytest.mark.parametrize(
    ("store", "nodes"),
    [
        (Faulty(SearchOp), ["vector_fallback"]),
        (Faulty(PutOp), ["remember"]),
        (Faulty(GetOp, SearchOp, PutOp), ["vector_fallback", "remember"]),
        (None, ["recall", "vector_fallback", "remember"]),
    ],
)
def test_memory_that_fails_never_costs_the_answer(run: Any_, store: BaseStore | None, nodes: list[str]) -> None:
    """It is noted in the state and on the stream, by the node that failed; the next run begins anew."""
    agent = agent_of(ScriptedChatModel(script=["Hello!", "Hello again!"]), store, checkpointer=InMemorySaver())
    run(agent, ask("Hi there"), config=in_thread("1"), context=ANA)
    state, events = run(agent, ask("Hi there again"), config=in_thread("1"), context=ANA)

    assert "Hello again!" == state["messages"][-1].text
    assert nodes == [failure["node"] for failure in state["memory_errors"]]
    assert nodes == [event["node"] for event in events if event["type"] == "memory_error"]


def test_a_router_that_fails_is_a_miss(run: Any_) -> None:
    """One's own router decides; one that raises is noted."""

    class Broken:
        def decide(self, signals: Any) -> RouteDecision:
            raise KeyError("lost")

    store = WarmStore()
    agent = agent_of(ScriptedChatModel(script=["Noted.", "Lisbon."]), store, router=Broken())
    run(agent, ask("I live in Lisbon."), context=ANA)
    state = run(agent, ask("Where in Lisbon do I live?"), context=ANA).state

    assert ("long_term", "the router failed") == (state["recall"]["tier"], state["recall"]["decision"]["reason"])
    assert ["KeyError"] == [failure["error"] for failure in state["memory_errors"]]


@pytest.mark.parametrize("user_id", [None, "", "  "])
def test_without_a_user_the_model_is_not_called(run: Any_, store: BaseStore, user_id: str | None) -> None:
    """Namespaces fail closed."""
    model = ScriptedChatModel(script=["never"])
    with pytest.raises(UnresolvedNamespaceError):
        run(agent_of(model, store), ask("Hi"), context=MemoryContext(user_id))
    assert [] == model.prompts
    assert [] == store.search(())


def test_a_run_that_is_resumed_makes_the_block_again_and_writes_once(run: Any_, store: BaseStore) -> None:
    """After an interrupt nothing is recalled anew; what was found is read again by its keys."""

    @tool
    def confirm(question: str) -> str:
        """Ask the user."""
        return str(interrupt(question))

    model = ScriptedChatModel(script=["Noted.", calls(("confirm", {"question": "Sure?"})), "Done."])
    agent = agent_of(model, store, [confirm], checkpointer=InMemorySaver())
    run(agent, ask("I live in Lisbon."), config=in_thread("1"), context=ANA)
    run(agent, ask("Cancel my flight to Lisbon."), config=in_thread("2"), context=ANA)
    state, events = run(agent, Command(resume="yes"), config=in_thread("2"), context=ANA)

    assert seen_by(model, 1) == seen_by(model, 2) != []
    assert ("Done.", ["memory_remember"]) == (state["messages"][-1].text, [event["type"] for event in events])
    assert {"I live in Lisbon.", "Noted.", "Cancel my flight to Lisbon.", "Done."} == said(store)


def test_reading_alone_writes_nothing(run: Any_, store: BaseStore) -> None:
    """`remember=False` recalls, and leaves the store as it is."""
    store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
    model = ScriptedChatModel(script=["Lisbon."])
    _, events = run(agent_of(model, store, remember=False), ask("Do I live in Lisbon?"), context=ANA)

    assert ["I live in Lisbon."] == seen_by(model)
    assert ["memory_recall"] == [event["type"] for event in events]
    assert {"I live in Lisbon."} == said(store)


def test_an_agent_that_failed_in_between_has_lost_nothing(run: Any_, store: BaseStore) -> None:
    """An error of the model surfaces as itself; the question is remembered with the turn that answers."""
    model = ScriptedChatModel(script=[RuntimeError("rate limit"), "Now."])
    agent = agent_of(model, store, checkpointer=InMemorySaver())
    with pytest.raises(RuntimeError, match="rate limit"):
        run(agent, ask("I live in Lisbon."), config=in_thread("1"), context=ANA)
    run(agent, ask("Are you there?"), config=in_thread("1"), context=ANA)

    assert {"I live in Lisbon.", "Are you there?", "Now."} == said(store)


def test_it_goes_with_other_middleware_and_multimodal_content(run: Any_, store: BaseStore) -> None:
    """The block is one more part of a message of parts; what others do to the request stays."""
    from langchain.agents.middleware import ModelCallLimitMiddleware

    model = ScriptedChatModel(script=["Noted.", AIMessage("In Lisbon.")])
    middleware: list[Any] = [ModelCallLimitMiddleware(run_limit=3), MemoryMiddleware(min_score=0)]
    agent = create_agent(
        model,
        middleware=middleware,
        system_prompt="Be brief.",
        store=store,
        context_schema=MemoryContext,
    )
    run(agent, ask("I live in Lisbon."), context=ANA)
    parts = [{"type": "text", "text": "Where in Lisbon is this?"}, {"type": "image", "url": "https://x.test/a.png"}]
    run(agent, {"messages": [{"role": "user", "content": parts}]}, context=ANA)
    sent: Any = model.prompts[-1][-1].content

    assert "Be brief." == model.prompts[-1][0].text
    assert ("I live in Lisbon." in sent[0]["text"], parts) == (True, sent[1:])


def test_a_run_takes_messages_and_returns_keys_and_failures_beside_them(run: Any_) -> None:
    """What is in hand stays inside; a run with nothing asked, and one with an answer in a form, work as well."""

    class City(BaseModel):
        name: str

    store = InMemoryStore()
    answer = calls(("City", {"name": "Lisbon"}))
    agent = create_agent(
        ScriptedChatModel(script=[answer, answer]),
        middleware=[MemoryMiddleware()],
        store=store,
        response_format=ToolStrategy(City),
        context_schema=MemoryContext,
    )
    assert {"messages"} == set(agent.get_input_jsonschema()["properties"])
    assert {"messages", "recall", "memory_errors", "structured_response"} == set(
        agent.get_output_jsonschema()["properties"]
    )
    run(agent, {"messages": [("ai", "Welcome!")]}, context=ANA)
    assert set() == said(store)
    state = run(agent, ask("I live in Lisbon."), context=ANA).state
    assert (City(name="Lisbon"), {"I live in Lisbon."}) == (state["structured_response"], said(store))


def test_bad_arguments_are_refused() -> None:
    """When the middleware is made."""
    with pytest.raises(InvalidArgumentError, match="limit: expected"):
        MemoryMiddleware(limit=0)
    with pytest.raises(InvalidArgumentError, match="namespace: expected"):
        MemoryMiddleware("{user_id")


def test_without_langchain_the_extra_is_named() -> None:
    """Everything else of the package can be imported without it."""
    code = (
        "import sys; sys.modules['langchain.agents.middleware'] = None\n"
        "import warmgraph.prebuilt\n"
        "try: import warmgraph.middleware\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "MissingDependencyError" in done.stdout
    assert "warmgraph[langchain]" in done.stdout
