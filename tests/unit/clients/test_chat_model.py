"""Chat models with memory: alone, as a node, and in an agent of LangChain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain.agents import create_agent  # noqa: TID253 (the agent is what is tested)
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_openai import ChatOpenAI  # noqa: TID253 (a real model is what is wrapped)
from langgraph.graph import MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel

from tests.openai_server import OpenAIServer
from tests.unit.clients.conftest import answering, block, tags_in
from tests.unit.clients.test_fast_memory import FailingStore
from warmgraph.clients import create_inline_memory_middleware, create_inline_memory_node, with_fast_memory
from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.models import OfflineChatModel
from warmgraph.nodes import MemoryState
from warmgraph.testing import BrokenStream, ScriptedChatModel

ANA = {"configurable": {"user_id": "ana"}}


def saying(template: str) -> Callable[[list[BaseMessage]], str]:
    """Answer with a text in which OPEN and CLOSE stand for this call's tags."""

    def answer(messages: list[BaseMessage]) -> str:
        opening, closing = tags_in(messages[-1].text)
        return template.replace("OPEN", opening).replace("CLOSE", closing)

    return answer


NOTED = saying(f"Noted. {block('Lives in Lisbon.')}")


def texts(store: InMemoryStore) -> list[str]:
    """Return what is remembered of ana."""
    return [item.value["content"] for item in store.search(("memories", "ana"))]


class Tokens(BaseCallbackHandler):
    """Collects the tokens that callbacks are told of."""

    def __init__(self) -> None:
        self.text = ""

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """Collect a token."""
        self.text += token


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream"])
async def test_parity_c_each_way_of_calling_a_chat_model_shows_the_answer_alone(store: InMemoryStore, way: str) -> None:
    """Whole, streamed, sync and async; callbacks see no more than the caller does."""
    model = with_fast_memory(ScriptedChatModel(script=[NOTED]), "ana", store=store)
    tokens = Tokens()
    call = getattr(model, way)("I live in Lisbon.", {"callbacks": [tokens]})
    if way == "invoke":
        said = call.content
    elif way == "stream":
        said = "".join(chunk.content for chunk in call)
    elif way == "ainvoke":
        said = (await call).content
    else:
        assert isinstance(call, AsyncIterator)
        said = "".join([chunk.content async for chunk in call])

    assert ("Noted.", ["Lives in Lisbon."]) == (said, texts(store))
    assert tokens.text in ("", "Noted.")


def test_a_model_behind_a_real_protocol(server: OpenAIServer, store: InMemoryStore) -> None:
    """LangChain's OpenAI model, streamed: the answer alone, and usage as it was."""
    server.responder = answering(f"Noted. {block('Lives in Lisbon.')}")
    inner = ChatOpenAI(model="any", base_url=server.url, api_key=server.api_key, max_retries=0, stream_usage=True)  # type: ignore[arg-type]
    model = with_fast_memory(inner, "ana", store=store)
    chunks = list(model.stream("I live in Lisbon."))

    assert ("Noted.", ["Lives in Lisbon."]) == ("".join(chunk.text for chunk in chunks), texts(store))
    assert any(chunk.usage_metadata for chunk in chunks)


def test_parts_of_content_stay_parts(store: InMemoryStore) -> None:
    """Multimodal messages go in as parts, and answers of parts lose the block from wherever it stands."""

    def answer(messages: list[BaseMessage]) -> AIMessage:
        opening, closing = tags_in(messages[-1].text)
        parts = ["Noted. ", f'{opening}["Likes', f' tea."]{closing}']
        return AIMessage([{"type": "text", "text": part} for part in parts])

    inner = ScriptedChatModel(script=[answer, answer])
    model = with_fast_memory(inner, "ana", store=store)
    asked = [HumanMessage([{"type": "text", "text": "I like tea."}, {"type": "image", "url": "x"}])]

    assert "Noted." == model.invoke(asked).text.strip()
    assert "Noted." == "".join(chunk.text for chunk in model.stream(asked)).strip()
    assert ["Likes tea."] == texts(store)
    assert {"type": "image", "url": "x"} in inner.prompts[1][0].content
    assert 2 == len(asked[0].content)


def test_tools_can_be_bound(store: InMemoryStore) -> None:
    """The model gets them, and its calls arrive."""
    call = {"name": "add", "args": {"a": 2}, "id": "1", "type": "tool_call"}
    inner = ScriptedChatModel(script=[AIMessage("", tool_calls=[call])])
    tool = {"type": "function", "function": {"name": "add", "description": "Add.", "parameters": {}}}
    answer = with_fast_memory(inner, "ana", store=store).bind_tools([tool]).invoke("What is 2 and 2?")

    assert (["add"], [call]) == ([bound["function"]["name"] for bound in inner.bound_tools[0]], answer.tool_calls)


