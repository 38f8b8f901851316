"""The file: made, opened again, and left alone where it is not ours."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from warmgraph.errors import StoreCorruptError, StoreUnavailableError, StoreVersionError
from warmgraph.store import RoutedStore
from warmgraph.store.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION


def pragma(path: Path, name: str) -> object:
    """Read a pragma through a connection of our own."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]
    finally:
        connection.close()


def test_a_new_file_says_whose_it_is(tmp_path: Path) -> None:
    """The header names the application and the version; missing directories are made."""
    path = tmp_path / "a" / "b" / "memory.db"
    with RoutedStore(path) as store:
        store.put(("n",), "k", {})
    assert (APPLICATION_ID, SCHEMA_VERSION, "wal") == tuple(
        pragma(path, name) for name in ("application_id", "user_version", "journal_mode")
    )
    assert "ok" == pragma(path, "integrity_check")


def test_a_database_of_something_else_is_not_touched(tmp_path: Path) -> None:
    """Not even its journal mode changes."""
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE items (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="something else"):
        RoutedStore(path)
    assert before == path.read_bytes()
    assert ["other.db"] == [each.name for each in tmp_path.iterdir()]


def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path) -> None:
    """A text file is refused, and stays what it is."""
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk\n" * 100)
    with pytest.raises(StoreCorruptError, match=r"notes\.txt"):
        RoutedStore(path)
    assert "remember the milk\n" * 100 == path.read_text()


def test_a_file_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    """An older program refuses it, and says what to do."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) as store:
        store.put(("n",), "k", {"n": 1})
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreVersionError, match="upgrade"):
        RoutedStore(path)
    assert SCHEMA_VERSION + 1 == pragma(path, "user_version")


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """As made by `touch` or by a temporary file."""
    path = tmp_path / "memory.db"
    path.touch()
    with RoutedStore(path) as store:
        store.put(("n",), "k", {"n": 1})
    with RoutedStore(path) as store:
        item = store.get(("n",), "k")
        assert item is not None
        assert {"n": 1} == item.value


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """One makes the tables, and all can write."""
    path = tmp_path / "memory.db"
    start = threading.Barrier(8)
    failures: list[BaseException] = []

    def open_and_write(n: int) -> None:
        try:
            start.wait(30)
            with RoutedStore(path) as store:
                store.put(("n",), str(n), {})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [] == failures
    with RoutedStore(path) as store:
        assert {str(n) for n in range(8)} == {item.key for item in store.search(("n",))}


@pytest.mark.parametrize("name", ["what?.db", "50%25.db", "a#b.db", "ünïcode 名.db", "file:x.db", "a'b.db"])
def test_any_name_of_a_file_is_a_file(tmp_path: Path, name: str) -> None:
    """Names are names, not addresses with parameters."""
    with RoutedStore(tmp_path / name) as store:
        store.put(("n",), "k", {"n": 1})
        assert [("n",)] == store.list_namespaces()
    assert name in [each.name for each in tmp_path.iterdir()]


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """What cannot be opened is a typed error that names it."""
    with pytest.raises(StoreUnavailableError, match=tmp_path.name):
        RoutedStore(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError):
        RoutedStore(tmp_path / "file" / "memory.db")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_gone_takes_no_writes(tmp_path: Path, replaced: bool) -> None:
    """What is written to a file without a name would be lost: it is refused, and no empty file is left behind."""
    path = tmp_path / "memory.db"
    store = RoutedStore(path)
    store.put(("n",), "k", {"n": 1})
    for each in tmp_path.iterdir():
        each.unlink()
    if replaced:
        RoutedStore(path).close()
    with pytest.raises(StoreUnavailableError, match="removed or replaced"):
        store.put(("n",), "k", {"n": 2})
    item = store.get(("n",), "k")  # what is open can still be read
    assert item is not None
    assert {"n": 1} == item.value
    while store._database._idle:
        store._database._idle.pop().close()
    with pytest.raises(StoreUnavailableError, match=r"memory\.db"):  # and not what another file holds
        store.get(("n",), "k")
    assert replaced == path.exists()
    store.close()


def test_a_relative_name_stays_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that moves to another directory keeps its store."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with RoutedStore("memory.db") as store:
        store.put(("n",), "k", {"n": 1})
        monkeypatch.chdir(tmp_path / "elsewhere")
        item = store.get(("n",), "k")
        assert item is not None
        assert [] == list((tmp_path / "elsewhere").iterdir())
        assert store.stats().file_bytes > 0
