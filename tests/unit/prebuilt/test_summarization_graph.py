"""The summarization graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from warmgraph.prebuilt import create_summarization_graph
from warmgraph.testing import ScriptedChatModel

Any_ = Callable[..., Any]
SAID = [("user", "I live in Lisbon."), ("ai", "Noted. " * 40), ("user", "Where do I live?")]


def test_a_short_thread_comes_back(run: Any_) -> None:
    """Below the limit nothing is summarized, and no model is called."""
    state = run(create_summarization_graph(ScriptedChatModel(script=[])), {"messages": SAID}).state

    assert {"messages", "summarized_messages"} >= state.keys()
    assert [text for _, text in SAID] == [message.content for message in state["summarized_messages"]]


def test_a_long_thread_is_summarized_as_it_grows(run: Any_) -> None:
    """The second run of a thread shows the model only what is in no summary."""
    model = ScriptedChatModel(script=["In Lisbon.", "In Porto."])
    graph = create_summarization_graph(model, max_tokens=90, max_summary_tokens=30, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    run(graph, {"messages": SAID}, config=config)
    state = run(graph, {"messages": [("ai", "Tea. " * 50), ("user", "And?")]}, config=config).state

    assert ["Summary of the conversation so far: In Porto.", "And?"] == [
        message.content for message in state["summarized_messages"]
    ]
    assert "In Porto." == state["context"]["running_summary"]["summary"]
    assert [] == [message for message in model.prompts[1] if message.text == "I live in Lisbon."]
    assert "In Lisbon." in model.prompts[1][-1].text
