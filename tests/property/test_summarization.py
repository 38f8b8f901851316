"""Summaries and windows over any list of messages, well-formed or not."""

from __future__ import annotations

import json
import warnings
from typing import Any

import ormsgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from warmgraph.short_term import RollingWindow, RunningSummary, SummarizationResult, summarize_messages

TEXTS = st.sampled_from(["", "a", "Where is it?", "x " * 20])
CALLS = st.lists(st.sampled_from("abc"), max_size=3)
MESSAGES = st.one_of(
    st.builds(HumanMessage, TEXTS),
    st.builds(HumanMessage, TEXTS),
    st.builds(
        lambda text, calls: AIMessage(text, tool_calls=[{"name": "t", "args": {}, "id": call} for call in calls]),
        TEXTS,
        CALLS,
    ),
    st.builds(lambda text, call: ToolMessage(text, tool_call_id=call), TEXTS, st.sampled_from("abcd")),
    st.builds(SystemMessage, TEXTS),
)


def words(messages: Any) -> int:
    """Count words, and one for each message."""
    return sum(1 + len(str(message.content).split()) for message in messages)


class Echo:
    """A model of which nothing is known but `invoke`; it keeps what it was shown."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.shown: list[list[AnyMessage]] = []

    def invoke(self, messages: list[AnyMessage]) -> AIMessage:
        self.shown.append(messages)
        return AIMessage(self.answer)


@st.composite
def threads(draw: st.DrawFn) -> list[AnyMessage]:
    """Any messages in any order, each with an id of its own."""
    drawn: list[AnyMessage] = draw(st.lists(MESSAGES, max_size=25))
    return [message.model_copy(update={"id": f"m{at}"}) for at, message in enumerate(drawn)]


@st.composite
def limits(draw: st.DrawFn) -> dict[str, Any]:
    """Limits that leave room for little or for much, in messages or in words."""
    most = draw(st.integers(2, 40))
    given: dict[str, Any] = {"max_tokens": most, "max_summary_tokens": draw(st.integers(0, most - 1))}
    return {**given, "token_counter": draw(st.sampled_from([len, words])), "lossless": draw(st.booleans())}


def orphans(messages: list[AnyMessage]) -> list[AnyMessage]:
    """Return calls that are not answered right after them, and results that answer no call right before them."""
    found: list[AnyMessage] = []
    open_calls: set[Any] = set()
    asking: AnyMessage | None = None
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id in open_calls:
                open_calls.discard(message.tool_call_id)
            else:
                found.append(message)
            continue
        if open_calls and asking is not None:
            found.append(asking)
        open_calls = {call["id"] for call in message.tool_calls} if isinstance(message, AIMessage) else set()
        asking = message
    return found + ([asking] if open_calls and asking is not None else [])


def summarize(
    thread: list[AnyMessage], running: Any, model: Any, given: dict[str, Any]
) -> tuple[SummarizationResult, list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        return summarize_messages(thread, running_summary=running, model=model, **given), said


ANY = given(threads(), limits(), st.sampled_from(["s", "word " * 30]), st.integers(0, 25))


@settings(max_examples=500)
@ANY
def test_parity_19_no_orphans_last_human_kept_never_the_summary_alone_and_it_fits(
    thread: list[AnyMessage], given: dict[str, Any], answer: str, first: int
) -> None:
    """Statement 19, over any list of messages, in a first and in a second summarization."""
    check_19(thread, given, answer, first)


@pytest.mark.slow
@pytest.mark.timeout(900)  # it takes 100 s and more
@settings(max_examples=5_000)
@ANY
def test_parity_19_over_5_000_lists(thread: list[AnyMessage], given: dict[str, Any], answer: str, first: int) -> None:
    """Statement 19 over more lists."""
    check_19(thread, given, answer, first)


def check_19(thread: list[AnyMessage], given: dict[str, Any], answer: str, first: int) -> None:
    model = Echo(answer)
    running: RunningSummary | None = None
    for part in (thread[:first], thread):
        result, said = summarize(part, running, model, given)
        running = result.running_summary
        humans = [message for message in part if isinstance(message, HumanMessage)]
        rest = part[1:] if part and isinstance(part[0], SystemMessage) else part

        assert [] == orphans(result.messages)
        assert not humans or humans[-1] in result.messages
        assert _said(result.messages, rest) or not _summaries(result.messages)
        cost = given["token_counter"](result.messages)
        if cost > given["max_tokens"]:
            assert [f"cost {cost} tokens, and max_tokens is {given['max_tokens']}"] == [
                str(warning.message).partition("kept ")[2] for warning in said
            ]
            needed = [*part[: len(part) - len(rest)], *humans[-1:]]
            # Nothing less could be kept: the system message and the last human one are too much by themselves, ...
            assert given["token_counter"](needed) + _reserve(given) > given["max_tokens"] or not humans
        else:
            assert [] == said


def _reserve(given: dict[str, Any]) -> int:
    # ... or leave less than was set aside for the summary.
    framed = given["token_counter"]([SystemMessage("Summary of the conversation so far: ")])
    return int(given["max_summary_tokens"] + framed)


def _said(messages: list[AnyMessage], thread: list[AnyMessage]) -> list[AnyMessage]:
    ids = {message.id for message in thread}
    return [message for message in messages if message.id in ids]


def _summaries(messages: list[AnyMessage]) -> list[AnyMessage]:
    return [message for message in messages if message.id is None]  # all others have one


@settings(max_examples=500)
@given(threads(), limits())
def test_parity_20_lossless_shows_every_summarized_message_to_the_model(
    thread: list[AnyMessage], given: dict[str, Any]
) -> None:
    """Statement 20: every word of what was summarized was in some prompt, and no prompt has orphans."""
    model = Echo("s")
    result, _ = summarize(thread, None, model, {**given, "lossless": True})
    ids = result.running_summary.summarized_message_ids if result.running_summary is not None else set()
    seen = "".join("".join(str(message.content) for message in prompt[:-1]) for prompt in model.shown)
    expected = [str(message.content) for message in thread if message.id in ids]

    assert [] == [text for text in expected if "".join(text.split()) not in "".join(seen.split())]
    assert [] == [each for prompt in model.shown for each in orphans(prompt)]


@settings(max_examples=300)
@given(threads(), limits(), st.data())
def test_parity_20_edited_and_trimmed_history_does_not_crash(
    thread: list[AnyMessage], given: dict[str, Any], data: st.DataObject
) -> None:
    """Statement 20: messages may be removed anywhere between two summarizations, and the state goes through JSON."""
    model = Echo("s")
    result, _ = summarize(thread, None, model, given)
    kept = [message for message in thread if data.draw(st.booleans())]
    told = [*kept, HumanMessage("And now?", id="new")]
    stored = json.loads(json.dumps(result.running_summary))
    again, _ = summarize(told, ormsgpack.unpackb(ormsgpack.packb(stored)), model, given)

    assert [] == orphans(again.messages)
    assert told[-1] in again.messages


@settings(max_examples=1_000)
@given(threads(), st.one_of(st.none(), st.integers(1, 40)), st.one_of(st.none(), st.integers(1, 12)), st.booleans())
def test_parity_c_a_rolling_window_never_splits_a_tool_call_from_its_result(
    thread: list[AnyMessage], tokens: int | None, count: int | None, start_on_human: bool
) -> None:
    """The window has no orphans, keeps the last human message, and fits whenever that message does."""
    window = RollingWindow(max_tokens=tokens, max_messages=count, token_counter=words, start_on_human=start_on_human)
    seen = window(thread)
    humans = [message for message in thread if isinstance(message, HumanMessage)]
    system = [message for message in thread[:1] if isinstance(message, SystemMessage)]

    assert [] == orphans(seen)
    assert system == seen[: len(system)]
    assert not humans or humans[-1] in seen
    least = [*system, *humans[-1:]]
    if tokens is None or words(least) <= tokens:
        assert tokens is None or words(seen) <= tokens
        assert count is None or len(seen) - len(system) <= count
