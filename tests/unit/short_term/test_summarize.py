"""What users of LangMem rely on, and where its summaries went wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts.chat import ChatPromptTemplate

from warmgraph.errors import InvalidArgumentError
from warmgraph.short_term import RunningSummary, SummarizationResult, asummarize_messages, summarize_messages
from warmgraph.testing import ScriptedChatModel

THREAD: list[AnyMessage] = [
    HumanMessage("Message 1", id="1"),
    AIMessage("Response 1", id="2"),
    HumanMessage("Message 2", id="3"),
    AIMessage("Response 2", id="4"),
    HumanMessage("Message 3", id="5"),
    AIMessage("Response 3", id="6"),
    HumanMessage("Message 4", id="7"),
    AIMessage("Response 4", id="8"),
    HumanMessage("Latest message", id="9"),
]


class OnlyInvoke:
    """A model that takes a list of messages, and nothing else."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.prompts: list[list[AnyMessage]] = []

    def invoke(self, messages: list[AnyMessage]) -> Any:
        self.prompts.append(messages)
        return self.answers[len(self.prompts) - 1]

    async def ainvoke(self, messages: list[AnyMessage]) -> Any:
        return self.invoke(messages)


@pytest.fixture(params=["sync", "async"])
def summarize(request: pytest.FixtureRequest) -> Any:
    """Summarize on this thread, or on an event loop."""

    def call(messages: list[AnyMessage], **options: Any) -> SummarizationResult:
        given: dict[str, Any] = {"running_summary": None, "max_summary_tokens": 1, "token_counter": len, **options}
        if request.param == "sync":
            return summarize_messages(messages, **given)

        return asyncio.run(asummarize_messages(messages, **given))

    return call


def test_parity_21_the_first_summary(summarize: Any) -> None:
    """Nine messages of which six are allowed: one call, the summary and the last three, and nothing the next time."""
    model = OnlyInvoke(AIMessage("This is a summary."))
    first = summarize(THREAD, model=model, max_tokens=6)
    again = summarize(THREAD, model=model, max_tokens=6, running_summary=first.running_summary)

    assert [[*THREAD[:6], HumanMessage("Create a summary of the conversation above:")]] == model.prompts
    assert [SystemMessage("Summary of the conversation so far: This is a summary."), *THREAD[6:]] == first.messages
    assert first.messages == again.messages
    assert "This is a summary." == first.running_summary.summary
    assert set("123456") == first.running_summary.summarized_message_ids
    assert "6" == first.running_summary.last_summarized_message_id
    assert first.running_summary == again.running_summary


def test_parity_21_messages_may_gather_before_a_summary(summarize: Any) -> None:
    """With `max_tokens_before_summary=8` one message is left, after one call, and below eight there is no call."""
    model = OnlyInvoke(AIMessage("S"))
    early = summarize(THREAD[:7], model=model, max_tokens=6, max_tokens_before_summary=8)
    late = summarize(THREAD, model=model, max_tokens=6, max_tokens_before_summary=8)

    assert (THREAD[:7], None) == (early.messages, early.running_summary)
    assert ["Summary of the conversation so far: S", "Latest message"] == [each.content for each in late.messages]
    assert 1 == len(model.prompts)
    assert set("12345678") == late.running_summary.summarized_message_ids


def test_parity_21_a_leading_system_message_stays_first(summarize: Any) -> None:
    """It is not shown to the model that summarizes, and stands before the summary."""
    system = SystemMessage("You are a helpful assistant.", id="0")
    model = OnlyInvoke(AIMessage("S"))
    result = summarize([system, *THREAD], model=model, max_tokens=6)

    assert [system, SystemMessage("Summary of the conversation so far: S"), *THREAD[6:]] == result.messages
    assert system not in model.prompts[0]


def test_parity_21_a_later_summary_extends_the_first(summarize: Any) -> None:
    """The prompt ends with a human turn that holds the summary so far and asks to extend it."""
    model = OnlyInvoke(AIMessage("First summary."), AIMessage("Second summary."))
    first = summarize(THREAD[:7], model=model, max_tokens=6)
    more = [*THREAD, *(HumanMessage(f"More {at}", id=f"more{at}") for at in range(6))]
    second = summarize(more, model=model, max_tokens=6, running_summary=first.running_summary)
    asked = model.prompts[1][-1]

    assert "human" == asked.type
    assert "First summary." in asked.content
    assert "Extend this summary" in asked.content
    assert [] == [message for message in model.prompts[1] if message.id in set("123456")]
    assert "Second summary." == second.running_summary.summary
    assert first.running_summary.summarized_message_ids < second.running_summary.summarized_message_ids


