"""`SummarizationNode` in graphs of several kinds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import MessagesState, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel

from warmgraph.short_term import RunningSummary, SummarizationNode
from warmgraph.testing import ScriptedChatModel

THREAD: list[AnyMessage] = [HumanMessage("Hi", id="1"), AIMessage("Hello", id="2"), HumanMessage("Bye", id="3")]
STRICT = JsonPlusSerializer(allowed_msgpack_modules=None)


class WithContext(MessagesState):
    """The state of LangMem's manual."""

    context: dict[str, Any]
    summarized_messages: list[AnyMessage]


@dataclass
class AsDataclass:
    """A state that is no dict."""

    messages: Annotated[list[AnyMessage], add_messages]
    context: dict[str, Any] = field(default_factory=dict)
    summarized_messages: list[AnyMessage] = field(default_factory=list)


class AsModel(BaseModel):
    """A state that pydantic validates."""

    messages: Annotated[list[AnyMessage], add_messages]
    context: dict[str, Any] = {}
    summarized_messages: list[AnyMessage] = []


def node(*answers: str, **options: Any) -> SummarizationNode:
    """Make a node that lets two messages pass."""
    model = ScriptedChatModel(script=list(answers))
    return SummarizationNode(model=model, max_tokens=2, max_summary_tokens=1, token_counter=len, **options)


def graph(state: Any, summarize: SummarizationNode) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Make a graph of the node alone, with a checkpointer that reads back nothing but plain data."""
    builder = StateGraph(state).add_node(summarize).set_entry_point("summarization")
    return builder.compile(checkpointer=InMemorySaver(serde=STRICT))


@pytest.mark.parametrize("state", [WithContext, AsDataclass, AsModel])
@pytest.mark.parametrize("use_async", [False, True])
async def test_parity_20_the_summary_survives_strict_msgpack(state: Any, use_async: bool) -> None:
    """The second run of a thread knows the first summary, whatever the kind of state, and calls no model."""
    made = graph(state, node("S"))
    config: Any = {"configurable": {"thread_id": "t"}}
    for given in (THREAD, []):
        found = (
            await made.ainvoke({"messages": given}, config) if use_async else made.invoke({"messages": given}, config)
        )

        assert ["Summary of the conversation so far: S", "Bye"] == [m.content for m in found["summarized_messages"]]
    assert {"running_summary"} == found["context"].keys()
    assert "S" == found["context"]["running_summary"]["summary"]


def test_parity_20_a_missing_context_channel_is_added() -> None:
    """A graph without a channel for it keeps the summary nevertheless: the node brings the channel."""
    made = graph(MessagesState, node("S"))
    config: Any = {"configurable": {"thread_id": "t"}}
    made.invoke({"messages": THREAD}, config)
    [again] = made.stream({"messages": []}, config)

    assert "S" == made.get_state(config).values["context"]["running_summary"]["summary"]
    assert 2 == len(again["summarization"]["summarized_messages"])


def test_parity_20_the_state_survives_json() -> None:
    """A summary is JSON, and is understood when it comes back as such."""
    first = node("S").invoke({"messages": THREAD})
    context = json.loads(json.dumps(first["context"]))
    again = node().invoke({"messages": THREAD, "context": context})

    assert first == again


def test_what_else_is_in_the_context_stays() -> None:
    """The node changes its own entry only; a context of `None` is none."""
    with_more = node("S").invoke({"messages": THREAD, "context": {"topic": "tea"}})
    without = node("S").invoke({"messages": THREAD, "context": None})

    assert {"topic", "running_summary"} == with_more["context"].keys()
    assert {"running_summary"} == without["context"].keys()


def test_parity_21_with_equal_keys_the_thread_is_overwritten() -> None:
    """The first message is then the one that removes all others; without a summary nothing is removed."""
    summarize = node("S", output_messages_key="messages")
    written = summarize.invoke({"messages": THREAD})["messages"]
    made = graph(WithContext, node("S", output_messages_key="messages"))
    found = made.invoke({"messages": THREAD}, {"configurable": {"thread_id": "t"}})

    assert RemoveMessage(REMOVE_ALL_MESSAGES) == written[0]
    assert ["Summary of the conversation so far: S", "Bye"] == [message.content for message in found["messages"]]
    assert THREAD[:1] == summarize.invoke({"messages": THREAD[:1]})["messages"]


def test_a_thread_that_waits_for_tools_is_not_overwritten() -> None:
    """With equal keys a call that is about to be answered is not taken away; elsewhere it is left out."""
    call = AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "c"}], id="4")
    waiting = [*THREAD, call]

    assert {} == node(output_messages_key="messages").invoke({"messages": waiting})
    assert call not in node("S").invoke({"messages": waiting})["summarized_messages"]
    done = [*waiting, ToolMessage("done", tool_call_id="c", id="5")]
    assert "messages" in node("S", output_messages_key="messages").invoke({"messages": done})


def test_other_names_of_keys_and_of_the_node() -> None:
    """The thread may be anywhere in the state; a state without it is an error that names the key."""
    summarize = node("S", input_messages_key="said", output_messages_key="shown", name="sum_up")

    assert {"shown", "context"} == summarize.invoke({"said": THREAD}).keys()
    assert "sum_up" == summarize.get_name()
    with pytest.raises(ValueError, match="'said'"):
        summarize.invoke({"messages": THREAD})


def test_a_summary_can_be_a_field_of_a_state_of_ones_own() -> None:
    """`RunningSummary` works as a channel, as LangMem's manual has it, and in a pydantic model."""

    class Model(BaseModel):
        summary: RunningSummary | None = None

    class State(MessagesState):
        summary: RunningSummary | None

    running = RunningSummary("S", {"2", "1"}, "2")
    parsed = Model.model_validate_json(Model(summary=running).model_dump_json())
    schema = StateGraph(State).add_node("n", lambda state: {}).set_entry_point("n").compile().get_input_jsonschema()

    assert Model(summary=running) == parsed
    assert isinstance(parsed.summary, RunningSummary)
    assert {"1", "2"} == parsed.summary.summarized_message_ids
    assert "summary" in schema["properties"]
