"""Runs on a server: what is asked of it, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from langchain_core.messages import HumanMessage

from tests.unit.reflection.conftest import WAIT, said, whose
from warmgraph.errors import ExecutorClosedError, InvalidArgumentError, UnresolvedNamespaceError
from warmgraph.nodes import MemoryContext
from warmgraph.reflection import ReflectionExecutor, RemoteReflectionExecutor

PLACE = ("memories", "{user_id}")


class Server:
    """Answers as a LangGraph server does to the few requests of the executor, and notes them."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        noted = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                noted.requests.append((self.path, body))
                if self.path == "/store/items/search":
                    self.answer({"items": [{"namespace": ["memories", "ana"], "key": "k", "value": {}}]})
                else:
                    thread = self.path.split("/")[2] if self.path.startswith("/threads/") else "stateless"
                    self.answer({"run_id": "run", "thread_id": thread, "status": "pending"})

            def do_GET(self) -> None:
                noted.gate.wait(WAIT)
                self.answer({"reflected": 3})

            def answer(self, value: Any) -> None:
                data = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.gate.set()
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """Start a server."""
    started = Server()
    yield started
    started.close()


@pytest.fixture
def executor(server: Server) -> Iterator[RemoteReflectionExecutor]:
    """Return an executor of the server."""
    with ReflectionExecutor("reflect", PLACE, url=server.url) as executor:
        yield executor


def test_parity_18_a_run_gets_a_real_thread_and_the_keys_it_needs(
    server: Server, executor: RemoteReflectionExecutor
) -> None:
    """One thread for each user and conversation, a UUID; the `configurable` keys without those of the run itself."""
    for user in ("ana", "ana", "bob"):
        config = whose(user, "1")
        config["configurable"] |= {"tone": "polite", "__pregel_store": object(), "checkpoint_id": "x"}
        executor.submit({"messages": [HumanMessage("Hi")]}, config, after_seconds=30)
    paths = [path for path, _ in server.requests]
    threads = [UUID(path.split("/")[2]) for path in paths]
    assert threads[0] == threads[1] != threads[2]
    body = server.requests[0][1]
    assert ("reflect", 30, "rollback", "create") == tuple(
        body[key] for key in ("assistant_id", "after_seconds", "multitask_strategy", "if_not_exists")
    )
    assert {"configurable": {"user_id": "ana", "tone": "polite"}} == body["config"]
    assert "context" not in body
    assert "Hi" == body["input"]["messages"][0]["content"]


def test_parity_18_the_context_is_forwarded_instead_where_there_is_one(
    server: Server, executor: RemoteReflectionExecutor
) -> None:
    """A server refuses both, so what the config says goes into the context, which wins."""
    config = whose("", "1")
    config["configurable"]["tone"] = "polite"
    executor.submit(said("a"), config, context=MemoryContext("ana"))
    body = server.requests[0][1]
    assert {"user_id": "ana", "tone": "polite"} == body["context"]
    assert "config" not in body


def test_parity_18_without_a_thread_it_is_null(server: Server, executor: RemoteReflectionExecutor) -> None:
    """Such a job is a stateless run, and never meets another one."""
    executor.submit(said("a"), whose("ana"))
    executor.submit(said("a"), whose("ana", "1"), thread_id=None)
    assert ["/runs", "/runs"] == [path for path, _ in server.requests]
    assert "multitask_strategy" not in server.requests[0][1]


def test_parity_18_completion_can_be_waited_for(server: Server, executor: RemoteReflectionExecutor) -> None:
    """By a future and by `invoke`; without it the future has the run at once."""
    server.gate.clear()
    waiting = executor.submit(said("a"), whose("ana", "1"), wait=True)
    assert not waiting.done()
    assert "pending" == executor.submit(said("a"), whose("ana", "1")).result(0)["status"]
    server.gate.set()
    assert {"reflected": 3} == waiting.result(WAIT)
    assert {"reflected": 3} == executor.invoke(said("a"), whose("ana", "1"))
    assert executor.shutdown(timeout=WAIT)


async def test_parity_18_an_event_loop_is_not_blocked(server: Server, executor: RemoteReflectionExecutor) -> None:
    """The async twins ask the same of the server."""
    created = (await executor.asubmit(said("a"), whose("ana", "1"), after_seconds=3)).result(0)
    assert f"/threads/{created['thread_id']}/runs" == server.requests[0][0]
    assert {"reflected": 3} == await executor.ainvoke(said("a"), whose("ana", "1"))


def test_remote_memories_can_be_searched(server: Server, executor: RemoteReflectionExecutor) -> None:
    """Namespaces come back as tuples, from sync and from async callers."""
    place = ("memories", "ana")
    for found in (
        executor.search("tea", namespace=place),
        asyncio.run(executor.asearch("tea", namespace=place)),
    ):
        assert [(place, "k")] == [(item["namespace"], item["key"]) for item in found]
    assert {"query": "tea", "limit": 10, "offset": 0, "namespace_prefix": list(place)}.items() <= (
        server.requests[0][1].items()
    )


def test_a_remote_executor_refuses_what_it_cannot_do(server: Server, executor: RemoteReflectionExecutor) -> None:
    """No user, no namespace, a store of one's own, a submit after the end."""
    with pytest.raises(UnresolvedNamespaceError):
        executor.submit(said("a"), {})
    with pytest.raises(InvalidArgumentError):
        ReflectionExecutor("reflect", None)
    with pytest.raises(InvalidArgumentError):
        ReflectionExecutor(print, PLACE, url=server.url)
    executor.shutdown()
    with pytest.raises(ExecutorClosedError):
        executor.submit(said("a"), whose("ana"))
    assert [] == server.requests
