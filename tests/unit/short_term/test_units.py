"""What of a thread stays together."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage, ToolMessage

from warmgraph.short_term.units import shown, split_units


def asking(*calls: str, **options: Any) -> AIMessage:
    """Make a message that calls tools."""
    return AIMessage(tool_calls=[{"name": "t", "args": {}, "id": call} for call in calls], **{"content": "", **options})


def result(call: str) -> ToolMessage:
    """Make the result of a call."""
    return ToolMessage(f"result of {call}", tool_call_id=call)


def test_parallel_calls_stay_with_their_results() -> None:
    """One message with two calls and both results are one unit, in whichever order they came."""
    thread: list[AnyMessage] = [HumanMessage("?"), asking("a", "b"), result("b"), result("a"), AIMessage("!")]

    assert [1, 3, 1] == [len(unit.messages) for unit in split_units(thread)]
    assert thread == shown(split_units(thread))


def test_an_id_that_is_used_again_belongs_to_the_nearest_call() -> None:
    """Models that number their calls from one in each turn are understood."""
    thread: list[AnyMessage] = [asking("1"), result("1"), asking("1"), result("1")]

    assert [True, True] == [unit.whole for unit in split_units(thread)]


def test_a_call_without_result_is_left_out_and_its_words_stay() -> None:
    """Of two calls the one that was answered stays; content blocks that repeat the other go too."""
    blocks: list[Any] = [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "a", "name": "t", "input": {}},
        {"type": "tool_use", "id": "b", "name": "t", "input": {}},
    ]
    [unit] = split_units([asking("a", "b", content=blocks), result("b"), result("x"), result("b")])
    left, answer = unit.shown

    assert isinstance(left, AIMessage)
    assert ["b"] == [call["id"] for call in left.tool_calls]
    assert [blocks[0], blocks[2]] == left.content
    assert "result of b" == answer.content
    assert not unit.whole


def test_chunks_and_raw_calls_lose_them_too() -> None:
    """No trace of a call without result is left where a provider would find it."""
    raw = {"tool_calls": [{"id": "a"}], "refusal": None}
    chunk = AIMessageChunk(
        content="Hm.", tool_call_chunks=[{"name": "t", "args": "{}", "id": "a", "index": 0}], additional_kwargs=raw
    )
    [unit] = split_units([chunk])
    [left] = unit.shown

    assert isinstance(left, AIMessageChunk)
    assert ([], [], {"refusal": None}) == (left.tool_calls, left.tool_call_chunks, left.additional_kwargs)


def test_calls_that_could_not_be_parsed_need_results_as_well() -> None:
    """Providers are sent invalid calls like others."""
    broken = AIMessage("", invalid_tool_calls=[{"name": "t", "args": "{", "id": "a", "error": None}])

    assert () == split_units([broken])[0].shown
    assert split_units([broken, result("a")])[0].whole
