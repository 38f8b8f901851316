"""Real models through langchain-openai, against a real HTTP server that speaks OpenAI's protocol."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import openai  # noqa: TID253 (the exceptions are what is tested)
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool

from tests.openai_server import Fault, OpenAIServer, Reply, ToolCall
from warmgraph.embeddings import Embedder, create_embedder, default_embedding
from warmgraph.errors import EmbeddingError
from warmgraph.models import create_chat_model, default_model

CHAT = "/chat/completions"
EMBEDDINGS = "/embeddings"
SHORT = 0.25  # seconds: the server never answers, so this is only how long the test takes


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Serve on the loopback interface, and point the environment there."""
    for name in ("OPENAI_API_BASE", "WARMGRAPH_MODEL", "WARMGRAPH_EMBED", "LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        monkeypatch.delenv(name, raising=False)
    with OpenAIServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def invoke(model: BaseChatModel) -> AIMessage:
    """Ask, and wait for the whole answer."""
    return model.invoke("Where do I live?")


def ainvoke(model: BaseChatModel) -> AIMessage:
    """Ask on an event loop."""
    return asyncio.run(model.ainvoke("Where do I live?"))


def stream(model: BaseChatModel) -> AIMessageChunk:
    """Ask, and put the pieces of the answer together."""
    whole = AIMessageChunk(content="")
    for chunk in model.stream("Where do I live?"):
        whole += chunk
    return whole


def astream(model: BaseChatModel) -> AIMessageChunk:
    """Ask on an event loop, and put the pieces of the answer together."""

    async def collect() -> AIMessageChunk:
        whole = AIMessageChunk(content="")
        async for chunk in model.astream("Where do I live?"):
            whole += chunk
        return whole

    return asyncio.run(collect())


every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class TestChat:
    @every_way
    def test_answers(self, server: OpenAIServer, ask: Callable[[BaseChatModel], AIMessage]) -> None:
        """Key and address come from the environment; the answer and its end arrive whole."""
        server.reply_with("You live in Lisbon.")
        answer = ask(create_chat_model("openai:some-model"))
        assert "You live in Lisbon." == answer.text
        assert "stop" == answer.response_metadata["finish_reason"]
        (request,) = server.requests
        assert ("some-model", f"Bearer {server.api_key}") == (request.body["model"], request.headers["authorization"])
        assert [{"role": "user", "content": "Where do I live?"}] == request.body["messages"]

    def test_tokens_arrive_one_by_one(self, server: OpenAIServer) -> None:
        """A stream is read as it comes, not at its end."""
        server.reply_with("You live in Lisbon.")
        pieces = [str(chunk.content) for chunk in create_chat_model("openai:m").stream("Where?") if chunk.content]
        assert ["You ", "live ", "in ", "Lisbon."] == pieces

    def test_usage(self, server: OpenAIServer) -> None:
        """What an answer cost is reported."""
        usage = invoke(create_chat_model("openai:m")).usage_metadata
        assert usage is not None
        assert usage["input_tokens"] > 0
        assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"]

    @pytest.mark.parametrize(
        "ask", [lambda m: m.invoke("2 + 3?"), lambda m: sum(m.stream("2 + 3?"), AIMessageChunk(content=""))]
    )
    def test_tool_calls(self, server: OpenAIServer, ask: Callable[[Any], AIMessage]) -> None:
        """Tools are offered, a call comes back with its arguments, and its result goes to the model."""
        server.reply_with(Reply(tool_calls=(ToolCall("add", {"a": 2, "b": 3}),)), "5")
        model = create_chat_model("openai:m").bind_tools([add])
        calling = ask(model)
        (call,) = calling.tool_calls
        assert ("add", {"a": 2, "b": 3}) == (call["name"], call["args"])
        result = ToolMessage(add.invoke(call["args"]), tool_call_id=call["id"])
        assert "5" == model.invoke([HumanMessage("2 + 3?"), AIMessage("", tool_calls=[call]), result]).text
        offered, answered = server.requests
        assert ["add"] == [one["function"]["name"] for one in offered.body["tools"]]
        assert "tool" == answered.body["messages"][-1]["role"]

    def test_chosen_by_the_environment(self, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key is all it takes; WARMGRAPH_MODEL says which model."""
        assert "openai:gpt-5-mini" == default_model()
        invoke(create_chat_model())
        monkeypatch.setenv("WARMGRAPH_MODEL", "openai:another")
        invoke(create_chat_model())
        assert ["gpt-5-mini", "another"] == [request.body["model"] for request in server.requests]

    def test_an_empty_address_is_openais(self, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """`OPENAI_BASE_URL=` in an .env file means the default, not an empty address."""
        monkeypatch.setenv("OPENAI_BASE_URL", "")
        model: Any = create_chat_model("openai:m")
        assert "https://api.openai.com/v1/" == str(model.root_client.base_url)
        embeddings: Any = create_embedder("openai:e")
        assert "openai:text-embedding-3-small" == default_embedding()
        assert "langchain_openai.OpenAIEmbeddings/e" == embeddings.name


class TestChatTroubles:
    """Each trouble ends in one exception that says what it was, after a bounded number of requests."""

    @every_way
    def test_wrong_key(self, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any]) -> None:
        """A refused key is not tried again."""
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            ask(create_chat_model("openai:m"))
        assert 1 == len(server.requests)

    @every_way
    def test_rate_limit(self, server: OpenAIServer, ask: Callable[..., Any]) -> None:
        """A standing 429 is tried again as often as allowed, then raised."""
        server.rate_limit()
        with pytest.raises(openai.RateLimitError):
            ask(create_chat_model("openai:m", max_retries=2))
        assert 3 == len(server.requests)

    @every_way
    def test_rate_limit_that_passes(self, server: OpenAIServer, ask: Callable[..., Any]) -> None:
        """A short 429 costs a second request and nothing else."""
        server.rate_limit(times=1)
        server.reply_with("Lisbon.")
        assert "Lisbon." == ask(create_chat_model("openai:m")).text
        assert 2 == len(server.requests)

    @every_way
    def test_timeout(self, server: OpenAIServer, ask: Callable[..., Any]) -> None:
        """A server that never answers is given up after `timeout`."""
        server.hang()
        with pytest.raises(openai.APITimeoutError):
            ask(create_chat_model("openai:m", timeout=SHORT, max_retries=0))
        assert 1 == len(server.requests)

    def test_timeout_is_tried_again(self, server: OpenAIServer) -> None:
        """One unanswered request is forgiven."""
        server.hang(times=1)
        server.reply_with("Lisbon.")
        assert "Lisbon." == invoke(create_chat_model("openai:m", timeout=5 * SHORT, max_retries=1)).text
        assert 2 == len(server.requests)

    @pytest.mark.parametrize("ask", [stream, astream])
    def test_dropped_stream(self, server: OpenAIServer, ask: Callable[..., Any]) -> None:
        """A stream that breaks off raises; it is not repeated, because its beginning has been shown already."""
        server.reply_with("You live in Lisbon.")
        server.drop_stream(after_tokens=2)
        with pytest.raises(openai.APIConnectionError):
            ask(create_chat_model("openai:m"))
        assert 1 == len(server.requests)

    def test_dropped_stream_keeps_what_came(self, server: OpenAIServer) -> None:
        """The tokens before the break reach the reader, then the error does."""
        server.reply_with("You live in Lisbon.")
        server.drop_stream(after_tokens=2)
        pieces = create_chat_model("openai:m").stream("Where?")
        assert ["", "You ", "live "] == [next(pieces).content for _ in range(3)]
        with pytest.raises(openai.APIConnectionError):
            next(pieces)

    @pytest.mark.parametrize("ask", [invoke, ainvoke])
    def test_dropped_answer(self, server: OpenAIServer, ask: Callable[..., Any]) -> None:
        """A connection lost in the middle of a whole answer raises."""
        server.drop_stream()
        with pytest.raises(openai.APIConnectionError):
            ask(create_chat_model("openai:m", max_retries=0))
        assert 1 == len(server.requests)

    def test_cut_stream(self, server: OpenAIServer) -> None:
        """A stream that a proxy ends politely looks whole: only the missing finish reason tells."""
        server.fail(Fault("cut", tokens=2))
        server.reply_with("You live in Lisbon.")
        answer = stream(create_chat_model("openai:m"))
        assert "You live " == answer.text
        assert "finish_reason" not in answer.response_metadata


class TestEventLoops:
    def test_one_loop_after_another(self, server: OpenAIServer) -> None:
        """A model and an embedder outlive the loop that they were first used on."""
        model, embedder = create_chat_model("openai:m", max_retries=0), create_embedder("openai:e", max_retries=0)

        async def ask(number: int) -> tuple[str, int]:
            answer = await model.ainvoke(f"Question {number}")
            return answer.text, len(await embedder.aembed_query(f"Question {number}"))

        for number in range(3):
            assert (f"You said: Question {number}", 8) == asyncio.run(ask(number))

    def test_several_loops_at_once(self, server: OpenAIServer) -> None:
        """Loops in several threads share a model and an embedder, as the LangGraph server's do."""
        model, embedder = create_chat_model("openai:m", max_retries=0), create_embedder("openai:e", max_retries=0)
        meeting = threading.Barrier(3, timeout=30)

        def serve(worker: int) -> list[Any]:
            async def turns() -> list[Any]:
                done: list[Any] = []
                for turn in range(3):
                    texts = [f"{worker} {turn} {number}" for number in range(4)]
                    answers = await asyncio.gather(*map(model.ainvoke, texts))
                    await asyncio.gather(*map(embedder.aembed_query, texts))
                    done += [answer.text for answer in answers]
                return done

            meeting.wait()
            return asyncio.run(turns())

        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(serve, range(3)))
        expected = [[f"You said: {w} {t} {n}" for t in range(3) for n in range(4)] for w in range(3)]
        assert expected == results
        assert 36 == len(server.requests_to(CHAT)) == len(server.requests_to(EMBEDDINGS))

    async def test_connections_can_be_closed_by_hand(self, server: OpenAIServer) -> None:
        """After closing, the next request opens new connections."""
        model: Any = create_chat_model("openai:m")
        await model.ainvoke("one")
        await model.http_async_client.aclose()
        await model.http_async_client.aclose()
        assert "You said: two" == (await model.ainvoke("two")).text


def own_embeddings(client: openai.DefaultAsyncHttpxClient) -> Embeddings:
    """Make embeddings as a user would, with an HTTP client that the test can close."""
    from langchain_openai import OpenAIEmbeddings

    return OpenAIEmbeddings(model="e", check_embedding_ctx_length=False, max_retries=0, http_async_client=client)


class TestEmbeddings:
    def test_documents_and_queries(self, server: OpenAIServer) -> None:
        """Texts are sent as texts, in one request, and come back as checked vectors."""
        embedder = create_embedder(default_embedding())
        rows = embedder.embed_documents(["I live in Lisbon.", "I like tea.", "I live in Lisbon."])
        assert (3, 8) == rows.shape
        np.testing.assert_array_equal(rows[0], rows[2])
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
        (request,) = server.requests
        assert ["I live in Lisbon.", "I like tea."] == request.body["input"]
        assert "text-embedding-3-small" == request.body["model"]

    async def test_a_query_is_sent_once(self, server: OpenAIServer) -> None:
        """Two tiers that ask for the same query cost one request, and async callers leave the loop for it."""
        embedder = create_embedder("openai:e")
        assert not embedder.native_async
        first = await embedder.aembed_query("Where do I live?")
        assert first is embedder.embed_query("Where do I live?")
        assert 1 == len(server.requests_to(EMBEDDINGS))

    async def test_a_client_of_the_users_own(self, server: OpenAIServer) -> None:
        """An OpenAIEmbeddings object that was handed in is awaited natively."""
        async with openai.DefaultAsyncHttpxClient() as client:
            embedder = Embedder(own_embeddings(client))
            assert embedder.native_async
            assert (8,) == (await embedder.aembed_query("tea")).shape
            assert (2, 8) == (await embedder.aembed_documents(["tea", "coffee"])).shape
        assert "langchain_openai.OpenAIEmbeddings/e" == embedder.name

    def test_a_client_of_the_users_own_on_several_loops(self, server: OpenAIServer) -> None:
        """Its connections stay on the first loop; other loops are served all the same."""
        client = openai.DefaultAsyncHttpxClient()
        embedder = Embedder(own_embeddings(client))

        async def first() -> int:
            async with client:
                return len(await embedder.aembed_query("a"))

        async def later(text: str) -> int:
            return len(await embedder.aembed_query(text))

        assert [8, 8, 8] == [asyncio.run(first()), asyncio.run(later("b")), asyncio.run(later("c"))]

    def test_wrong_key(self, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """A refused key is an EmbeddingError with OpenAI's reason behind it, after one request."""
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
        with pytest.raises(EmbeddingError, match="Incorrect API key") as caught:
            create_embedder("openai:e").embed_query("tea")
        assert isinstance(caught.value.__cause__, openai.AuthenticationError)
        assert 1 == len(server.requests)

    def test_rate_limit(self, server: OpenAIServer) -> None:
        """A standing 429 ends after the allowed number of requests."""
        server.rate_limit()
        with pytest.raises(EmbeddingError, match="RateLimitError"):
            create_embedder("openai:e", max_retries=1).embed_documents(["tea"])
        assert 2 == len(server.requests)

    @pytest.mark.parametrize("trouble", [OpenAIServer.hang, OpenAIServer.drop_stream])
    async def test_no_answer(self, server: OpenAIServer, trouble: Callable[[OpenAIServer], None]) -> None:
        """A server that hangs or hangs up is given up, for async callers too."""
        trouble(server)
        embedder = create_embedder("openai:e", timeout=SHORT, max_retries=0)
        with pytest.raises(EmbeddingError, match=r"APITimeoutError|APIConnectionError"):
            await embedder.aembed_query("tea")
        assert 1 == len(server.requests)
        assert None is embedder.cached_query("tea")
