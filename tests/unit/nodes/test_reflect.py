"""The node that reads since a watermark, and the graph around it."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.graph_runs import Run
from warmgraph.errors import InvalidArgumentError
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_memory_agent, create_reflection_graph
from warmgraph.reflection.running import JOB_KEY

ANA, BOB = MemoryContext("ana"), MemoryContext("bob")


def thread(name: str) -> Any:
    """Return the config of a conversation."""
    return {"configurable": {"thread_id": name}}


class Heard:
    """A reflector that notes what it was given."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.jobs: list[str] = []
        self.error: Exception | None = None

    def __call__(self, payload: Any, config: Any) -> None:
        self.jobs.append(config["configurable"][JOB_KEY])
        if self.error is not None:
            raise self.error
        self.calls.append([message.text for message in payload["messages"] if message.type == "human"])


def heard_and_agent(store: BaseStore, **options: Any) -> tuple[Heard, Any, Any]:
    """Return a reflector, the graph around it, and an agent that remembers for it."""
    from langchain_core.runnables import RunnableLambda

    heard = Heard()
    graph = create_reflection_graph(RunnableLambda(heard), store=store, **options)
    return heard, graph, create_memory_agent("offline", store=store)


def test_each_message_is_reflected_on_once(run: Run, store: BaseStore) -> None:
    """A second run gives only what came after the first, and a third nothing."""
    heard, graph, agent = heard_and_agent(store)
    pointer = {"thread_id": "1", "namespace": ["memories", "ana"]}
    counts = []
    messages: list[Any] = []
    for text in ("I live in Lisbon.", "I like tea."):
        messages.append({"role": "user", "content": text, "id": text})
        messages = run(agent, {"messages": messages}, config=thread("1"), context=ANA).state["messages"]
        counts.append(run(graph, pointer, context=ANA).state["reflected"])
    counts.append(run(graph, pointer, context=ANA).state["reflected"])
    assert [["I live in Lisbon."], ["I like tea."]] == heard.calls
    assert [2, 2, 0] == counts


def test_threads_and_users_have_watermarks_of_their_own(run: Run, store: BaseStore) -> None:
    """Reflecting on one conversation leaves the others for later."""
    heard, graph, agent = heard_and_agent(store)
    for user, name in ((ANA, "1"), (ANA, "2"), (BOB, "1")):
        run(agent, {"messages": f"I am {user.user_id} in {name}."}, config=thread(name), context=user)
    for user, name in ((BOB, "1"), (ANA, "1"), (ANA, "2")):
        run(graph, {"thread_id": name}, context=user)
    assert [["I am bob in 1."], ["I am ana in 1."], ["I am ana in 2."]] == heard.calls


def test_a_run_that_failed_is_made_up_for(run: Run, store: BaseStore) -> None:
    """The watermark stays where it was, and the same messages come under the same key."""
    heard, graph, agent = heard_and_agent(store)
    run(agent, {"messages": "I live in Lisbon."}, config=thread("1"), context=ANA)
    heard.error = OSError("the model is away")
    with pytest.raises(OSError, match="away"):
        run(graph, {"thread_id": "1"}, context=ANA)
    heard.error = None
    run(graph, {"thread_id": "1"}, context=ANA)
    assert [["I live in Lisbon."]] == heard.calls
    assert heard.jobs[0] == heard.jobs[1]


def test_long_backlogs_come_in_pieces(run: Run) -> None:
    """The reflector is called as often as it takes, in the order of what was said."""
    store = InMemoryStore()
    heard, graph, _ = heard_and_agent(store, max_messages=2)
    for n in range(5):
        value = {"content": f"turn {n}", "role": "user", "thread_id": "1", "position": n}
        store.put(("memories", "ana"), str(9 - n), value)
    assert 5 == run(graph, {"thread_id": "1"}, context=ANA).state["reflected"]
    assert [["turn 0", "turn 1"], ["turn 2", "turn 3"], ["turn 4"]] == heard.calls


def test_an_answer_that_was_replaced_is_reflected_on_anew(run: Run) -> None:
    """A record with other words under its key is something new; the same words again are not."""
    store = InMemoryStore()
    heard, graph, _ = heard_and_agent(store)
    for text in ("I live in Rome.", "I live in Rome.", "I live in Porto."):
        value = {"content": text, "role": "user", "thread_id": "1", "position": 0}
        store.put(("memories", "ana"), "k", value)
        run(graph, {"thread_id": "1"}, context=ANA)
    assert [["I live in Rome."], ["I live in Porto."]] == heard.calls


def test_a_pointer_to_somebody_else_is_refused(run: Run) -> None:
    """The namespace of a pointer has to be that of the user for whom the graph runs."""
    _, graph, _ = heard_and_agent(InMemoryStore())
    with pytest.raises(InvalidArgumentError):
        run(graph, {"thread_id": "1", "namespace": ["memories", "bob"]}, context=ANA)


def test_what_is_not_said_is_not_reflected_on(run: Run) -> None:
    """Facts that a reflector wrote are no turns of a conversation."""
    store = InMemoryStore()
    heard, graph, _ = heard_and_agent(store)
    store.put(("memories", "ana"), "fact", {"content": "Lives in Lisbon.", "thread_id": "1"})
    store.put(("memories", "ana"), "other", {"text": "?"})
    assert 0 == run(graph, {"thread_id": "1"}, context=ANA).state["reflected"]
    assert [] == heard.calls
