"""The node `agent`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.memory_block import MemoryLine, parse_block, render_block
from warmgraph.nodes import (
    MemoryContext,
    create_agent_node,
    create_pack_context_node,
    create_recall_node,
    create_vector_fallback_node,
    with_memories,
)
from warmgraph.testing import ScriptedChatModel

Any_ = Callable[..., Any]
ANA = MemoryContext("ana")
NAMESPACE = ("memories", "ana")
BLOCK = render_block([MemoryLine("I live in Lisbon.")])
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,x"}}


def test_the_block_leads_a_copy_of_the_last_human_message(run: Any_, alone: Any_, store: BaseStore) -> None:
    """The model sees it; the thread does not."""
    store.put(NAMESPACE, "home", {"content": "I live in Lisbon."}, index=["content"])
    model = ScriptedChatModel(script=["In Lisbon."])
    graph = alone(create_vector_fallback_node(), create_pack_context_node(), create_agent_node(model), store=store)
    state = run(graph, {"messages": "Do I live in Lisbon?"}, context=ANA).state
    ((asked,),) = model.prompts
    assert ([MemoryLine("I live in Lisbon.")], "Do I live in Lisbon?") == parse_block(str(asked.content))
    assert ["Do I live in Lisbon?", "In Lisbon."] == [message.content for message in state["messages"]]


def test_alone_it_is_a_plain_agent(run: Any_, alone: Any_) -> None:
    """Without memories the prompt is the thread; it needs neither user nor store."""
    model = ScriptedChatModel(script=["Hello!"])
    state = run(alone(create_agent_node(model)), {"messages": "Hi"}).state
    assert [["Hi"]] == [[message.content for message in prompt] for prompt in model.prompts]
    assert "Hello!" == state["messages"][-1].content


@pytest.mark.parametrize("prompt", ["Be brief.", SystemMessage("Be brief.")])
def test_a_system_prompt_comes_first_and_is_not_kept(run: Any_, alone: Any_, prompt: Any) -> None:
    """It is the graph's, not the conversation's."""
    model = ScriptedChatModel(script=["Hello!"])
    state = run(alone(create_agent_node(model, system_prompt=prompt)), {"messages": "Hi"}).state
    assert [("system", "Be brief."), ("human", "Hi")] == [(each.type, each.content) for each in model.prompts[0]]
    assert ["human", "ai"] == [message.type for message in state["messages"]]


def test_tools_are_bound(run: Any_, alone: Any_) -> None:
    """The model is told which tools there are."""

    @tool
    def look(place: str) -> str:
        """Look somewhere."""
        return place

    model = ScriptedChatModel(script=["Hello!"])
    run(alone(create_agent_node(model, [look])), {"messages": "Hi"})
    assert ["look"] == [bound["function"]["name"] for bound in model.bound_tools[0]]


def test_a_model_may_be_given_by_name(run: Any_, alone: Any_) -> None:
    """As in `create_chat_model`."""
    assert run(alone(create_agent_node("offline")), {"messages": "Hi"}).state["messages"][-1].content


class TestWithMemories:
    def test_text_stays_text(self) -> None:
        """Some servers that speak OpenAI's language take no parts."""
        (message,) = with_memories([HumanMessage("Hi", id="1", name="ana")], BLOCK)
        assert (f"{BLOCK}\n\nHi", "1", "ana") == (message.content, message.id, message.name)

    def test_parts_get_one_part_more(self) -> None:
        """Images stay where they were."""
        said: list[Any] = [{"type": "text", "text": "Who is this?"}, IMAGE]
        (message,) = with_memories([HumanMessage(said)], BLOCK)
        assert [{"type": "text", "text": BLOCK}, *said] == message.content

    def test_the_thread_is_not_touched(self) -> None:
        """Neither the list nor a message in it."""
        said: list[Any] = [IMAGE]
        thread: list[Any] = [HumanMessage("a"), AIMessage("b"), HumanMessage(said)]
        copies = [message.model_copy(deep=True) for message in thread]
        with_memories(thread, BLOCK)
        assert copies == thread

    def test_within_a_tool_loop_it_stays_with_the_question(self) -> None:
        """The last human message carries it, wherever it stands, so that each call of a loop sees the same prompt."""
        call = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "1"}])
        thread: list[Any] = [HumanMessage("old"), AIMessage("x"), HumanMessage("new"), call]
        thread.append(ToolMessage("found", tool_call_id="1"))
        prompt = with_memories(thread, BLOCK)
        assert ["old", "x", f"{BLOCK}\n\nnew", "", "found"] == [message.content for message in prompt]

    @pytest.mark.parametrize("thread", [[], [AIMessage("x")], [SystemMessage("x")]])
    def test_without_a_question_there_is_no_place_for_it(self, thread: list[Any]) -> None:
        """The thread goes to the model as it is."""
        assert thread == with_memories(thread, BLOCK)

    def test_without_memories_the_prompt_is_the_thread(self) -> None:
        """Not even a copy is made."""
        message = HumanMessage("Hi")
        assert message is with_memories([message], "")[0]


