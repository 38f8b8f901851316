"""The node `summarize`, and when it is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from warmgraph.errors import InvalidArgumentError
from warmgraph.nodes import Summarizer, create_agent_node, create_summarize_node
from warmgraph.nodes.summarizer import count_tokens
from warmgraph.testing import ScriptedChatModel

Any_ = Callable[..., Any]
THREAD: Any = {"configurable": {"thread_id": "1"}}


class CountedTokens:
    """A token counter that knows how often it was asked: a token for each message."""

    def __init__(self) -> None:
        self.messages = 0

    def __call__(self, messages: Sequence[BaseMessage]) -> int:
        self.messages += len(messages)
        return len(messages)


def turns(count: int, start: int = 0) -> list[AnyMessage]:
    """Make turns of a conversation."""
    pairs = [
        (HumanMessage(f"q{at}", id=f"q{at}"), AIMessage(f"a{at}", id=f"a{at}")) for at in range(start, start + count)
    ]
    return [message for pair in pairs for message in pair]


def test_it_works_alone(run: Any_, alone: Any_) -> None:
    """In a graph of its own the node writes the summary once the thread is too long, and leaves the thread alone."""
    summarizer = Summarizer(
        ScriptedChatModel(script=["S"]), max_tokens=8, max_summary_tokens=1, token_counter=CountedTokens()
    )
    graph = alone(create_summarize_node(summarizer), checkpointer=InMemorySaver())
    early = run(graph, {"messages": turns(4)}, config=THREAD)
    late = run(graph, {"messages": turns(1, 4)}, config=THREAD)

    assert ("running_summary" not in early.state, []) == (True, early.events)
    assert turns(5) == late.state["messages"]
    assert {f"{who}{at}" for who in "qa" for at in range(4)} == set(
        late.state["running_summary"]["summarized_message_ids"]
    )
    assert [("memory_summarize", 8, 2)] == [(e["type"], e["messages"], e["kept"]) for e in late.events]


def test_an_agent_of_ones_own_sees_the_summary(run: Any_, alone: Any_) -> None:
    """The node `agent` shows a summary to the model, whoever wrote it, without being told."""
    summary = {"summary": "S", "summarized_message_ids": ["q0", "a0"], "last_summarized_message_id": "a0"}
    model = ScriptedChatModel(script=["!"])
    run(
        alone(create_agent_node(model)),
        {"messages": [*turns(1), HumanMessage("?", id="q")], "running_summary": summary},
    )

    assert ["S" in model.prompts[0][0].text, model.prompts[0][1].text] == [True, "?"]
    assert 2 == len(model.prompts[0])


def test_only_new_messages_are_counted(run: Any_, alone: Any_) -> None:
    """A turn in which nothing is due counts its own messages, however long the thread is."""
    counter = CountedTokens()
    summarizer = Summarizer(answering := ScriptedChatModel(script=[]), max_tokens=10_000, token_counter=counter)
    graph = alone(create_summarize_node(summarizer), checkpointer=InMemorySaver())
    run(graph, {"messages": turns(200)}, config=THREAD)
    first, counter.messages = counter.messages, 0
    run(graph, {"messages": turns(1, 200)}, config=THREAD)
    run(graph, {"messages": []}, config=THREAD)

    assert (400, 2) == (first, counter.messages)
    assert [] == answering.prompts


def test_a_thread_that_was_rewritten_is_counted_again(run: Any_, alone: Any_) -> None:
    """What was counted of a thread is not believed when its last message is another one."""
    counter = CountedTokens()
    summarizer = Summarizer(ScriptedChatModel(script=[]), max_tokens=10_000, token_counter=counter)
    for count in (20, 10, 15):
        counter.messages = 0
        run(
            alone(create_summarize_node(summarizer), checkpointer=InMemorySaver()),
            {"messages": turns(count)},
            config=THREAD,
        )
        assert counter.messages in (2 * count, 10)


def test_there_has_to_be_room_for_messages() -> None:
    """A summary that would take more than half of the limit is refused."""
    for tokens in (0, 51):
        with pytest.raises(InvalidArgumentError, match="half of the 100 tokens"):
            Summarizer("offline", max_tokens=100, max_summary_tokens=tokens)


def test_tokens_are_estimated_with_calls_and_without_images() -> None:
    """Arguments of a tool call count, the bytes of an image do not."""
    call = AIMessage("", tool_calls=[{"name": "write", "args": {"text": "x" * 400}, "id": "1"}])
    image = HumanMessage([{"type": "text", "text": "Who?"}, {"type": "image_url", "image_url": {"url": "x" * 4000}}])

    assert 100 < count_tokens(call) < 115
    assert 4 == count_tokens(image)