def test_structured_output_is_the_models_own(server: OpenAIServer, store: InMemoryStore) -> None:
    """It gets memories and no note."""

    class City(BaseModel):
        name: str

    server.reply_with(json.dumps({"name": "Lisbon"}))
    inner = ChatOpenAI(model="any", base_url=server.url, api_key=server.api_key, max_retries=0)  # type: ignore[arg-type]
    model = with_fast_memory(inner, "ana", store=store)
    model.memory.add("Lives in Lisbon.")

    assert City(name="Lisbon") == model.with_structured_output(City).invoke("Where do I live? Lisbon?")
    sent = server.requests[0].body["messages"][0]["content"]
    assert (True, False) == ("Lives in Lisbon." in sent, "<note>" in sent)


def test_a_stream_that_breaks_off_gives_its_text_and_its_error(store: InMemoryStore) -> None:
    """What was held back comes first; nothing is remembered."""
    model = with_fast_memory(ScriptedChatModel(script=[BrokenStream("one ```", OSError("gone"))]), "ana", store=store)
    said = []

    def read() -> None:
        for chunk in model.stream("Hello"):
            said.append(chunk.content)

    with pytest.raises(OSError, match="gone"):
        read()
    assert ("one ```", []) == ("".join(said), texts(store))


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_parity_c_the_node_remembers_with_one_call(store: InMemoryStore, asynchronous: bool) -> None:
    """The thread has the answer alone, and so has the stream of messages."""
    model = ScriptedChatModel(script=[NOTED, "Lisbon."])
    builder = StateGraph(MessagesState).add_node(create_inline_memory_node(model)).set_entry_point("agent")
    graph = builder.compile(store=store)
    given: Any = {"messages": "I live in Lisbon."}
    if asynchronous:
        streamed = [part async for part in graph.astream(given, ANA, stream_mode="messages")]  # type: ignore[call-overload]
    else:
        streamed = list(graph.stream(given, ANA, stream_mode="messages"))  # type: ignore[call-overload]
    graph.invoke({"messages": "Do I live in Lisbon?"}, ANA)  # type: ignore[call-overload]

    assert "Noted." == "".join(chunk.text for chunk, _ in streamed)
    assert ["Lives in Lisbon."] == texts(store)
    assert 2 == len(model.prompts)
    assert "Lives in Lisbon." in model.prompts[1][-1].text


@pytest.mark.parametrize("store", [FailingStore(), None])
def test_the_node_answers_without_memory_and_says_so(store: InMemoryStore | None) -> None:
    """A store that fails, or none at all, is a failure in the state beside the answer."""
    builder = StateGraph(MemoryState).add_node(create_inline_memory_node(ScriptedChatModel(script=["Hello!"])))
    found: Any = builder.set_entry_point("agent").compile(store=store).invoke({"messages": "Hi"}, ANA)  # type: ignore[call-overload]

    assert ("Hello!", ["agent"]) == (
        found["messages"][-1].content,
        [failure["node"] for failure in found["memory_errors"]],
    )


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_parity_c_the_middleware_lends_an_agent_memory(store: InMemoryStore, asynchronous: bool) -> None:
    """For each call, whatever the agent's model; a run without a user fails."""
    model = ScriptedChatModel(script=[NOTED])
    agent: Any = create_agent(model, middleware=[create_inline_memory_middleware()], store=store)
    given = {"messages": [("user", "I live in Lisbon.")]}
    found = await agent.ainvoke(given, ANA) if asynchronous else agent.invoke(given, ANA)

    assert ("Noted.", ["Lives in Lisbon."]) == (found["messages"][-1].content, texts(store))
    with pytest.raises(UnresolvedNamespaceError):
        agent.invoke(given)


@pytest.mark.parametrize("streaming", [False, True])
def test_the_offline_model_remembers_inline(store: InMemoryStore, streaming: bool) -> None:
    """Without a key: it appends what was stated, recalls it later, and nothing of the note is in its answers."""
    model = with_fast_memory(OfflineChatModel(), "ana", store=store)
    said = [
        "".join(chunk.text for chunk in model.stream(text)) if streaming else model.invoke(text).text
        for text in ("I live in Lisbon. I like tea.", "Where do I live?")
    ]

    assert 'Noted: "I live in Lisbon. I like tea."' == said[0]
    assert "You told me on" in said[1]
    assert "Lisbon" in said[1]
    assert {("I live in Lisbon.", "fact"), ("I like tea.", "preference")} == {
        (item.value["content"], item.value["category"]) for item in store.search(("memories", "ana"))
    }


def test_tracers_and_agents_see_the_model_that_is_wrapped(store: InMemoryStore) -> None:
    """Its name for traces, and its profile; and no cache answers in its place."""
    inner = ChatOpenAI(model="gpt-4o", api_key="x")  # type: ignore[arg-type]
    model = with_fast_memory(inner, "ana", store=store)

    assert (inner.profile, inner._get_ls_params()) == (model.profile, model._get_ls_params())
    set_llm_cache(InMemoryCache())
    try:
        answers = with_fast_memory(ScriptedChatModel(script=["One.", "Two."]), "ana", store=store)
        assert ["One.", "Two."] == [answers.invoke("Hello").text, answers.invoke("Hello").text]
    finally:
        set_llm_cache(None)
