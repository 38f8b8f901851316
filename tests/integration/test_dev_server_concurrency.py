"""Many runs at once on a real `langgraph dev`, all of them in the middle of a model's answer at the same time."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient

from tests.dev_server import DevServer, project_copy
from tests.openai_server import OpenAIServer, Reply

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

RUNS = 20
WAIT = 90.0

# Graphs of a user's own, in which the agent is called from a sync and from an async node.
NODES = """
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from warmgraph.models import create_chat_model
from warmgraph.nodes import MemoryContext, MemoryState
from warmgraph.prebuilt import create_memory_agent

agent = create_memory_agent(create_chat_model())


def sync_node(state: MemoryState, runtime: Runtime[MemoryContext]) -> MemoryState:
    return agent.invoke({"messages": state["messages"]}, context=runtime.context)


async def async_node(state: MemoryState, runtime: Runtime[MemoryContext]) -> MemoryState:
    return await agent.ainvoke({"messages": state["messages"]}, context=runtime.context)


by_sync = StateGraph(MemoryState, MemoryContext).add_node(sync_node).set_entry_point("sync_node").compile()
by_async = StateGraph(MemoryState, MemoryContext).add_node(async_node).set_entry_point("async_node").compile()
"""


class SlowModel:
    """Answers when as many requests as it was told to expect wait for an answer, and not before."""

    def __init__(self) -> None:
        self.met = 0
        self._together: threading.Barrier | None = None

    def expect(self, number: int) -> None:
        """Let requests wait until there are so many."""
        self.met = 0
        self._together = threading.Barrier(number, action=self._note, timeout=WAIT)

    def respond(self, body: dict[str, Any]) -> Reply:
        """Repeat what the user said, and with it the memories that lead it."""
        assert self._together is not None
        self._together.wait()
        return Reply(str(body["messages"][-1]["content"]))

    def _note(self) -> None:
        self.met += 1


@pytest.fixture(scope="module")
def model() -> SlowModel:
    return SlowModel()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: SlowModel) -> Iterator[DevServer]:
    folder = project_copy(tmp_path_factory.mktemp("concurrent") / "project")
    (folder / "graphs" / "nodes.py").write_text(NODES)
    add_graphs(folder / "langgraph.json", by_sync="./graphs/nodes.py:by_sync", by_async="./graphs/nodes.py:by_async")
    with OpenAIServer(responder=model.respond) as openai:
        environment = {**openai.environment, "WARMGRAPH_EMBED": "hashing"}
        with DevServer(folder, workers=RUNS, environment=environment) as running:
            yield running
    assert "BlockingError" not in running.log
    assert "Exception in ASGI application" not in running.log


def add_graphs(config: Path, **graphs: str) -> None:
    """Add graphs to a langgraph.json."""
    settings = json.loads(config.read_text())
    settings["graphs"].update(graphs)
    config.write_text(json.dumps(settings))


async def ask(client: LangGraphClient, user: str, text: str, graph: str = "memory_agent") -> str:
    """Say something in a new thread; return the answer, and fail if memory did."""
    thread = await client.threads.create()
    asked: Any = {"messages": [{"role": "user", "content": text}]}
    state: Any = await client.runs.wait(thread["thread_id"], graph, input=asked, context={"user_id": user})
    assert "messages" in state, state
    assert not state.get("memory_errors")
    return str(state["messages"][-1]["content"])


async def test_runs_of_many_users_overlap(server: DevServer, model: SlowModel) -> None:
    """Twenty runs wait for the model at the same time; all are answered, remembered, and kept apart."""
    users = [f"user-{number}" for number in range(RUNS)]
    async with server.async_client() as client:
        model.expect(RUNS)
        await asyncio.gather(*(ask(client, user, f"My locker number is {user[5:]}77.") for user in users))
        assert 1 == model.met
        model.expect(RUNS)
        answers = await asyncio.gather(*(ask(client, user, "What is my locker number?") for user in users))
    assert 1 == model.met
    found = [[other for other in users if f"locker number is {other[5:]}77." in answer] for answer in answers]
    assert [[user] for user in users] == found


async def test_one_user_may_talk_in_many_threads_at_once(server: DevServer, model: SlowModel) -> None:
    """What one user says in ten threads, while none of them has been answered, is all kept."""
    async with server.async_client() as client:
        model.expect(10)
        await asyncio.gather(*(ask(client, "hanna", f"Fact {number}: token{number}x.") for number in range(10)))
        found = await client.store.search_items(["memories", "hanna"], limit=100)
    assert 1 == model.met
    heard = {item["value"]["content"] for item in found["items"] if item["value"]["role"] == "user"}
    assert {f"Fact {number}: token{number}x." for number in range(10)} == heard


async def test_sync_and_async_nodes_share_the_store(server: DevServer, model: SlowModel) -> None:
    """Graphs that call the agent from a sync node and from an async one, side by side, remember for each other."""
    ways = ["by_sync", "by_async"]
    async with server.async_client() as client:
        model.expect(4)
        told = [(way, number) for way in ways for number in range(2)]
        await asyncio.gather(
            *(ask(client, f"ines-{number}", f"My {way} lamp is green{number}.", way) for way, number in told)
        )
        assert 1 == model.met
        model.expect(4)
        answers = await asyncio.gather(
            *(ask(client, f"ines-{number}", "Which lamp is green?", way) for way, number in told)
        )
    assert 1 == model.met
    for (_, number), answer in zip(told, answers, strict=True):
        assert [True, True] == [f"My {way} lamp is green{number}." in answer for way in ways]
        assert f"green{1 - number}" not in answer
