"""The program: its help, and how commands end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from warmgraph import __version__
from warmgraph.cli import main

PROGRAM = [sys.executable, "-m", "warmgraph.cli"]


def ended(code: SystemExit | None) -> object:
    """Return the exit code that argparse chose."""
    return code.code if code is not None else None


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names every command with what it does, and ends well."""
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    said = capsys.readouterr().out
    assert 0 == ended(stopped.value)
    assert [] == [
        command for command in ("chat", "demo", "inspect", "reembed", "bench") if f"\n    {command} " not in said
    ]


@pytest.mark.parametrize(
    "command",
    [
        ["chat"],
        ["demo"],
        ["inspect"],
        ["reembed"],
        ["bench"],
        ["bench", "turn"],
        ["bench", "store"],
        ["bench", "import"],
        ["bench", "inline"],
    ],
    ids=" ".join,
)
def test_each_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a command says how to call it and what its options are."""
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])

    said = capsys.readouterr().out
    assert 0 == ended(stopped.value)
    assert f"usage: warmgraph {' '.join(command)}" in said
    assert "--debug" in said


def test_the_benchmark_says_how_its_results_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a benchmark holds the command that writes the committed file."""
    with pytest.raises(SystemExit):
        main(["bench", "turn", "--help"])

    assert "warmgraph bench turn --json bench/results/turn.json" in capsys.readouterr().out


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` is the version of the installed package."""
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])

    assert 0 == ended(stopped.value)
    assert f"warmgraph {__version__}\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["forget"],
        ["chat", "--nothing"],
        ["demo", "--k", "0"],
        ["demo", "--conversation", "conv-1"],
        ["bench"],
        ["chat", "--url", "http://127.0.0.1:1", "--db", "memory.db"],
    ],
    ids=" ".join,
)
def test_arguments_that_make_no_sense_are_usage_errors(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be read ends with code 2 and the usage, before anything is done."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    assert 2 == ended(stopped.value)
    assert "usage: warmgraph" in capsys.readouterr().err


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    """Neither numpy nor LangGraph nor a model client is loaded to print the help."""
    code = (
        "import sys, contextlib, io\n"
        "from warmgraph.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main(['chat', '--help'])\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert [] == [name for name in ("numpy", "sklearn", "langgraph", "langchain_core", "openai") if name in loaded]


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --debug there is no traceback; the line names the command."""
    assert 1 == main(["demo", "--data", "/no/such/place"])

    said = capsys.readouterr()
    assert "" == said.out
    assert "warmgraph demo: --data: /no/such/place: no such directory\n" == said.err


@pytest.mark.parametrize("arguments", [["--debug", "demo"], ["demo", "--debug"]], ids=["before", "after"])
def test_debug_shows_the_traceback(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With --debug, before or after the command, the traceback comes before that line."""
    assert 1 == main([*arguments, "--data", "/no/such/place"])

    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):")
    assert said.endswith("warmgraph demo: --data: /no/such/place: no such directory\n")


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    """`warmgraph demo | head -1` ends as other programs do: no traceback, and the code of a broken pipe."""
    with subprocess.Popen(
        [*PROGRAM, "demo", "--questions", "20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        first = running.stdout.readline()
        running.stdout.close()
        errors = running.stderr.read()

    assert first.startswith("Replaying the bundled conversations")
    assert "" == errors
    assert 141 == running.returncode


def test_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    """An interrupt ends a running command with the code of shells, and no traceback."""
    with subprocess.Popen(
        [*PROGRAM, "demo", "--db", str(tmp_path / "memory.db")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        errors = running.stderr.read()

    assert "" == errors.strip()
    assert 130 == running.returncode


def chat(
    redirected: str, said: bytes, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `warmgraph chat` in a shell, with its streams redirected."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -m warmgraph.cli chat --db memory.db {redirected}', sys.executable],
        input=said,
        capture_output=True,
        env={**os.environ, **(environment or {})},
        check=False,
    )


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run where nothing is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_closed_input_is_the_end_of_the_conversation(in_a_folder: Path) -> None:
    """`warmgraph chat <&-` greets and ends well."""
    done = chat("<&-", b"")

    assert (0, b"") == (done.returncode, done.stderr)
    assert done.stdout.startswith(b"warmgraph chat with model offline, memories in memory.db\n")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_closed_output_costs_no_memory(in_a_folder: Path, closed: str) -> None:
    """Nobody sees the answer; what was said is remembered, and nothing is printed into the memory file."""
    done = chat(closed, b"I live in Lisbon.\n")
    assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)

    listed = chat("", b"/memories\n").stdout
    assert b"I live in Lisbon." in listed


def test_a_reader_of_a_chat_that_leaves_ends_it_quietly(in_a_folder: Path) -> None:
    """`warmgraph chat | head -1` is over when nobody reads any more."""
    done = chat("| head -1", b"Hello\n" * 500)

    assert b"" == done.stderr
    assert 1 == done.stdout.count(b"\n")


def test_a_full_disk_is_told(in_a_folder: Path) -> None:
    """What cannot be written is one line, and no bug."""
    done = chat("> /dev/full", b"Hello\n")

    assert (1, b"warmgraph chat: [Errno 28] No space left on device\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("encoding", "said", "shown"),
    [
        ("ascii", "Köln".encode(), b"you> K\\ufffd\\ufffdln\n"),
        ("latin-1", "Köln".encode("latin-1"), "you> Köln\n".encode("latin-1")),
        ("utf-8", "Köln".encode("latin-1"), "you> K\ufffdln\n".encode()),
    ],
)
def test_what_an_encoding_cannot_take_is_replaced(in_a_folder: Path, encoding: str, said: bytes, shown: bytes) -> None:
    """A conversation does not end at a byte that is no text, nor at a letter that the terminal does not know."""
    done = chat("", said + b"\n", {"PYTHONIOENCODING": encoding})

    assert (0, b"") == (done.returncode, done.stderr)
    assert shown in done.stdout


def test_the_script_is_the_same_program() -> None:
    """`python -m warmgraph.cli` and the installed script run the same function."""
    script = Path(sys.executable).with_name("warmgraph")
    said = [
        subprocess.run([*start, "--version"], capture_output=True, text=True, check=True).stdout
        for start in (PROGRAM, [str(script)])
    ]

    assert said[0] == said[1]
