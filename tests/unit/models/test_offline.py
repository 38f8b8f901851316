"""The chat model that needs nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import tool_call
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from warmgraph.memory_block import MemoryLine, render_block
from warmgraph.models import OfflineChatModel
from warmgraph.models.answers import ABOUT, NOTHING

MODEL = OfflineChatModel()
LISBON = MemoryLine("Hi, I'm Ana and I live in Lisbon.", role="user", said_at="2026-11-20T09:30:00+00:00")
QUOTED = 'You told me on 20 November 2026: "Hi, I\'m Ana and I live in Lisbon."'


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    if city == "Atlantis":
        raise ValueError("no such city")
    return f"Sunny in {city}."


def ask(text: str, *memories: MemoryLine) -> HumanMessage:
    """Make a human message as the agent's nodes make it: the block is a leading text part."""
    return HumanMessage([{"type": "text", "text": render_block(memories)}, {"type": "text", "text": text}])


class TestMemories:
    @pytest.mark.parametrize(
        "message",
        [
            ask("Where do I live?", LISBON),
            HumanMessage(f"{render_block([LISBON])}\n\nWhere do I live?"),
            HumanMessage([render_block([LISBON]), "Where do I live?"]),
            HumanMessage(
                [
                    {"type": "text", "text": f"{render_block([LISBON])}\n\nWhere do I live?"},
                    {"type": "image_url", "image_url": {"url": "data:,"}},
                ]
            ),
        ],
        ids=["parts", "text", "strings", "image"],
    )
    def test_are_read_from_the_block(self, message: HumanMessage) -> None:
        """However the content is made up, the block at its start is read."""
        assert QUOTED == MODEL.invoke([SystemMessage("You are helpful."), message]).text

    def test_a_block_further_on_is_what_the_user_wrote(self) -> None:
        """A user who quotes a block has told nothing about themselves."""
        message = HumanMessage([{"type": "text", "text": f"Where do I live? {render_block([LISBON])}"}])
        assert "You told me" not in MODEL.invoke([message]).text

    def test_of_the_running_conversation(self) -> None:
        """What was said earlier in the thread needs no block, and blocks of earlier turns are not quoted."""
        thread: list[BaseMessage] = [
            ask("I live in Porto.", LISBON),
            AIMessage('Noted: "I live in Porto."'),
            HumanMessage("Where do I live?"),
        ]
        assert 'You told me: "I live in Porto."' == MODEL.invoke(thread).text

    def test_nothing(self) -> None:
        """Without memories it says so."""
        assert NOTHING == MODEL.invoke("Where do I live?").text

    @pytest.mark.parametrize("messages", [[SystemMessage("Be brief.")], [AIMessage("Hello?")]])
    def test_without_a_question(self, messages: list[BaseMessage]) -> None:
        """A prompt without a human message gets an introduction."""
        assert ABOUT in MODEL.invoke(messages).text


class TestStreaming:
    async def test_token_by_token(self) -> None:
        """Sync and async streams give the same pieces, which add up to the answer."""
        pieces = [str(chunk.content) for chunk in MODEL.stream([ask("Where do I live?", LISBON)])]
        assert pieces == [str(chunk.content) async for chunk in MODEL.astream([ask("Where do I live?", LISBON)])]
        assert QUOTED == "".join(pieces)
        assert ["You", " told", " me", " on", " 20"] == pieces[:5]

    def test_long_words_in_pieces(self) -> None:
        """A script without spaces streams as well."""
        pieces = [chunk for chunk in MODEL.stream("我住在里斯本" * 10 + "。") if chunk.content]
        assert len(pieces) > 4

    async def test_usage(self) -> None:
        """Usage is the same with and without streaming, sync and async."""
        message = ask("Where do I live?", LISBON)
        usage = MODEL.invoke([message]).usage_metadata
        assert usage is not None
        assert usage["output_tokens"] == MODEL.get_num_tokens(QUOTED)
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        whole = AIMessageChunk(content="")
        for chunk in MODEL.stream([message]):
            whole += chunk
        assert usage == whole.usage_metadata == (await MODEL.ainvoke([message])).usage_metadata
        assert {"model_name": "offline", "finish_reason": "stop"} == whole.response_metadata

    def test_memories_cost_input_tokens(self) -> None:
        """A longer prompt is a dearer prompt."""
        short, long = MODEL.invoke([ask("Hi")]), MODEL.invoke([ask("Hi", LISBON)])
        assert short.usage_metadata is not None
        assert long.usage_metadata is not None
        assert long.usage_metadata["input_tokens"] > short.usage_metadata["input_tokens"] + 10

    def test_stop_sequences(self) -> None:
        """An answer ends before the first stop sequence."""
        assert "You told me on 20 " == MODEL.invoke([ask("Where do I live?", LISBON)], stop=["November"]).text