def test_parity_21_errors(summarize: Any) -> None:
    """A missing id, an id that was summarized already, and a summary without limits are ValueErrors."""
    with pytest.raises(ValueError, match=r"Messages are required to have ID field\."):
        summarize([HumanMessage("a", id="1"), AIMessage("b")], model=None, max_tokens=6)
    running = RunningSummary("S", {"1", "2"}, "2")
    with pytest.raises(ValueError, match="Message with ID 1 has already been summarized"):
        summarize([*THREAD[:3], HumanMessage("b", id="1")], model=None, max_tokens=6, running_summary=running)
    with pytest.raises(ValueError, match="max_summary_tokens"):
        summarize(THREAD, model=None, max_tokens=6, max_summary_tokens=6)
    with pytest.raises(InvalidArgumentError, match="running_summary"):
        summarize(THREAD, model=None, max_tokens=6, running_summary={"summary": 1})


def test_parity_21_names_can_be_imported_from_both_places() -> None:
    """`warmgraph` and `warmgraph.short_term` offer the same objects."""
    import warmgraph
    import warmgraph.short_term

    names = [
        "RollingWindow",
        "RunningSummary",
        "SummarizationNode",
        "SummarizationResult",
        "asummarize_messages",
        "summarize_messages",
    ]
    assert [getattr(warmgraph, name) for name in names] == [getattr(warmgraph.short_term, name) for name in names]


def test_nothing_and_a_system_message_alone_come_back(summarize: Any) -> None:
    """An empty thread has no summary, and neither has one of a system message."""
    system: list[AnyMessage] = [SystemMessage("Be kind.", id="0")]
    running = RunningSummary("S", {"1"}, "1")

    assert SummarizationResult([], None) == summarize([], model=None, max_tokens=6)
    assert SummarizationResult(system, None) == summarize(system, model=None, max_tokens=6)
    assert SummarizationResult(system, running) == summarize(system, model=None, max_tokens=6, running_summary=running)


def test_a_tool_call_goes_together_with_its_results(summarize: Any) -> None:
    """The cut moves behind the results of a call that it would have split."""
    calls = [{"name": "t", "args": {}, "id": call} for call in "ab"]
    thread = [
        HumanMessage("Message 1", id="1"),
        AIMessage("", tool_calls=calls, id="2"),
        ToolMessage("A", tool_call_id="a", id="3"),
        ToolMessage("B", tool_call_id="b", id="4"),
        AIMessage("Response 1", id="5"),
        HumanMessage("Message 2", id="6"),
    ]
    result = summarize(thread, model=OnlyInvoke("S"), max_tokens=6, max_tokens_before_summary=2)

    assert thread[4:] == result.messages[1:]
    assert set("1234") == result.running_summary.summarized_message_ids


def test_a_long_turn_is_summarized_from_within(summarize: Any) -> None:
    """An agent that calls tools for long keeps the question and its last steps; those between are summarized."""
    thread: list[AnyMessage] = [HumanMessage("Sum up the files.", id="q")]
    for at in range(10):
        call = {"name": "read", "args": {"file": at}, "id": f"c{at}"}
        thread += [
            AIMessage("", tool_calls=[call], id=f"a{at}"),
            ToolMessage("text", tool_call_id=f"c{at}", id=f"t{at}"),
        ]
    result = summarize(thread, model=OnlyInvoke("S"), max_tokens=6)

    assert ["S", "q", "a8", "t8", "a9", "t9"] == [message.id or "S" for message in result.messages]
    assert "q" not in result.running_summary.summarized_message_ids


def test_what_a_trimmed_thread_lost_is_not_asked_for(summarize: Any) -> None:
    """Without its last summarized message a thread goes on from those that are in no summary."""
    running = RunningSummary("S", set("123456"), "6")
    thread = [*THREAD[:2], *THREAD[6:]]
    result = summarize(thread, model=None, max_tokens=6, running_summary=running)

    assert THREAD[6:] == result.messages[1:]


def test_a_message_put_into_the_past_is_not_lost(summarize: Any) -> None:
    """What was inserted among summarized messages is shown until it is in a summary too."""
    running = RunningSummary("S", set("123456"), "6")
    inserted = HumanMessage("By the way", id="new")
    thread = [*THREAD[:3], inserted, *THREAD[3:]]
    result = summarize(thread, model=None, max_tokens=6, running_summary=running)

    assert [inserted, *THREAD[6:]] == result.messages[1:]


