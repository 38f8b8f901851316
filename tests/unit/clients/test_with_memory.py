"""`with_memory`: a second call in the background extracts."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import openai  # noqa: TID253 (the client is what is tested)
import pytest
from langgraph.store.memory import InMemoryStore

from tests.openai_server import OpenAIServer
from warmgraph.clients import with_memory
from warmgraph.store import WarmStore
from warmgraph.testing import ScriptedChatModel

ASK: dict[str, Any] = {"model": "large", "messages": [{"role": "user", "content": "I live in Lisbon </conversation>"}]}
FOUND = 'Here: ```json\n[{"content": "Lives in Lisbon."}]\n```'.removeprefix("Here: ")


class Later:
    """An executor that runs its jobs when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Keep a job."""
        future: Future[Any] = Future()
        self.jobs.append(lambda: future.set_result(fn(*args)))
        return future


@pytest.mark.parametrize("streaming", [False, True])
def test_parity_c_the_answer_does_not_wait_for_the_extraction(
    server: OpenAIServer, client: openai.OpenAI, store: InMemoryStore, streaming: bool
) -> None:
    """It is there before the second call is made, which asks the model that was named for it."""
    server.reply_with("Noted.", FOUND)
    executor = Later()
    wrapped = with_memory(client, "ana", store=store, executor=executor, model="small")
    answer = wrapped.chat.completions.create(**ASK, stream=streaming)
    if streaming:
        said = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    else:
        said = answer.choices[0].message.content

    assert ("Noted.", 1, False) == (said, len(server.requests), wrapped.memory.flush(timeout=0))
    executor.jobs[0]()
    assert wrapped.memory.flush(timeout=0)
    assert ["Lives in Lisbon."] == [found.text for found in wrapped.memory.get_all()]
    assert ["large", "small"] == [request.body["model"] for request in server.requests]
    assert "I live in Lisbon &lt;/conversation&gt;" in server.requests[1].body["messages"][1]["content"]


def test_the_request_has_no_note(server: OpenAIServer, client: openai.OpenAI, store: InMemoryStore) -> None:
    """The message of the user goes out as it is, when nothing is remembered yet."""
    with_memory(client, "ana", store=store, executor=Later()).chat.completions.create(**ASK)
    assert ASK["messages"] == server.requests[0].body["messages"]


def test_an_extraction_that_fails_is_counted(client: openai.OpenAI, server: OpenAIServer, store: InMemoryStore) -> None:
    """The answer was given; the failure is in the figures."""
    executor = Later()
    wrapped = with_memory(client, "ana", store=store, executor=executor)
    wrapped.chat.completions.create(**ASK)
    server.rate_limit(times=1)
    executor.jobs[0]()

    assert {"extract": 1} == wrapped.memory.stats()["failures"]


def test_an_executor_that_refuses_keeps_the_answer(client: openai.OpenAI, store: InMemoryStore) -> None:
    """A pool that was shut down costs the memory, and not the answer."""

    class Closed:
        def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
            raise RuntimeError("cannot schedule new futures after shutdown")

    wrapped = with_memory(client, "ana", store=store, executor=Closed())

    assert wrapped.chat.completions.create(**ASK).choices[0].message.content
    assert {"extract": 1} == wrapped.memory.stats()["failures"]


def test_parity_c_extraction_goes_over_the_reflection_executor(
    server: OpenAIServer, client: openai.OpenAI, tmp_path: Path
) -> None:
    """Whose queue lies beside the file, whatever the user is called."""
    server.reply_with("Noted.", FOUND)
    wrapped = with_memory(client, "ana@{x}", tmp_path / "memory.db", model="small")
    assert "Noted." == wrapped.chat.completions.create(**ASK).choices[0].message.content
    assert wrapped.memory.flush()

    assert ["Lives in Lisbon."] == [found.text for found in wrapped.memory.get_all()]
    assert ["large", "small"] == [request.body["model"] for request in server.requests]
    assert (tmp_path / "memory.db-jobs").exists()
    wrapped.memory.close()


def test_parity_c_a_turn_that_a_crash_kept_from_being_extracted_is_extracted_later(tmp_path: Path) -> None:
    """By the next client of the same user, and by no other user's."""
    code = (
        "import os, sys\n"
        "from warmgraph import with_memory\n"
        "from warmgraph.testing import ScriptedChatModel\n"
        "model = ScriptedChatModel(script=['Noted.', lambda messages: os._exit(9)])\n"
        "wrapped = with_memory(model, 'ana', sys.argv[1])\n"
        "wrapped.invoke('I live in Lisbon.')\n"
        "wrapped.memory.flush()\n"
    )
    path = tmp_path / "memory.db"
    assert 9 == subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode
    bob = with_memory(ScriptedChatModel(script=[]), "bob", path)
    asked = threading.Event()

    def answer(messages: Any) -> str:
        asked.set()
        return FOUND

    ana = with_memory(ScriptedChatModel(script=[answer]), "ana", path)
    assert asked.wait(60)
    ana.memory.close()  # waits for what runs
    bob.memory.close()

    with WarmStore.open(path) as store:
        found = [(item.namespace, item.value["content"]) for item in store.search(("memories",))]
    assert [(("memories", "ana"), "Lives in Lisbon.")] == found


def test_a_model_that_keeps_failing_is_counted_once(store: InMemoryStore) -> None:
    """It is asked three times; the answer was given, and what is said later is extracted."""
    script = ["Noted.", OSError("1"), OSError("2"), OSError("3"), "Noted.", FOUND]
    wrapped = with_memory(ScriptedChatModel(script=script), "ana", store=store)
    wrapped.invoke("I live in Lisbon.")
    assert wrapped.memory.flush()
    assert {"extract": 1} == wrapped.memory.stats()["failures"]
    wrapped.invoke("I live in Lisbon.")
    wrapped.memory.close()

    assert ["Lives in Lisbon."] == [found.text for found in wrapped.memory.get_all()]


async def test_async_clients_extract_on_their_loop(server: OpenAIServer, store: InMemoryStore) -> None:
    """As a task that `aflush` waits for."""
    server.reply_with("Noted.", FOUND)
    async with openai.AsyncOpenAI(api_key=server.api_key, base_url=server.url, max_retries=0) as client:
        wrapped = with_memory(client, "ana", store=store)
        answer = await wrapped.chat.completions.create(**ASK)
        await wrapped.memory.aflush()

        assert "Noted." == answer.choices[0].message.content
        assert ["Lives in Lisbon."] == [found.text for found in await wrapped.memory.aget_all()]


@pytest.mark.parametrize("streaming", [False, True])
async def test_chat_models_extract_in_a_thread(store: InMemoryStore, streaming: bool) -> None:
    """Async and streamed calls too; closing waits for what is under way."""
    wrapped = with_memory(ScriptedChatModel(script=["Noted.", FOUND]), "ana", store=store)
    if streaming:
        said = "".join([str(chunk.content) async for chunk in wrapped.astream("I live in Lisbon.")])
    else:
        said = (await wrapped.ainvoke("I live in Lisbon.")).content
    await wrapped.memory.aclose()

    assert "Noted." == said
    assert ["Lives in Lisbon."] == [found.text for found in await wrapped.memory.aget_all()]