class TestMissingBlock:
    """`memory_context` lives as long as a run; a run may be resumed elsewhere."""

    def graph(self, alone: Any_, model: Any, store: BaseStore | None) -> Any:
        """Make a graph that recalls, and does not pack."""
        return alone(create_recall_node(), create_vector_fallback_node(), create_agent_node(model), store=store)

    def test_is_made_again_from_the_keys(self, run: Any_, alone: Any_, store: BaseStore) -> None:
        """From this user's namespace; it is there for the rest of the run."""
        store.put(NAMESPACE, "home", {"content": "I live in Lisbon."}, index=["content"])
        model = ScriptedChatModel(script=["In Lisbon."])
        state = run(self.graph(alone, model, store), {"messages": "Do I live in Lisbon?"}, context=ANA).state
        assert [MemoryLine("I live in Lisbon.")] == parse_block(str(model.prompts[0][0].content))[0]
        assert [MemoryLine("I live in Lisbon.")] == parse_block(state["memory_items"].block)[0]

    def test_an_empty_one_is_not_made_again(self, run: Any_, alone: Any_) -> None:
        """That nothing was relevant is an answer."""
        store = InMemoryStore()
        store.put(NAMESPACE, "home", {"content": "I live in Lisbon."})
        model = ScriptedChatModel(script=["I do not know."])
        nodes = (create_vector_fallback_node(), create_pack_context_node(max_tokens=1), create_agent_node(model))
        run(alone(*nodes, store=store), {"messages": "Lisbon?"}, context=ANA)
        assert "Lisbon?" == model.prompts[0][0].content

    def test_costs_no_answer_when_it_fails(self, run: Any_, alone: Any_) -> None:
        """The model is called without memories."""

        class Forgetful(InMemoryStore):
            def batch(self, ops: Any) -> Any:
                ops = list(ops)
                if any(type(op).__name__ == "GetOp" for op in ops):
                    raise OSError("gone")
                return super().batch(ops)

            async def abatch(self, ops: Any) -> Any:
                return self.batch(ops)

        store = Forgetful()
        store.put(NAMESPACE, "home", {"content": "I live in Lisbon."})
        model = ScriptedChatModel(script=["I do not know."])
        found = run(alone(create_vector_fallback_node(), store=store), {"messages": "Lisbon?"}, context=ANA).state
        resumed = {"messages": found["messages"], "recall": found["recall"]}
        state, events = run(alone(create_agent_node(model), store=store), resumed, context=ANA)
        assert "I do not know." == state["messages"][-1].content
        assert [("agent", "OSError")] == [(each["node"], each["error"]) for each in state["memory_errors"]]
        assert ["memory_error"] == [event["type"] for event in events]


def test_errors_of_the_model_are_the_callers(run: Any_, alone: Any_) -> None:
    """Without a model there is no answer, and nothing hides that."""
    with pytest.raises(TimeoutError, match="slow"):
        run(alone(create_agent_node(ScriptedChatModel(script=[TimeoutError("slow")]))), {"messages": "Hi"})