def test_an_old_summary_in_the_thread_is_replaced(summarize: Any) -> None:
    """A thread that was overwritten with the result does not show two summaries, system message or not."""
    system = SystemMessage("Be kind.", id="0")
    model = OnlyInvoke(AIMessage("First."), AIMessage("Second."))
    first = summarize([system, *THREAD], model=model, max_tokens=6)
    more = [*first.messages, *(HumanMessage(f"More {at}", id=f"more{at}") for at in range(6))]
    more = [message if message.id else message.model_copy(update={"id": "given"}) for message in more]
    second = summarize(more, model=model, max_tokens=6, running_summary=first.running_summary)

    assert ["Be kind.", "Summary of the conversation so far: Second."] == [m.content for m in second.messages[:2]]
    assert "First." not in [message.content for message in second.messages]
    assert "given" not in second.running_summary.summarized_message_ids


def test_a_summary_longer_than_agreed_is_cut(summarize: Any) -> None:
    """The result fits even if the model does not care about the length of its summary."""

    def words(messages: Any) -> int:
        return sum(len(str(message.content).split()) for message in messages)

    model = OnlyInvoke(AIMessage("word " * 500))
    result = summarize(THREAD, model=model, max_tokens=16, max_summary_tokens=2, token_counter=words)

    assert 16 == words(result.messages)
    assert len(result.running_summary.summary) < 100


def test_what_cannot_fit_is_told_in_numbers(summarize: Any) -> None:
    """A last human message beyond the limit is kept, and a warning says by how much."""

    def words(messages: Any) -> int:
        return sum(len(str(message.content).split()) for message in messages)

    with pytest.warns(RuntimeWarning, match="1 messages that have to be kept cost 50 tokens, and max_tokens is 9"):
        result = summarize([HumanMessage("word " * 50, id="1")], model=None, max_tokens=9, token_counter=words)
    assert 1 == len(result.messages)


def test_an_empty_summary_loses_nothing(summarize: Any) -> None:
    """A model that answers nothing leaves the thread as it was, with a warning."""
    with pytest.warns(RuntimeWarning) as said:
        result = summarize(THREAD, model=OnlyInvoke(AIMessage(" ")), max_tokens=6)

    assert SummarizationResult(THREAD, None) == result
    assert "empty summary" in str(said[0].message)


def test_the_error_of_a_model_is_the_callers(summarize: Any) -> None:
    """Nothing is swallowed, and nothing is tried again."""
    model = ScriptedChatModel(script=[ConnectionError("no route")])
    with pytest.raises(ConnectionError, match="no route"):
        summarize(THREAD, model=model, max_tokens=6)


def test_templates_of_ones_own_are_used(summarize: Any) -> None:
    """The three prompts take LangMem's variables."""
    model = OnlyInvoke("S", "S2")
    templates = {
        "initial_summary_prompt": ChatPromptTemplate.from_messages(
            [("placeholder", "{messages}"), ("user", "Sum up!")]
        ),
        "existing_summary_prompt": ChatPromptTemplate.from_messages(
            [("placeholder", "{messages}"), ("user", "Sum up beyond {existing_summary}!")]
        ),
        "final_prompt": ChatPromptTemplate.from_messages(
            [("placeholder", "{system_message}"), ("user", "So far: {summary}"), ("placeholder", "{messages}")]
        ),
    }
    first = summarize(THREAD, model=model, max_tokens=6, **templates)
    more = [*THREAD, *(HumanMessage(f"More {{at}} {at}", id=f"more{at}") for at in range(6))]
    second = summarize(more, model=model, max_tokens=6, running_summary=first.running_summary, **templates)

    assert ["Sum up!", "Sum up beyond S!"] == [prompt[-1].content for prompt in model.prompts]
    assert HumanMessage("So far: S2") == second.messages[0]


def test_parity_20_lossless_shows_all_of_a_long_message(summarize: Any) -> None:
    """A message that is longer than a prompt is shown in parts, and each part extends the summary."""

    def words(messages: Any) -> int:
        return sum(len(str(message.content).split()) for message in messages)

    long = HumanMessage(" ".join(f"w{at}" for at in range(95)), id="long")
    model = OnlyInvoke(*["S"] * 20)
    options = {"max_tokens": 20, "max_summary_tokens": 1, "token_counter": words, "lossless": True}
    summarize([long, HumanMessage("Now?", id="now")], model=model, **options)
    seen = "".join(str(message.content) for prompt in model.prompts for message in prompt[:-1])

    assert long.content == seen
    assert 5 <= len(model.prompts) <= 6
    assert ["Create", *["This"] * (len(model.prompts) - 1)] == [p[-1].text.split()[0] for p in model.prompts]
