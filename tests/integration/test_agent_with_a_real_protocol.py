"""The whole agent with a model behind a real HTTP server that speaks OpenAI's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai  # noqa: TID253 (the exceptions are what is tested)
import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from tests.openai_server import OpenAIServer, Reply, ToolCall
from warmgraph import MemoryContext, WarmStore, create_chat_model, create_memory_agent

CHAT = "/chat/completions"
ANA = MemoryContext(user_id="ana")
NAMESPACE = ("memories", "ana")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WarmStore]:
    with WarmStore.open(tmp_path / "memory.db") as store:
        yield store


def thread(number: int) -> Any:
    return {"configurable": {"thread_id": f"t{number}"}}


def prompt_of(server: OpenAIServer) -> list[dict[str, Any]]:
    """Return the messages of the last request as the provider saw them."""
    messages: list[dict[str, Any]] = server.requests_to(CHAT)[-1].body["messages"]
    return messages


def remembered(store: WarmStore) -> list[str]:
    return sorted(item.value["content"] for item in store.search(NAMESPACE, limit=100))


def test_memories_reach_the_model_and_not_the_thread(server: OpenAIServer, store: WarmStore) -> None:
    """The provider sees the memories in front of the question; the thread keeps the question as it was typed."""
    agent = create_memory_agent("openai:m", store=store, checkpointer=InMemorySaver())
    agent.invoke({"messages": "I live in Lisbon."}, thread(1), context=ANA)
    state = agent.invoke({"messages": "Where do I live?"}, thread(2), context=ANA)

    shown = prompt_of(server)
    assert ["user"] == [message["role"] for message in shown]
    assert shown[0]["content"].startswith("<memories")
    assert "I live in Lisbon." in shown[0]["content"]
    assert shown[0]["content"].endswith("\n\nWhere do I live?")
    assert "Where do I live?" == state["messages"][0].content


def test_tool_calls_go_round_with_the_memories_in_place(server: OpenAIServer, store: WarmStore) -> None:
    """The model calls a user's tool and answers from its result; only what was said is remembered."""

    @tool
    def weather(city: str) -> str:
        """Tell the weather of a city."""
        return f"Rain in {city}."

    store.put(NAMESPACE, "1", {"content": "I live in Lisbon."})
    server.reply_with(Reply(tool_calls=(ToolCall("weather", {"city": "Lisbon"}),)), "Take an umbrella.")
    agent = create_memory_agent("openai:m", store=store, tools=[weather])
    state = agent.invoke({"messages": "How is the weather where I live?"}, context=ANA)

    assert ["human", "ai", "tool", "ai"] == [message.type for message in state["messages"]]
    assert "Take an umbrella." == state["messages"][-1].text
    first, second = (request.body["messages"] for request in server.requests_to(CHAT))
    assert first == second[: len(first)]  # the prefix stays what a provider's cache holds
    assert "Rain in Lisbon." == second[-1]["content"]
    assert ["How is the weather where I live?", "I live in Lisbon.", "Take an umbrella."] == remembered(store)


def test_tokens_stream_one_by_one(server: OpenAIServer, store: WarmStore) -> None:
    """`stream_mode="messages"` passes the provider's tokens on as they come, sync and async."""
    server.reply_with("You live in Lisbon.", "You live in Lisbon.")
    agent = create_memory_agent("openai:m", store=store)
    question = {"messages": "Where?"}

    def text_of(part: Any) -> str:
        return str(part[0].text)

    parts = agent.stream(question, stream_mode="messages", context=ANA)
    pieces = [text_of(part) for part in parts if text_of(part)]

    async def collect() -> list[str]:
        stream = agent.astream(question, stream_mode="messages", context=ANA)
        return [text_of(part) async for part in stream if text_of(part)]

    assert ["You ", "live ", "in ", "Lisbon."] == pieces == asyncio.run(collect())


def test_real_embeddings_rank_what_words_do_not(server: OpenAIServer, tmp_path: Path) -> None:
    """With an embedding model a store asks the provider once for a text, and once for a query."""
    with WarmStore.open(tmp_path / "dense.db", index={"embed": "openai:e", "fields": ["content"]}) as store:
        store.put(NAMESPACE, "1", {"content": "I live in Lisbon."})
        assert pytest.approx(1, abs=1e-3) == store.search(NAMESPACE, query="I live in Lisbon.")[0].score
        before = len(server.requests)
        store.recall(NAMESPACE, "I live in Lisbon.")
        store.recall(NAMESPACE, "I live in Lisbon.")
        assert before == len(server.requests)


def trouble(server: OpenAIServer, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "wrong key":
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    elif kind == "429":
        server.rate_limit(times=3)
    elif kind == "timeout":
        server.hang(times=1)
    else:
        server.drop_stream(after_tokens=2, times=1)


OUTCOMES = [
    ("wrong key", openai.AuthenticationError, 1),
    ("429", openai.RateLimitError, 3),
    ("timeout", openai.APITimeoutError, 1),
    ("dropped stream", openai.APIConnectionError, 1),
]


@pytest.mark.parametrize(("kind", "error", "requests"), OUTCOMES, ids=[outcome[0] for outcome in OUTCOMES])
def test_a_failing_model_ends_in_its_own_error_and_the_turn_can_be_resumed(
    server: OpenAIServer,
    store: WarmStore,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    error: type[Exception],
    requests: int,
) -> None:
    """The exception is the model's, after a bounded number of requests; once mended, the same turn goes on."""
    server.responder = lambda body: Reply("You live in Lisbon.")
    checkpointer = InMemorySaver()

    def agent() -> Any:
        retries, timeout = (2, 30.0) if kind == "429" else (0, 0.5 if kind == "timeout" else 30.0)
        model = create_chat_model("openai:m", timeout=timeout, max_retries=retries)
        return create_memory_agent(model, store=store, checkpointer=checkpointer)

    with monkeypatch.context() as broken:
        trouble(server, kind, broken)
        with pytest.raises(error):
            list(agent().stream({"messages": "I live in Lisbon."}, thread(1), stream_mode="messages", context=ANA))
    assert requests == len(server.requests_to(CHAT))
    assert [] == remembered(store)

    state = agent().invoke(None, thread(1), context=ANA)
    assert isinstance(state["messages"][-1], AIMessage)
    assert ["I live in Lisbon.", "You live in Lisbon."] == remembered(store)


def test_an_embedding_model_that_is_away_does_not_cost_the_answer(server: OpenAIServer, tmp_path: Path) -> None:
    """Memory tells when nothing can be embedded; the answer arrives all the same, and what was said is kept."""
    server.responder = lambda body: Reply("Hello!")
    with OpenAIServer() as away:
        index: Any = {"embed": create_embedder_at(away.url), "fields": ["content"]}
    with WarmStore.open(tmp_path / "dense.db", index=index) as store:
        state = create_memory_agent("openai:m", store=store).invoke({"messages": "Hi there, Ana here."}, context=ANA)
        assert "Hello!" == state["messages"][-1].text
        assert "remember" in {failure["node"] for failure in state["memory_errors"]}
        assert ["Hello!", "Hi there, Ana here."] == remembered(store)


def create_embedder_at(url: str) -> Any:
    from langchain_openai import OpenAIEmbeddings

    return OpenAIEmbeddings(model="e", base_url=url, max_retries=0, check_embedding_ctx_length=False)