class TestTools:
    def test_called_when_asked_for(self) -> None:
        """The call has the arguments, a stable id, and no text beside it."""
        model = MODEL.bind_tools([add, get_weather])
        answer = model.invoke("use the add tool with a=2 b=3")
        (call,) = answer.tool_calls
        assert ("add", {"a": 2, "b": 3}) == (call["name"], call["args"])
        assert answer.tool_calls == model.invoke("use the add tool with a=2 b=3").tool_calls
        assert ("", "tool_calls") == (answer.text, answer.response_metadata["finish_reason"])

    async def test_streamed(self) -> None:
        """A streamed call is the same call."""
        model = MODEL.bind_tools([add])
        chunks = [chunk async for chunk in model.astream("use the add tool with a=2 b=3")]
        (streamed,) = [call for chunk in chunks for call in chunk.tool_calls]
        assert model.invoke("use the add tool with a=2 b=3").tool_calls == [streamed]

    def test_not_called_otherwise(self) -> None:
        """Talking about adding is no request to add."""
        answer = MODEL.bind_tools([add]).invoke("I add sugar to my tea.")
        assert ([], 'Noted: "I add sugar to my tea."') == (answer.tool_calls, answer.text)

    def test_missing_arguments_are_named(self) -> None:
        """Instead of guessing, it says what it needs."""
        answer = MODEL.bind_tools([add]).invoke("use the add tool with a=2")
        assert ([], "The tool add needs `b`.") == (answer.tool_calls, answer.text)

    def test_answers_with_the_results(self) -> None:
        """After the tools have run, their results are the answer, failures included."""
        calls = [tool_call(name="add", args={"a": 2, "b": 3}, id="1"), tool_call(name="get_weather", args={}, id="2")]
        messages: list[BaseMessage] = [
            HumanMessage("use the add tool with a=2 b=3"),
            AIMessage("", tool_calls=calls),
            ToolMessage("5", name="add", tool_call_id="1"),
            ToolMessage("no city", name="get_weather", tool_call_id="2", status="error"),
        ]
        expected = "The tool add returned: 5\nThe tool get_weather failed: no city"
        assert expected == MODEL.bind_tools([add, get_weather]).invoke(messages).text

    def test_results_of_an_earlier_turn_are_past(self) -> None:
        """A new message of the user is answered for itself."""
        messages: list[BaseMessage] = [
            HumanMessage("use the add tool with a=2 b=3"),
            AIMessage("", tool_calls=[tool_call(name="add", args={"a": 2, "b": 3}, id="1")]),
            ToolMessage("5", name="add", tool_call_id="1"),
            AIMessage("The tool add returned: 5"),
            HumanMessage("I live in Lisbon."),
        ]
        assert 'Noted: "I live in Lisbon."' == MODEL.bind_tools([add]).invoke(messages).text

    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            (None, []),
            ("auto", []),
            ("none", []),
            ("get_weather", ["get_weather"]),
            ({"type": "function", "function": {"name": "add"}}, ["add"]),
            ("any", ["get_weather"]),
            ("required", ["get_weather"]),
            (True, ["get_weather"]),
        ],
    )
    def test_tool_choice(self, choice: Any, expected: list[str]) -> None:
        """A choice that forces a call gets one, with what is known for arguments."""
        answer = MODEL.bind_tools([add, get_weather], tool_choice=choice).invoke("I live in Lisbon.")
        assert expected == [call["name"] for call in answer.tool_calls]
        if expected == ["get_weather"]:
            assert {"city": "Lisbon"} == answer.tool_calls[0]["args"]

    def test_no_tool_choice_beats_a_request(self) -> None:
        """With "none" even a clear request is answered in words."""
        assert [] == MODEL.bind_tools([add], tool_choice="none").invoke("use the add tool with a=2 b=3").tool_calls

    def test_any_form_of_a_tool(self) -> None:
        """Dicts, pydantic classes, TypedDicts and functions are bound like tools."""

        class Multiply(BaseModel):
            """Multiply two numbers."""

            a: int
            b: int

        class Divide(TypedDict):
            """Divide two numbers."""

            a: int
            b: int

        def subtract(a: int, b: int) -> int:
            """Subtract b from a."""
            return a - b

        power = {
            "type": "function",
            "function": {
                "name": "power",
                "description": "Raise a to b.",
                "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
            },
        }
        model = MODEL.bind_tools([Multiply, Divide, subtract, power])
        for name in ("Multiply", "Divide", "subtract", "power"):
            (call,) = model.invoke(f"use the {name} tool with a=6 b=3").tool_calls
            assert (name, {"a": 6, "b": 3}) == (call["name"], call["args"])

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("use the add tool with a=2 b=3", "The tool add returned: 5"),
            ("use the add tool with 2 and 3 and use get_weather for Oslo",
             "The tool add returned: 5\nThe tool get_weather returned: Sunny in Oslo."),
            ("I live in Oslo.", 'Noted: "I live in Oslo."'),
        ],
    )  # fmt: skip
    async def test_an_agent_ends(self, text: str, expected: str) -> None:
        """A tool-calling loop comes to an answer, sync and async."""
        agent = pytest.importorskip("langchain.agents").create_agent(MODEL, [add, get_weather])
        messages: list[AnyMessage] = agent.invoke({"messages": [HumanMessage(text)]})["messages"]
        assert expected == messages[-1].text
        messages = (await agent.ainvoke({"messages": [HumanMessage(text)]}))["messages"]
        assert expected == messages[-1].text


