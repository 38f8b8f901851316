"""`warmgraph inspect`: tells what is in a file, and leaves it alone."""

from __future__ import annotations

import json
import socket
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from warmgraph.cli import main
from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import StoreVersionError
from warmgraph.store import RoutedStore, inspect_file
from warmgraph.store.sqlite.schema import SCHEMA_VERSION
from warmgraph.testing import ManualClock

ANA, BOB = ("memories", "ana"), ("memories", "bob")
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(path: Path) -> RoutedStore:
    """Write memories of two users, and leave the store open."""
    index: Any = {"embed": HashingEmbeddings(8), "fields": ["content"]}
    store = RoutedStore(path, index=index, clock=ManualClock(START))
    for n in range(3):
        store.put(ANA, str(n), {"content": f"fact {n}\nof \x1b[2Jana"})
    store.put(BOB, "b", {"content": {"text": "structured"}})
    store.put(BOB, "mortal", {"content": "for a minute"}, ttl=1)
    store.put(("memories", "anabel"), "x", {"content": "hidden"}, index=False)
    return store


def listing(folder: Path) -> dict[str, bytes]:
    """Return the files of a directory, but for the lock table that readers share."""
    return {each.name: each.read_bytes() for each in folder.iterdir() if not each.name.endswith("-shm")}


@pytest.mark.parametrize("live", [True, False])
def test_it_tells_what_a_file_holds_and_changes_nothing(
    live: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts, models and the last memories; the same whether the file is in use or not."""
    path = tmp_path / "memory.db"
    store = fill(path)
    if not live:
        store.close()
    before = listing(tmp_path)
    assert 0 == main(["inspect", str(path), "--recent", "3"])
    said = capsys.readouterr().out
    assert before == listing(tmp_path)
    assert f"{path}: 5 memories in 3 namespaces" in said
    for line in ("memories.ana       3        0", "memories.bob       1        1", "memories.anabel    1        0"):
        assert line.split() == next(row for row in said.splitlines() if row.split()[:1] == line.split()[:1]).split()[:3]
    assert ["hashing-8", "8", "content", "5", "5", "160", "B", "in", "use"] in [
        row.split() for row in said.splitlines()
    ]
    assert "2026-01-01 00:00  memories.anabel.x  hidden" in said
    assert '{"text": "structured"}' in said
    assert "\x1b[2J" not in said
    store.close()


def test_a_namespace_is_shown_with_what_is_below_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole labels count, so one name that begins like another is not shown."""
    fill(tmp_path / "m.db").close()
    assert 0 == main(["inspect", str(tmp_path / "m.db"), "--namespace", "memories.ana", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [["memories", "ana"]] == [each["namespace"] for each in found["namespaces"]]
    assert (3, ["2", "1", "0"]) == (found["items"], [each["key"] for each in found["recent"]])
    assert "2026-01-01T00:00:00+00:00" == found["recent"][0]["updated_at"]
    assert 0 == main(["inspect", str(tmp_path / "m.db"), "--namespace", "memories", "--limit", "1"])
    assert "and 2 more" in capsys.readouterr().out


def test_a_writer_is_not_held_up(tmp_path: Path) -> None:
    """In the middle of a transaction of somebody else, what was committed before is shown, at once."""
    path = tmp_path / "memory.db"
    with fill(path) as store:
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM items")
        assert 5 == inspect_file(path, clock=ManualClock(datetime(2026, 1, 2, tzinfo=UTC))).items
        writer.execute("ROLLBACK")
        writer.close()
        assert 6 == inspect_file(path, clock=ManualClock(START)).items
        store.delete(ANA, "0")
        assert 5 == inspect_file(path, clock=ManualClock(START)).items


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "there is no such file"),
        (lambda path: path.touch(), "empty"),
        (lambda path: path.write_text("remember the milk\n" * 100), "not a database"),
        (lambda path: sqlite3.connect(path).executescript("CREATE TABLE t (x)").close(), "something else"),
    ],
)
def test_what_is_no_memory_file_is_refused(
    make: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says why, nothing is made, nothing is changed."""
    path = tmp_path / "memory.db"
    made = make(path)
    if made is not None and hasattr(made, "connection"):
        made.connection.close()
    before = [(each.name, each.is_file() and each.read_bytes()) for each in tmp_path.iterdir()]
    assert 1 == main(["inspect", str(path)])
    error = capsys.readouterr().err
    assert error.startswith(f"warmgraph inspect: {path}")
    assert said in error
    assert before == [(each.name, each.is_file() and each.read_bytes()) for each in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["missing.db"], "there is no such file"), (["memory.db", "--port", "70000"], "port: expected a number up to")],
)
def test_a_page_is_served_of_a_memory_file_alone(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be served is refused in one line, and no file is made."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "memory.db").close()
    assert 1 == main(["inspect", "--web", *arguments])
    assert said in capsys.readouterr().err
    assert not (tmp_path / "missing.db").exists()


def test_a_port_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rather than serving on another one than was asked for."""
    fill(tmp_path / "memory.db").close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert 1 == main(["inspect", "--web", str(tmp_path / "memory.db"), "--port", port])
    assert "port: expected one that is free" in capsys.readouterr().err


@pytest.mark.parametrize(("version", "said"), [(SCHEMA_VERSION + 1, "newer"), (1, "older")])
def test_a_file_of_another_version_is_refused(version: int, said: str, tmp_path: Path) -> None:
    """An older file is not brought up to date by looking at it."""
    path = tmp_path / "memory.db"
    fill(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(StoreVersionError, match=said):
        inspect_file(path)
