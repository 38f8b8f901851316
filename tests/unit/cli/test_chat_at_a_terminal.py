"""`warmgraph chat` at a terminal: a prompt, styles, Ctrl-C and Ctrl-D."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from tests.openai_server import OpenAIServer, Reply


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "memory.db"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Serve a chat model on the loopback interface, and point the environment there; memories are ranked offline."""
    monkeypatch.setenv("WARMGRAPH_EMBED", "hashing")
    with OpenAIServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


# The line break after Ctrl-C: a signal between the prompt and the wait for input is only seen with the next input.
@pytest.mark.parametrize("leave", ["/quit\n", "\x04", "\x03\n"], ids=["/quit", "Ctrl-D", "Ctrl-C"])
@pytest.mark.parametrize("no_color", ["", "1"], ids=["color", "no color"])
def test_at_a_terminal_it_asks(no_color: str, leave: str, db: Path) -> None:
    """A terminal gets a prompt and dim receipts unless NO_COLOR is set; /quit, Ctrl-D and Ctrl-C all end it well."""
    with Desk("--db", str(db), environment={"NO_COLOR": no_color}) as desk:
        desk.read_until("you> ")
        desk.type("I live in Lisbon.\n")
        desk.read_until("remembered 2 messages", "you> ")
        desk.type(leave)

        assert 0 == desk.wait()
    assert ("\x1b[2m  ~ remembered 2 messages" in desk.seen) == (not no_color)
    assert "Traceback" not in desk.seen


def test_ctrl_c_stops_an_answer(server: OpenAIServer, db: Path) -> None:
    """A model that does not answer is given up at once on Ctrl-C, and the chat goes on."""
    asked, enough = threading.Event(), threading.Event()

    def hesitate(body: dict[str, Any]) -> Reply:
        if not asked.is_set():
            asked.set()
            enough.wait()
        return Reply("Noted.")

    server.responder = hesitate
    try:
        with Desk("--db", str(db), "--model", "openai:any") as desk:
            desk.read_until("you> ")
            desk.type("Hello\n")
            assert asked.wait(60)
            desk.type("\x03")
            desk.read_until("! stopped", "you> ")
            desk.type("I live in Porto.\n")
            desk.read_until("Noted.", "remembered 3 messages", "you> ")
            desk.type("/quit\n")

            assert 0 == desk.wait()
    finally:
        enough.set()
    assert "Traceback" not in desk.seen


class Desk:
    """A person at a terminal, in which `warmgraph chat` runs."""

    def __init__(self, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.seen = ""
        self._options = options
        self._environment = {**os.environ, "TERM": "xterm", **(environment or {})}

    def __enter__(self) -> Self:
        self._terminal, theirs = pty.openpty()
        self._chat = subprocess.Popen(
            [sys.executable, "-m", "warmgraph.cli", "chat", *self._options],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self._environment,
            start_new_session=True,
            preexec_fn=_take_terminal,  # so that Ctrl-C reaches it
        )
        os.close(theirs)
        return self

    def __exit__(self, *error: object) -> None:
        self._chat.kill()
        self._chat.wait()
        os.close(self._terminal)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def read_until(self, *wanted: str) -> None:
        """Wait until all of `wanted` has been written, in order, since the last call."""
        pattern = re.compile(".*?".join(map(re.escape, wanted)), re.DOTALL)
        new = ""
        while not pattern.search(new):
            read = self._read()
            assert read, f"it ended before it wrote {wanted}:\n{self.seen}"
            new += read

    def wait(self) -> int:
        """Wait for the end of the program; return its exit code."""
        while self._read():
            pass
        return self._chat.wait()

    def _read(self) -> str:
        try:
            read = os.read(self._terminal, 4096).decode(errors="replace")
        except OSError:  # the other side is closed
            read = ""
        self.seen += read
        return read


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