class Kind(StrEnum):
    """What a memory is about."""

    fact = "fact"
    preference = "preference"


class Memory(BaseModel):
    """One memory."""

    content: str
    kind: Kind
    importance: float = Field(ge=0.1, le=1)


class Profile(BaseModel):
    """A user."""

    name: str
    city: str | None = None
    age: int = Field(ge=1)
    hobbies: list[str]
    employer: str = "nobody"
    plan: Literal["free", "paid"]


class Answer(TypedDict):
    """An answer with a reason."""

    answer: str
    confidence: float


class TestStructuredOutput:
    TEXT = "I'm Ana, I live in Lisbon, I'm 34 and I like tea and jazz. I want the paid plan."

    async def test_pydantic(self) -> None:
        """Stated facts fill the fields; the rest keeps its defaults."""
        model = MODEL.with_structured_output(Profile)
        expected = Profile(name="Ana", city="Lisbon", age=34, hobbies=["tea", "jazz"], plan="paid")
        assert expected == model.invoke(self.TEXT)
        assert expected == await model.ainvoke(self.TEXT)

    def test_from_memories(self) -> None:
        """Facts of recalled memories count as well; newer ones override older ones."""
        older = MemoryLine("I live in Rome. I'm 33.", role="user", said_at="2025-01-01")
        filled: Any = MODEL.with_structured_output(Profile).invoke([ask("Who am I?", LISBON, older)])
        assert ("Ana", "Lisbon", 33) == (filled.name, filled.city, filled.age)

    @given(st.text())
    def test_always_an_instance(self, text: str) -> None:
        """Whatever was said, a valid instance comes back."""
        assert isinstance(MODEL.with_structured_output(Profile).invoke(text), Profile)

    def test_a_list_of_instances(self) -> None:
        """Each statement becomes an item."""

        class Memories(BaseModel):
            """What to remember."""

            memories: list[Memory]

        filled: Any = MODEL.with_structured_output(Memories).invoke("I live in Rome. I prefer tea.")
        assert ["I live in Rome.", "I prefer tea."] == [memory.content for memory in filled.memories]

    def test_typed_dict(self) -> None:
        """A field for the answer holds what the model would have said."""
        filled = MODEL.with_structured_output(Answer).invoke([ask("Where do I live?", LISBON)])
        assert {"answer": QUOTED, "confidence": 0.0} == filled

    def test_json_schema(self) -> None:
        """A bare JSON schema gives a dict."""
        schema = {
            "title": "place",
            "description": "A place.",
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        }
        assert {"city": "Rome"} == MODEL.with_structured_output(schema).invoke("I live in Rome.")

    def test_include_raw(self) -> None:
        """The raw message is there for those who ask."""
        filled: Any = MODEL.with_structured_output(Profile, include_raw=True).invoke(self.TEXT)
        assert None is filled["parsing_error"]
        assert "Ana" == filled["parsed"].name == filled["raw"].tool_calls[0]["args"]["name"]

    def test_an_agent_with_tools_and_a_response_format(self) -> None:
        """The tool that was asked for runs first, then the response is filled, and the loop ends."""
        agent = pytest.importorskip("langchain.agents").create_agent(MODEL, [add], response_format=Profile)
        result = agent.invoke({"messages": [HumanMessage(f"{self.TEXT} Use the add tool with a=2 b=3.")]})
        assert "Ana" == result["structured_response"].name
        assert ["5"] == [one.text for one in result["messages"] if isinstance(one, ToolMessage) and one.name == "add"]


class TestAsAChatModel:
    def test_says_what_it_is(self) -> None:
        """No user is left to believe that this is a language model."""
        assert "no language model" in MODEL.invoke("Who are you?").text
        assert "warmgraph-offline" == MODEL._llm_type
        assert isinstance(MODEL, BaseChatModel)

    @given(st.lists(st.one_of(st.builds(HumanMessage, st.text()), st.builds(AIMessage, st.text())), min_size=1))
    def test_any_conversation_is_answered_the_same_way_twice(self, messages: list[BaseMessage]) -> None:
        """Deterministic, and never at a loss."""
        first, second = MODEL.invoke(messages), MODEL.invoke(messages)
        assert first.text
        assert (first.text, first.usage_metadata) == (second.text, second.usage_metadata)

    def test_the_prompt_is_left_alone(self) -> None:
        """Reading the block does not change the message."""
        message = ask("Where do I live?", LISBON)
        before = message.model_copy(deep=True)
        MODEL.invoke([message])
        assert before == message

    def test_long_conversations_are_read_from_the_end(self) -> None:
        """Only the latest part of a thread is read; what is older has to be recalled."""
        chat: list[BaseMessage] = [HumanMessage("I live in Rome.")]
        chat += [HumanMessage(f"My number is {number}.") for number in range(60)]
        assert NOTHING == MODEL.invoke([*chat, HumanMessage("Where do I live?")]).text
        assert "59" in MODEL.invoke([*chat, HumanMessage("What is my number?")]).text
