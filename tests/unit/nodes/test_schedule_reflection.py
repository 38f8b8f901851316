"""The node that hands over a pointer."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from tests.graph_runs import Run
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_memory_agent, create_reflection_graph
from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.testing import ManualClock

ANA = MemoryContext("ana")
PLACE = ("memories", "{user_id}")
WAIT = 30.0


def test_the_turns_of_a_rest_are_reflected_on_once(run: Run) -> None:
    """Three turns within the delay make one job, and its one run reads all three."""
    store, clock = InMemoryStore(), ManualClock()
    heard: list[list[str]] = []

    def reflect(payload: Any) -> None:
        heard.append([message.text for message in payload["messages"] if message.type == "human"])

    graph = create_reflection_graph(RunnableLambda(reflect))
    executor = LocalReflectionExecutor(graph, PLACE, store=store, clock=clock)
    agent = create_memory_agent("offline", store=store, reflection=executor, checkpointer=InMemorySaver())
    said = ["I live in Lisbon.", "I like tea.", "My dog is Rex."]
    for text in said:
        ran = run(agent, {"messages": text}, config={"configurable": {"thread_id": "1"}}, context=ANA)
        clock.advance(seconds=20)
    assert [] == ran.state["memory_errors"]
    assert "memory_schedule_reflection" in [event["type"] for event in ran.events]
    assert [3] == [job.submits for job in executor.jobs()]
    clock.advance(seconds=10)
    assert executor.shutdown(timeout=WAIT)
    assert [said] == heard
    assert 1 == executor.stats().started


def test_a_name_means_nothing_without_a_server(run: Run) -> None:
    """The same agent runs in a program and on a server: in the former it just does not reflect."""
    agent = create_memory_agent("offline", store=InMemoryStore(), reflection="reflect")
    ran = run(agent, {"messages": "I live in Lisbon."}, context=ANA)
    assert "memory_errors" not in ran.state or [] == ran.state["memory_errors"]
    assert "memory_schedule_reflection" not in [event["type"] for event in ran.events]


def test_an_executor_that_fails_costs_no_answer(run: Run) -> None:
    """The failure is noted, and the user has the answer."""
    executor = LocalReflectionExecutor(print, PLACE)
    executor.shutdown()
    agent = create_memory_agent("offline", store=InMemoryStore(), reflection=executor)
    ran = run(agent, {"messages": "I live in Lisbon."}, context=ANA)
    assert ran.state["messages"][-1].text
    assert ["ExecutorClosedError"] == [failure["error"] for failure in ran.state["memory_errors"]]


@pytest.mark.parametrize("long", [False, True])
def test_the_agent_draws_the_node(long: bool) -> None:
    """It stands behind `remember`, whether threads are summarized or not."""
    agent = create_memory_agent("offline", reflection="reflect", max_history_tokens=8_000 if long else None)
    edges = {(edge.source, edge.target) for edge in agent.get_graph().edges}
    assert {("remember", "schedule_reflection"), ("schedule_reflection", "__end__")} <= edges
