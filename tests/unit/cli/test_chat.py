"""`warmgraph chat`: lines in, answers and receipts out; what was said is remembered."""

from __future__ import annotations

import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.openai_server import Fault, OpenAIServer
from warmgraph.cli import main

Chat = Callable[..., tuple[int, str]]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "memory.db"


@pytest.fixture
def chat(db: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Chat:
    """Pipe lines into `warmgraph chat` on the same file each time; return its code and what it wrote."""

    def run(*lines: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = main(["chat", "--db", str(db), *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_it_remembers_across_invocations(chat: Chat) -> None:
    """What was said in one run is recalled in the next, in another thread."""
    chat("I live in Lisbon and my dog is called Bruma.")

    code, said = chat("What is my dog called?")

    assert 0 == code
    assert "you> What is my dog called?\nagent> " in said
    assert "Bruma" in said
    assert "~ recalled 2 memories from long term: warm miss (first touch of this namespace)" in said
    assert "~ remembered 2 messages; " in said


def test_users_do_not_share(chat: Chat) -> None:
    """Another user of the same file recalls nothing."""
    chat("I live in Lisbon.", options=("--user", "ana"))

    _, asked_by_other = chat("Where do I live?", "/memories Lisbon", options=("--user", "ana@example.org"))
    _, asked_by_ana = chat("Where do I live?", options=("--user", "ana"))

    assert "Lisbon" not in asked_by_other.replace("/memories Lisbon", "")
    assert "Lisbon" in asked_by_ana


def test_a_new_thread_knows_what_is_remembered(chat: Chat) -> None:
    """After /new the agent answers from memory, because the thread is empty."""
    _, said = chat("I live in Lisbon.", "/new", "Where do I live?")

    first, second = said.split("you> /new")
    assert "recalled 0 memories" in first
    assert "recalled 2 memories from warm" in second
    assert "Lisbon" in second


def test_a_thread_is_taken_up_again(chat: Chat) -> None:
    """A thread that is named again has its messages back: they need not be recalled, and are not written twice."""
    thread = ("--thread", "holidays")
    chat("We go to Naxos in June.", options=thread)

    _, said = chat("Where do we go in June?", "/memories", options=thread)

    assert "recalled 0 memories" in said
    assert "Naxos" in said.split("you> /memories")[0]
    assert 1 == said.split("you> /memories")[1].count("user  We go to Naxos in June.")
    assert 2 == said.split("you> /memories")[1].count("assistant  ")


def test_memories_are_listed(chat: Chat) -> None:
    """/memories shows the newest first, or those that words find."""
    _, nothing = chat("/memories", "/memories castles")
    _, newest = chat("I live in Lisbon.", "My boat is blue.", "/memories")
    _, found = chat("/memories lisbon")

    assert "nothing is remembered of you" in nothing
    assert "nothing like that is remembered of you" in nothing
    listed = newest.split("you> /memories")[1]
    assert listed.index("My boat is blue.") < listed.index("I live in Lisbon.")
    assert "Lisbon" in found.split("you> /memories lisbon\n")[1].splitlines()[0]


def test_commands_are_not_said_to_the_agent(chat: Chat) -> None:
    """Commands are no messages; an unknown one is told so and counts as a failure; /quit ends before what follows."""
    code, said = chat("/help", "/forget everything", "/quit", "I live in Lisbon.")
    _, listed = chat("/memories")

    assert 1 == code
    assert "/memories [WORDS]" in said
    assert "There is no command /forget. /help lists them." in said
    assert "Lisbon" not in said + listed


def test_empty_lines_say_nothing(chat: Chat) -> None:
    """A blank line is skipped, and an empty input is no error."""
    assert "agent>" not in chat("", "   ")[1]
    assert 0 == chat()[0]


def test_nothing_but_text_comes_out_of_a_pipe(chat: Chat) -> None:
    """Without a terminal there are no styles, and what was said cannot send any."""
    _, said = chat("I live in \x1b[31mLisbon.", "/memories")

    assert "\x1b" not in said


def test_a_file_of_something_else_ends_it(db: Path, chat: Chat) -> None:
    """The file is named in one line, and nothing is asked."""
    db.write_bytes(b"this is not a database, whatever its name says " * 99)

    code, said = chat("Hello")

    assert 1 == code
    assert said.startswith("warmgraph chat: ")
    assert "memory.db" in said
    assert 1 == said.count("\n")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--model", "nothing-like-it"), "model: expected"),
        (("--model", "openai:x"), "KEY"),
    ],
    ids=["no such model", "no key"],
)
def test_options_that_cannot_be_used_end_it(options: tuple[str, ...], told: str, db: Path, chat: Chat) -> None:
    """Whoever asks for a model that there is not, is told so before anything is written."""
    code, said = chat("Hello", options=options)

    assert 1 == code
    assert said.startswith("warmgraph chat: ")
    assert told in said
    assert not db.exists()


def test_the_default_file_is_that_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --db memories are where the server keeps them: $WARMGRAPH_DB, else .warmgraph/memory.db."""
    monkeypatch.chdir(tmp_path)
    for name in ("", str(tmp_path / "elsewhere" / "m.db")):
        monkeypatch.setenv("WARMGRAPH_DB", name)
        monkeypatch.setattr(sys, "stdin", io.StringIO("I live in Lisbon.\n"))
        assert 0 == main(["chat"])

    assert "memories in .warmgraph/memory.db" in capsys.readouterr().out
    assert (tmp_path / ".warmgraph" / "memory.db").is_file()
    assert (tmp_path / "elsewhere" / "m.db").is_file()


# ------------------------------------------------------------------------------------------- models that fail


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Serve a chat model on the loopback interface, and point the environment there; memories are ranked offline."""
    monkeypatch.setenv("WARMGRAPH_EMBED", "hashing")
    with OpenAIServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.mark.parametrize(
    ("fault", "times", "told"),
    [
        (Fault("error", status=429, code="rate_limit_exceeded", retry_after_ms=1), 3, "allows no more requests now"),
        (Fault("error", status=503, retry_after_ms=1), 3, "the model failed (503)"),
        (Fault("drop", tokens=2), 1, "the connection to the model broke off in the middle of the answer"),
    ],
    ids=["rate limit", "server error", "dropped stream"],
)
def test_a_model_that_fails_does_not_end_the_chat(
    fault: Fault, times: int, told: str, server: OpenAIServer, chat: Chat
) -> None:
    """The failure is one clear line, the next message is answered, and a script sees it in the exit code."""
    server.fail(fault, times=times)

    code, said = chat("I live in Lisbon.", "I live in Porto.", options=("--model", "openai:any"))

    first, second = said.split("you> I live in Porto.")
    assert 1 == code
    assert 1 == first.count(f"! {told}") + first.count(f"! the model {told}")
    assert "Traceback" not in said
    assert "~ remembered" not in first
    assert "agent> You said: " in second
    assert "~ remembered 3 messages" in second


def test_a_wrong_key_is_told(server: OpenAIServer, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the server refuses is named as such, without repeating it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-this-one")

    code, said = chat("Hello", options=("--model", "openai:any"))

    assert 1 == code
    assert "! the model does not accept the key (401): check OPENAI_API_KEY" in said
    assert "sk-not" not in said


# ---------------------------------------------------------------------------------------------------- servers


def test_a_server_that_does_not_run_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --url and no server behind it, one line says so, and how to start one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))

    assert 1 == main(["chat", "--url", f"http://127.0.0.1:{port}"])
    said = capsys.readouterr().err
    assert f"warmgraph chat: the server at http://127.0.0.1:{port} cannot be reached" in said
    assert "make run" in said


def test_a_missing_client_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without langgraph_sdk the line says what to install."""
    monkeypatch.setitem(sys.modules, "langgraph_sdk", None)

    assert 1 == main(["chat", "--url", "http://127.0.0.1:1"])
    assert "langgraph_sdk is not installed; it comes with: pip install 'warmgraph[server]'" in capsys.readouterr().err


@pytest.fixture
def other_server() -> Iterator[str]:
    """The address of a web server that is no LangGraph server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def test_a_server_of_another_kind_is_told(
    other_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --url of something that is no LangGraph server, one line says so."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))

    assert 1 == main(["chat", "--url", other_server])
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"warmgraph chat: the server at {other_server} is no LangGraph server: it answers 501 to /ok" == said


@pytest.mark.parametrize("url", ["localhost:2024", "http://", "nonsense"])
def test_an_address_that_is_none_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped address ends in one line, too."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))

    assert 1 == main(["chat", "--url", url])
    said = capsys.readouterr().err
    assert f"warmgraph chat: --url: {url} is no address; write it like http://127.0.0.1:2024\n" == said
