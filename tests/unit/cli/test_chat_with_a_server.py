"""`warmgraph chat --url` against a real `langgraph dev`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dev_server import DevServer
from tests.openai_server import Fault, OpenAIServer
from warmgraph.cli import main

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]

Chat = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """One server for all tests here."""
    with DevServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def chat(server: DevServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Chat:
    """Pipe lines into `warmgraph chat` with the server; return its code and what it wrote."""

    def run(*lines: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = main(["chat", "--url", server.url, *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_the_server_remembers(chat: Chat) -> None:
    """What was said is recalled in another thread and another run, with receipts, and other users see nothing of it."""
    code, said = chat("I live in Lisbon.", "/new", "Where do I live?", options=("--user", "ana@example.org"))
    _, again = chat("Where do I live?", "/memories", options=("--user", "ana@example.org"))
    _, other = chat("Where do I live?", "/memories", options=("--user", "bob"))

    assert 0 == code
    assert "recalled 2 memories from " in said.split("/new")[1]
    assert "~ remembered 2 messages; " in said
    assert "Lisbon" in again.split("/memories")[0]
    assert "user  I live in Lisbon." in again.split("/memories")[1]
    assert "Lisbon" not in other


def test_a_thread_of_the_server_is_taken_up_again(chat: Chat) -> None:
    """With --thread the server's own history goes on, and nothing needs to be recalled."""
    thread = ("--user", "mei", "--thread", "00000000-0000-4000-8000-000000000001")
    chat("We go to Naxos in June.", options=thread)

    _, said = chat("Where do we go in June?", options=thread)

    assert "recalled 0 memories" in said
    assert "Naxos" in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--assistant", "nothing"), "(404): Graph 'nothing' not found"),
        (("--assistant", "00000000-0000-4000-8000-000000000009"), "(404)"),
        (("--thread", "nothing"), "(422): Invalid thread ID"),
    ],
    ids=["graph", "assistant", "thread"],
)
def test_what_the_server_does_not_have_is_told(options: tuple[str, ...], told: str, chat: Chat) -> None:
    """A wrong graph, assistant or thread ends it before anything is said."""
    code, said = chat("Hello", options=options)

    assert 1 == code
    assert told in said
    assert "agent>" not in said


def test_an_assistant_may_be_named_by_its_id(chat: Chat, server: DevServer) -> None:
    """An id instead of the graph's name talks to the same agent."""
    with server.client() as client:
        [assistant] = client.assistants.search(graph_id="memory_agent", limit=1)

    code, said = chat("Hello", options=("--assistant", assistant["assistant_id"]))

    assert 0 == code
    assert "agent> Hello" in said


def test_a_graph_without_a_model_answers_nothing(chat: Chat) -> None:
    """Any graph of the server can be talked to; what it does not answer stays empty."""
    code, said = chat("Hello", "/help", options=("--assistant", "recall"))

    assert 0 == code
    assert "agent> \n" in said
    assert "/memories [WORDS]" in said


def test_failures_on_the_server_do_not_end_the_chat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that fails on the server, and a server that goes away, are one line each; the rest is answered."""

    class Script(io.StringIO):
        def __iter__(self) -> Iterator[str]:  # type: ignore[override]
            model.fail(Fault("error", 401, "invalid_api_key"), times=1)
            yield "Hello.\n"
            yield "I live in Lisbon.\n"
            server.kill()
            yield "Where do I live?\n"

    with (
        OpenAIServer() as model,
        DevServer(tmp_path / "server", environment={**model.environment, "WARMGRAPH_EMBED": "hashing"}) as server,
    ):
        monkeypatch.setattr(sys, "stdin", Script())
        code = main(["chat", "--url", server.url])
    said = capsys.readouterr().out

    refused, answered, gone = said.split("you> ")[1:]
    assert 1 == code
    assert "! the model does not accept the key (401): check OPENAI_API_KEY (the server reports " in refused
    assert "agent> You said: " in answered
    assert "~ remembered 3 messages" in answered
    assert f"! the server at {server.url} cannot be reached" in gone
