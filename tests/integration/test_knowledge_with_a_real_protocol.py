"""Memories kept by a model behind OpenAI's protocol, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import openai  # noqa: TID253 (the exceptions are what is tested)
import pytest
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import ANA, HELLO
from tests.openai_server import Fault, OpenAIServer, Reply, ToolCall
from warmgraph import create_memory_searcher, create_memory_store_manager, create_thread_extractor
from warmgraph.knowledge import SummarizeThread

SPACE = ("memories", "ana")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Serve on the loopback interface, and point the environment there."""
    with OpenAIServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.mark.parametrize("way", ["sync", "async"])
def test_tools_go_out_and_edits_come_back(server: OpenAIServer, way: str) -> None:
    """The schemas are sent as tools of which one has to be called, and parallel calls become memories."""
    store = InMemoryStore()
    keeper = create_memory_store_manager("openai:gpt-test", store=store)
    dark = ToolCall("Memory", {"content": "User prefers dark mode"})
    server.reply_with(Reply(tool_calls=(dark, ToolCall("Memory", {"wrong": 1}))), Reply(tool_calls=(dark,)))

    done = keeper.invoke(HELLO, ANA) if way == "sync" else asyncio.run(keeper.ainvoke(HELLO, ANA))

    first, second = (request.body for request in server.requests)
    assert ["Memory", "update_memory", "nothing_to_remember"] == [tool["function"]["name"] for tool in first["tools"]]
    assert "required" == first["tool_choice"]
    assert ["system", "user", "assistant", "tool", "tool"] == [message["role"] for message in second["messages"]]
    assert "Field required" in second["messages"][-1]["content"]
    assert ["User prefers dark mode"] == [item.value["content"]["content"] for item in store.search(SPACE)]
    assert ["added", "rejected"] == [change.action for change in done.changes]


def test_an_error_of_the_server_surfaces_as_the_clients(server: OpenAIServer) -> None:
    """A refused key is the client's exception, and nothing is written."""
    server.fail(Fault("error", status=401, code="invalid_api_key"))
    store = InMemoryStore()

    with pytest.raises(openai.AuthenticationError):
        create_memory_store_manager("openai:gpt-test", store=store).invoke(HELLO, ANA)
    assert 1 == len(server.requests)
    assert [] == store.search(SPACE)


def test_searcher_and_thread_extractor_force_their_tool(server: OpenAIServer) -> None:
    """Each names the tool that has to be called."""
    store = InMemoryStore()
    store.put(SPACE, "food", {"content": "I like sushi"})
    server.reply_with(
        Reply(tool_calls=(ToolCall("search_memory", {"query": "food"}),)),
        Reply(tool_calls=(ToolCall("SummarizeThread", {"title": "Modes", "summary": "Dark."}),)),
    )

    found = create_memory_searcher("openai:gpt-test", store=store).invoke(HELLO, ANA)
    summary = create_thread_extractor("openai:gpt-test").invoke(HELLO)

    assert ["food"] == [item.key for item in found]
    assert SummarizeThread(title="Modes", summary="Dark.") == summary
    assert ["search_memory", "SummarizeThread"] == [
        request.body["tool_choice"]["function"]["name"] for request in server.requests
    ]
