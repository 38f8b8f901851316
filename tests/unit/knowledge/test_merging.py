"""The same fact is one memory, additional facts stay, and the agent does not remember its own echo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import ANA, calls, scripted
from warmgraph import MemoryContext, ReflectionExecutor, create_memory_agent, create_reflection_graph
from warmgraph.knowledge import create_manage_memory_tool, create_memory_store_manager
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ScriptedChatModel

Call = Callable[..., Any]
SPACE = ("memories", "ana")
FACTS = {"type": "semantic"}


@pytest.fixture(params=["in memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Open a store of LangGraph's, and one of ours."""
    if request.param == "in memory":
        yield InMemoryStore()
    else:
        with RoutedStore(tmp_path / "memory.db") as ours:
            yield ours


def facts(store: BaseStore) -> list[str]:
    """Return what was learned about Ana, as texts."""
    found = []
    for item in store.search(SPACE, filter=FACTS, limit=100):
        content = item.value["content"]
        found.append(content if isinstance(content, str) else content["content"])
    return sorted(found)


def keep(call: Call, store: BaseStore, said: Any, *contents: str) -> Any:
    """Have a model extract these texts from a conversation."""
    messages = [HumanMessage(said)] if isinstance(said, str) else said
    model = scripted(calls(*(("Memory", {"content": content}) for content in contents)))
    return call(create_memory_store_manager(model, store=store), {"messages": messages}, ANA)


def test_near_duplicates_merge(call: Call, store: BaseStore) -> None:
    """The same fact in the words of the user, of a report and of the tool is one memory."""
    keep(call, store, "I live in Lisbon.", "I live in Lisbon.")
    for number in range(30):  # so many others that it is not among those that the manager looks at anyway
        keep(call, store, f"My code {number} is {number * 7}.", f"My code {number} is {number * 7}.")

    again = keep(call, store, "As I said: Lisbon.", "The user lives in Lisbon")
    tool = create_manage_memory_tool(("memories", "{user_id}"), store=store)
    answer = tool.invoke({"content": "User lives in Lisbon."}, {"configurable": {"user_id": "ana"}})

    assert "unchanged" == again.changes[0].action
    assert "says so already" in answer
    assert ["I live in Lisbon."] == [text for text in facts(store) if "Lisbon" in text]


def test_additive_facts_are_never_closed_by_mistake(call: Call, store: BaseStore) -> None:
    """What adds to a fact, or resembles it, stands beside it, and no memory gets an end or a history."""
    said = [
        "I like tea.",
        "I like tea and coffee.",
        "I like green tea.",
        "I do not like iced tea.",
        "My sister likes tea.",
        "I liked tea as a child.",
    ]
    for text in said:
        keep(call, store, text, text)

    assert sorted(said) == facts(store)
    assert [] == [item.key for item in store.search(SPACE, limit=50) if item.value.get("valid_to")]
    assert [] == store.search(("_warmgraph", "history"), limit=50)


def test_additive_facts_are_never_closed_by_the_offline_model(call: Call, store: BaseStore) -> None:
    """Likings, allergies and pets add up; a new home closes the old one and nothing else."""
    keeper = create_memory_store_manager("offline", store=store)
    for text in (
        "I like tea.",
        "I like coffee.",
        "I'm allergic to peanuts.",
        "I'm allergic to shellfish.",
        "I have a dog.",
        "I have a cat.",
        "I live in Lisbon.",
        "I moved to Porto.",
    ):
        call(keeper, {"messages": [("user", text)]}, ANA)

    assert [
        "I have a cat.",
        "I have a dog.",
        "I like coffee.",
        "I like tea.",
        "I moved to Porto.",
        "I'm allergic to peanuts.",
        "I'm allergic to shellfish.",
    ] == facts(store)


def test_an_echo_is_not_stored_again(call: Call, store: BaseStore) -> None:
    """What the agent repeats of a memory is that memory; what it adds itself is a memory of its own."""
    keep(call, store, "I live in Lisbon with my sister.", "I live in Lisbon with my sister.")
    said: list[BaseMessage] = [
        HumanMessage("What do you know about me?"),
        AIMessage("You told me on 17 May 2026 that you live in Lisbon. I booked a table at Belcanto."),
    ]

    again = keep(call, store, said, "Lives in Lisbon, told on 17 May 2026", "A table at Belcanto is booked")

    assert ["added", "unchanged"] == sorted(change.action for change in again.changes)
    assert ["A table at Belcanto is booked", "I live in Lisbon with my sister."] == facts(store)


def test_an_agent_that_reflects_keeps_no_echo_of_itself(tmp_path: Path) -> None:
    """Through the agent: a fact that is recalled, repeated and reflected on in ten threads is still one memory."""

    def extract(prompt: Any) -> AIMessage:
        """Extract what the assistant repeats, as an eager model would."""
        return calls(("Memory", {"content": "You told me that you live in Lisbon"}))

    space, ana = ("memories", "{user_id}"), MemoryContext("ana")
    with WarmStore.open(tmp_path / "memory.db") as store:
        create_memory_store_manager("offline", namespace=space, store=store).invoke(
            {"messages": [("user", "I live in Lisbon.")]}, {"configurable": {"user_id": "ana"}}
        )
        for number in range(10):
            model = ScriptedChatModel(script=[extract])
            reflect = create_reflection_graph(create_memory_store_manager(model, namespace=space))
            with ReflectionExecutor(reflect, space, store=store, pending="drain") as executor:
                agent = create_memory_agent("offline", store=store, reflection=executor)
                thread: Any = {"configurable": {"thread_id": str(number)}}
                answer = agent.invoke({"messages": "Where do I live?"}, thread, context=ana)
            assert "Lisbon" in answer["messages"][-1].text
            assert (1, 0) == (executor.stats().succeeded, executor.stats().retried)
            assert 1 == len(model.prompts)
        assert ["I live in Lisbon."] == facts(store)
