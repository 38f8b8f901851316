"""Files of older versions: brought to the present one, step by step, or left as they were."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import StoreUnavailableError, StoreVersionError
from warmgraph.store import RoutedStore
from warmgraph.store.sqlite import migrations
from warmgraph.store.sqlite.schema import SCHEMA_VERSION
from warmgraph.testing import ManualClock

OLD_FILES = sorted((Path(__file__).parents[3] / "data").glob("schema_v*.sql"))
ANA, BOB = ("memories", "ana"), ("memories", "bob")
WRITTEN = datetime(2026, 5, 17, 9, 30, tzinfo=UTC)
INDEX: Any = {"embed": HashingEmbeddings(8), "dims": 8, "fields": ["content"]}


def version_of(path: Path) -> int:
    """Read the version of a file's tables."""
    connection = sqlite3.connect(path)
    try:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version
    finally:
        connection.close()


def tables_of(path: Path) -> dict[str, str]:
    """Return the statements that made a file's tables and indexes."""
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
    finally:
        connection.close()


@pytest.fixture(params=OLD_FILES, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Make a file as an older version left it."""
    path = tmp_path / "memory.db"
    connection = sqlite3.connect(path)
    connection.executescript(request.param.read_text(encoding="utf-8"))
    connection.close()
    return path


def test_every_older_version_has_a_file_here() -> None:
    """A new version keeps a file of the one before, and a step that leads away from it."""
    assert [f"schema_v{version}" for version in range(1, SCHEMA_VERSION)] == [path.stem for path in OLD_FILES]
    assert list(range(1, SCHEMA_VERSION)) == sorted(migrations.MIGRATIONS)


def test_an_old_file_is_as_it_was(old: Path) -> None:
    """Values, times, lifetimes, threads, vectors and what we keep for ourselves are there, and can be changed."""
    clock = ManualClock(WRITTEN + timedelta(minutes=6))
    with RoutedStore(old, index=INDEX, clock=clock) as store:
        item = store.get(ANA, "a-0")
        assert item is not None
        assert ("I live in Lisbon.", WRITTEN, WRITTEN) == (item.value["content"], item.created_at, item.updated_at)
        assert ["plain", "two-texts", "a-3", "a-2", "a-1", "a-0"] == [each.key for each in store.search(ANA)]
        assert pytest.approx(1.0) == store.search(ANA, query="I live in Lisbon.")[0].score
        assert pytest.approx(1.0) == store.search(ANA, query="a small brown dog")[0].score
        assert "a-3" == store.recall_long_term(ANA, "bakery").items[0].key
        assert {"b-0", "mortal", "other-model"} == {each.key for each in store.search(BOB)}
        assert "quote ' and \n newline" == store.search(("ünïcode",))[0].value["content"]
        clock.advance(minutes=60)
        assert 1 == store.sweep_ttl()
        store.put(ANA, "new", {"content": "My sister lives in Porto."})
        store.delete(ANA, "a-0")
        assert "new" == store.search(ANA, query="My sister lives in Porto.")[0].key
        assert 1 == store.reembed().embedded
        store._check()
    connection = sqlite3.connect(old)
    assert [("memories.ana", "watermark", '{"message": "m-4"}')] == connection.execute("SELECT * FROM state").fetchall()
    assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    assert [] == connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()


def test_a_migrated_file_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    """Tables and indexes are word for word the same, and opening it once more changes nothing."""
    RoutedStore(old).close()
    for dims in (8, 4):  # the models of which the old files hold vectors
        with RoutedStore(tmp_path / "new.db", index={"embed": HashingEmbeddings(dims), "dims": dims}) as store:
            store.put(ANA, str(dims), {"content": "a dog"})
    assert SCHEMA_VERSION == version_of(old) == version_of(tmp_path / "new.db")
    assert tables_of(tmp_path / "new.db") == tables_of(old)
    before = old.read_bytes()
    RoutedStore(old).close()
    assert before == old.read_bytes()


def test_a_step_that_fails_leaves_the_file_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it stays, the error is typed, and a later try does it."""
    tables, version = tables_of(old), version_of(old)
    steps = dict(migrations.MIGRATIONS)

    def half(connection: sqlite3.Connection) -> None:
        steps[version](connection)
        raise OSError("no space left on device")

    monkeypatch.setattr(migrations, "MIGRATIONS", {**steps, version: half})
    with pytest.raises(StoreUnavailableError, match="no space"):
        RoutedStore(old)
    assert (tables, version) == (tables_of(old), version_of(old))
    monkeypatch.undo()
    with RoutedStore(old) as store:
        assert store.get(ANA, "a-0") is not None


def test_many_may_migrate_a_file_at_once(old: Path) -> None:
    """One does it, and all of them can use the file."""
    start = threading.Barrier(6)
    failures: list[BaseException] = []

    def use(n: int) -> None:
        try:
            start.wait(30)
            with RoutedStore(old, index=INDEX) as store:
                store.put(ANA, f"by-{n}", {"content": f"fact {n}"})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [] == failures
    with RoutedStore(old, index=INDEX) as store:
        assert {f"by-{n}" for n in range(6)} <= {item.key for item in store.search(ANA, limit=100)}
        store._check()


def test_a_file_that_is_upgraded_while_it_is_open_takes_no_more_writes(tmp_path: Path) -> None:
    """A newer version that migrates the file beneath an older one need not fear what that would write."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) as store:
        store.put(ANA, "k", {"content": "a dog"})
        newer = sqlite3.connect(path, isolation_level=None)
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        with pytest.raises(StoreVersionError, match="restart"):
            store.put(ANA, "k", {"content": "a cat"})
        item = store.get(ANA, "k")
        assert item is not None
        assert {"content": "a dog"} == item.value
        newer.execute("ALTER TABLE items RENAME COLUMN value TO document")
        newer.close()
        with pytest.raises(StoreVersionError, match="restart"):
            store.get(ANA, "k")
