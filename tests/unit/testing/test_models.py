"""The chat model that follows a script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call
from langchain_core.tools import tool

from warmgraph.testing import BrokenStream, ScriptedChatModel, ScriptEndedError


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


CALLING = AIMessage("Let me see.", tool_calls=[tool_call(name="add", args={"a": 1, "b": 2}, id="call_1")])


def merged(chunks: Iterator[AIMessageChunk]) -> AIMessageChunk:
    """Put the pieces of a stream together."""
    whole = next(chunks)
    for chunk in chunks:
        whole += chunk
    return whole


def test_follows_the_script() -> None:
    """Texts, messages and functions of the messages are answered in order."""

    def echo(messages: list[BaseMessage]) -> str:
        return f"You said {messages[-1].content}."

    model = ScriptedChatModel(script=["one", AIMessage("two"), echo])
    assert ["one", "two", "You said c."] == [model.invoke(text).content for text in "abc"]


def test_raises_where_the_script_says_so() -> None:
    """An exception in the script is raised, and the next call goes on after it."""
    model = ScriptedChatModel(script=[TimeoutError("slow"), "fine"])
    with pytest.raises(TimeoutError, match="slow"):
        model.invoke("a")
    assert "fine" == model.invoke("b").content


def test_says_when_the_script_is_over() -> None:
    """One call too many is an error that fails the test."""
    model = ScriptedChatModel(script=["only"])
    model.invoke("a")
    with pytest.raises(ScriptEndedError, match="call 2 of a model whose script has 1"):
        model.invoke("b")


async def test_records_every_prompt() -> None:
    """Prompts of sync, async and streamed calls are kept, in order."""
    model = ScriptedChatModel(script=["1", "2", "3", "4"])
    model.invoke([HumanMessage("a")])
    await model.ainvoke([HumanMessage("b")])
    list(model.stream([HumanMessage("c")]))
    [chunk async for chunk in model.astream([HumanMessage("d")])]
    assert [["a"], ["b"], ["c"], ["d"]] == [[message.content for message in prompt] for prompt in model.prompts]


async def test_streams_word_by_word() -> None:
    """The pieces of a stream are words, and add up to the text."""
    model = ScriptedChatModel(script=["I live  here.\n", "I live  here.\n"])
    pieces = [str(chunk.content) for chunk in model.stream("a")]
    apieces = [str(chunk.content) async for chunk in model.astream("a")]
    assert pieces == apieces
    assert "I live  here.\n" == "".join(pieces)
    assert ["I", " live", "  here."] == pieces[:3]


def test_streams_tool_calls() -> None:
    """A streamed tool call is the scripted one."""
    whole = merged(ScriptedChatModel(script=[CALLING]).stream("a"))
    assert "Let me see." == whole.content
    assert CALLING.tool_calls == whole.tool_calls


def test_bound_tools_are_recorded_with_the_call() -> None:
    """A test sees which tools the model was offered, and the script goes on across bindings."""
    model = ScriptedChatModel(script=[CALLING, "3"])
    calling = model.bind_tools([add]).invoke("a")
    assert CALLING.tool_calls == calling.tool_calls
    assert "3" == model.invoke([HumanMessage("a"), calling, ToolMessage("3", tool_call_id="call_1")]).content
    assert [["add"], []] == [[bound["function"]["name"] for bound in tools] for tools in model.bound_tools]


def test_a_stream_can_break_off() -> None:
    """The text comes first, then the error; without streaming there is only the error."""
    entry = BrokenStream("half an", ConnectionError("gone"))
    model = ScriptedChatModel(script=[entry, entry])
    stream = model.stream("a")
    assert ["half", " an"] == [next(stream).content, next(stream).content]
    with pytest.raises(ConnectionError, match="gone"):
        next(stream)
    with pytest.raises(ConnectionError, match="gone"):
        model.invoke("a")


def test_the_script_is_not_changed() -> None:
    """LangChain writes ids into the messages that it returns; the script keeps its own."""
    answer = AIMessage("hi")
    model = ScriptedChatModel(script=[answer, answer])
    first, second = model.invoke("a"), model.invoke("b")
    assert None is answer.id
    assert first.id != second.id
