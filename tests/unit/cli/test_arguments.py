"""Arguments that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from warmgraph.cli import main
from warmgraph.cli.arguments import check_database
from warmgraph.cli.failures import CommandError

NOBODY = 65534


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--user", ""], "argument --user: expected a name, got ''"),
        (["--user", " "], "argument --user: expected a name, got ' '"),
        (["--user", "\udcff"], "argument --user: expected a name, got '\\udcff'"),
        (["--db", ""], "argument --db: expected the name of a file, got ''"),
    ],
    ids=["no user", "blank user", "undecodable user", "no file"],
)
def test_what_names_nothing_is_a_usage_error(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty name, as an unset variable of a script gives it, is told by the name of the option."""
    with pytest.raises(SystemExit, match="2"):
        main(["chat", *arguments])

    assert told in capsys.readouterr().err


@pytest.mark.parametrize("command", ["chat", "demo"])
def test_a_directory_is_no_memory_file(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that opens a file says so in one line, with a name that would do."""
    assert 1 == main([command, "--db", str(tmp_path)])

    said = capsys.readouterr()
    expected = f"warmgraph {command}: --db: {tmp_path} is a directory; name a file, such as {tmp_path}/memory.db\n"
    assert expected == said.err


def test_the_variable_is_named_where_it_named_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --db a bad file is one of WARMGRAPH_DB, and the line says so."""
    monkeypatch.setenv("WARMGRAPH_DB", str(tmp_path))

    assert 1 == main(["chat"])
    assert f"warmgraph chat: WARMGRAPH_DB: {tmp_path} is a directory" in capsys.readouterr().err


def test_missing_directories_are_no_hindrance(tmp_path: Path) -> None:
    """They are made with the file."""
    check_database(tmp_path / "a" / "b" / "memory.db")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that any user may look into, unlike pytest's own."""
    with TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def ordinary_user() -> Iterator[Callable[[], None]]:
    """Become a user whom permissions bind, as root is not, when called and until the end of the test."""
    root = os.geteuid() == 0
    yield lambda: os.seteuid(NOBODY) if root else None
    if root:
        os.seteuid(0)


def a_file(path: Path, mode: int) -> Path:
    """Make a file with permissions."""
    path.touch()
    path.chmod(mode)
    return path


def in_a_closed_directory(folder: Path, mode: int) -> Path:
    """Return a file in a directory with permissions."""
    inner = folder / "inner"
    inner.mkdir()
    a_file(inner / "memory.db", 0o666)
    inner.chmod(mode)
    return inner / "memory.db"


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda folder: a_file(folder / "a", 0o644) / "b" / "m.db", "cannot be made: .*a is a file"),
        (lambda folder: Path(os.devnull), "is no regular file|may not be written to"),
        (lambda folder: a_file(folder / "m.db", 0o222), "m.db may not be read"),
        (lambda folder: a_file(folder / "m.db", 0o444), "m.db is read-only"),
        (lambda folder: in_a_closed_directory(folder, 0o555), "the directory .*inner may not be written to"),
        (lambda folder: in_a_closed_directory(folder, 0o000), "inner/memory.db|inner may not be written to"),
        (lambda folder: folder / ("x" * 300) / "m.db", "File name too long"),
    ],
    ids=["below a file", "a device", "unreadable", "read-only", "read-only folder", "closed folder", "too long"],
)
def test_a_file_that_cannot_be_used_is_told_in_words(
    prepare: Callable[[Path], Path], told: str, folder: Path, ordinary_user: Callable[[], None]
) -> None:
    """SQLite would say "unable to open database file" to all of these."""
    path = prepare(folder)
    folder.chmod(0o777)
    ordinary_user()

    with pytest.raises(CommandError, match=told):
        check_database(path)
