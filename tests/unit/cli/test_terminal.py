"""Writing to terminals, and to what is none."""

from __future__ import annotations

import io

import pytest

from warmgraph.cli.terminal import Terminal, printable, shorten


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return True


def test_styles_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets styles, a file does not, and NO_COLOR or a dumb terminal turns them off."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[2mx\x1b[0m" == Terminal(Screen()).dim("x")
    assert "x" == Terminal(io.StringIO()).dim("x")

    monkeypatch.setenv("NO_COLOR", "1")
    assert "x" == Terminal(Screen()).red("x")

    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "x" == Terminal(Screen()).bold("x")


def test_progress_leaves_no_trace() -> None:
    """A line of progress is gone when the next line is written, and a file never sees one."""
    screen, file = Screen(), io.StringIO()
    for out in (screen, file):
        terminal = Terminal(out)
        terminal.progress("1/2")
        terminal.write("done")

    assert screen.getvalue().endswith("\r\x1b[Kdone\n")
    assert "done\n" == file.getvalue()


def test_what_cannot_be_encoded_is_escaped() -> None:
    """An output in ASCII does not end the program."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Terminal(out).write("Tomé")

    assert b"Tom\\xe9\n" == raw.getvalue()


def test_memories_cannot_steer_the_terminal() -> None:
    """Escape sequences and marks that reorder a line are taken out; letters of any script and emoji stay."""
    assert "[31mred" == printable("\x1b[31mred\x07")
    assert "abc" == printable("a\u202eb\u2066c")
    assert "Tomé 住在 👩\u200d🔬" == printable("Tomé 住在 👩\u200d🔬")
    assert "one two…" == shorten("one\n\ttwo three", 8)
