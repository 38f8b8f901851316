"""Summaries by the offline model."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from warmgraph.memory_block import MemoryLine, render_summary
from warmgraph.models import OfflineChatModel
from warmgraph.models.summaries import LONGEST_SUMMARY, summarize
from warmgraph.short_term.prompts import EXTEND, FIRST


def user(text: str) -> MemoryLine:
    """Make a line that the user said."""
    return MemoryLine(text, role="user")


@pytest.mark.parametrize("text", [FIRST, EXTEND.format("- old"), f"{FIRST}\n\nAt most 300 words."])
def test_requests_of_ours_are_understood(text: str) -> None:
    """The prompts of `warmgraph.short_term` and of LangMem ask for a summary."""
    written = summarize(text, [user("I live in Lisbon. Where do you live?")])

    assert written is not None
    assert written.endswith('- The user said: "I live in Lisbon."')


@pytest.mark.parametrize("text", ["Summarize this!", "What is a summary of the conversation above?", ""])
def test_other_texts_are_not(text: str) -> None:
    """Who talks about summaries gets an answer like anybody else."""
    assert summarize(text, [user("I live in Lisbon.")]) is None


def test_a_summary_is_extended_and_bounded() -> None:
    """What was in it stays in front, nothing stands twice, and the oldest goes where all is too much."""
    first = summarize(FIRST, [user(f"My number {at} is {at}.") for at in range(5)])
    assert first is not None
    second = summarize(EXTEND.format(first), [user("My number 4 is 4."), user("I like tea.")])
    long = summarize(EXTEND.format(first), [user(f"{at} {'x' * 150}") for at in range(50)])

    assert [*first.splitlines(), '- The user said: "I like tea."'] == (second or "").splitlines()
    assert long is not None
    assert len(long) <= LONGEST_SUMMARY
    assert "49 xxx" in long
    assert "number 0" not in long


def test_a_limit_in_words_is_kept() -> None:
    """What is asked for in so many words comes in so many; the newest stays."""
    told = [user(f"My number {at} is called {at}.") for at in range(50)]
    written = summarize(f"{FIRST} At most 30 words.", told)

    assert written is not None
    assert 5 < len(written.split()) <= 35
    assert "49" in written


def test_nothing_to_summarize_is_said() -> None:
    """A summary is never empty."""
    assert "Nothing was stated." == summarize(FIRST, [user("Where?"), MemoryLine("Here.", role="assistant")])


def test_the_model_reads_the_summary_that_leads_a_thread() -> None:
    """It answers from it, as from its notes."""
    led = HumanMessage(render_summary('- The user said: "My cat is called Mia."'))
    answer = OfflineChatModel().invoke([led, HumanMessage("Hi"), AIMessage("Hello!"), HumanMessage("Who is my cat?")])

    assert "Mia" in answer.text
    assert "<summary" not in answer.text
