"""The memory agent when a thread goes back to an earlier checkpoint and on from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore

from warmgraph.memory_block import parse_block
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_memory_agent
from warmgraph.testing import ScriptedChatModel

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
THREAD: Any = {"configurable": {"thread_id": "1"}}


def said(store: BaseStore) -> list[str]:
    """Return what is remembered of Ana, sorted."""
    return sorted(item.value["content"] for item in store.search(("memories", "ana"), limit=100))


def before(agent: Any, node: str) -> Any:
    """Return the config of the latest checkpoint of the first turn at which a node came next."""
    return [state.config for state in agent.get_state_history(THREAD) if state.next == (node,)][-1]


@pytest.fixture
def model() -> ScriptedChatModel:
    """A model that gives these answers, one after the other."""
    return ScriptedChatModel(script=["first answer", "second answer", "third answer"])


@pytest.fixture
def agent(model: ScriptedChatModel, store: BaseStore) -> Any:
    """An agent with threads."""
    return create_memory_agent(model, store=store, checkpointer=InMemorySaver())


@pytest.mark.parametrize("node", ["recall", "pack_context", "agent", "remember"])
def test_a_turn_that_is_run_again_is_remembered_once(run: Any_, agent: Any, store: BaseStore, node: str) -> None:
    """From whichever checkpoint: one question, one answer, and that is the newest."""
    run(agent, {"messages": "Where is my key?"}, config=THREAD, context=ANA)
    state, _ = run(agent, None, config=before(agent, node), context=ANA)
    newest = "first answer" if node == "remember" else "second answer"
    assert newest == state["messages"][-1].content
    assert sorted(["Where is my key?", newest]) == said(store)


def test_the_answer_to_be_replaced_is_not_recalled(
    run: Any_, agent: Any, model: ScriptedChatModel, store: BaseStore
) -> None:
    """A model that is asked again does not meet what it said the last time."""
    store.put(("memories", "ana"), "other", {"content": "The key: second answer drawer."})
    run(agent, {"messages": "Which answer, the first answer or the second answer?"}, config=THREAD, context=ANA)
    run(agent, None, config=before(agent, "recall"), context=ANA)
    prompt = [message for message in model.prompts[-1] if message.type == "human"][-1]
    assert {"The key: second answer drawer."} == {line.text for line in parse_block(prompt.text)[0]}


def test_an_answer_that_somebody_rewrote_replaces_the_one_before(run: Any_, agent: Any, store: BaseStore) -> None:
    """`update_state` and resume: what counts is what the thread says now."""
    run(agent, {"messages": "Where is my key?"}, config=THREAD, context=ANA)
    fork = agent.update_state(before(agent, "agent"), {"messages": [AIMessage("In the drawer.")]}, as_node="agent")
    run(agent, None, config=fork, context=ANA)
    assert sorted(["Where is my key?", "In the drawer."]) == said(store)


def test_a_fork_that_says_something_else_keeps_both_branches(run: Any_, agent: Any, store: BaseStore) -> None:
    """Nothing that was said on the branch that was left is lost, neither the question nor its answer."""
    run(agent, {"messages": "I live in Lisbon."}, config=THREAD, context=ANA)
    start = [state.config for state in agent.get_state_history(THREAD)][-1]
    run(agent, {"messages": "I live in Porto."}, config=start, context=ANA)
    assert sorted(["I live in Lisbon.", "first answer", "I live in Porto.", "second answer"]) == said(store)


def test_what_followed_on_the_other_branch_stays(run: Any_, agent: Any, store: BaseStore) -> None:
    """A first turn that is run again takes nothing from the second, which only the old branch has."""
    run(agent, {"messages": "I live in Lisbon."}, config=THREAD, context=ANA)
    run(agent, {"messages": "I work in Porto."}, config=THREAD, context=ANA)
    run(agent, None, config=before(agent, "agent"), context=ANA)
    assert sorted(["I live in Lisbon.", "third answer", "I work in Porto.", "second answer"]) == said(store)


def test_a_message_that_was_edited_is_remembered_as_it_is_now(run: Any_, agent: Any, store: BaseStore) -> None:
    """The same message with new words, in a fork: one row for it, one for its answer."""
    run(agent, {"messages": [HumanMessage("I live in Lisbno.", id="h")]}, config=THREAD, context=ANA)
    edited = {"messages": [HumanMessage("I live in Lisbon.", id="h")]}
    fork = agent.update_state(before(agent, "recall"), edited, as_node="__start__")
    run(agent, None, config=fork, context=ANA)
    assert sorted(["I live in Lisbon.", "second answer"]) == said(store)
