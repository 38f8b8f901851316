"""Compaction: the space of what was deleted goes back to the disk, while others read and write."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from langgraph.store.base import PutOp

from warmgraph.store import RoutedStore

NS = ("memories", "ana")
PAGES = 200


def fill(store: RoutedStore) -> None:
    """Write some megabytes, and delete nearly all of it."""
    for start in range(0, PAGES, 50):
        store.batch([PutOp(NS, str(n), {"content": "x" * 8_000}) for n in range(start, start + 50)])
    store.batch([PutOp(NS, str(n), None) for n in range(1, PAGES)])


def test_space_goes_back_to_the_disk(tmp_path: Path) -> None:
    """The file is small again, the log is empty, and what is left is all there."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) as store:
        fill(store)
        done = store.compact()
        assert done.bytes_before > 1_500_000 > 200_000 > done.bytes_after == store.stats().file_bytes
        assert 0 == (tmp_path / "memory.db-wal").stat().st_size
        assert ["0"] == [item.key for item in store.search(NS)]
        store.put(NS, "k", {"content": "dog"})
        store._check()
    connection = sqlite3.connect(path)
    assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()


def test_a_file_of_an_older_version_is_rewritten_once(tmp_path: Path) -> None:
    """One that was made without incremental vacuum gets it with its first compaction."""
    path = tmp_path / "memory.db"
    old = (Path(__file__).parents[2] / "data" / "schema_v1.sql").read_text(encoding="utf-8")
    connection = sqlite3.connect(path)
    connection.executescript(old)
    connection.close()
    with RoutedStore(path) as store:
        fill(store)
        assert store.compact().bytes_after < 200_000
        connection = sqlite3.connect(path)
        assert (2,) == connection.execute("PRAGMA auto_vacuum").fetchone()
        connection.close()
        assert "a-3" == store.recall_long_term(NS, "bakery").items[0].key


def test_a_reader_holds_up_nobody(tmp_path: Path) -> None:
    """While another process reads an older state the log stays, and compaction returns all the same."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) as store:
        fill(store)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM items").fetchone()
        store.put(NS, "later", {"content": "dog"})
        store.compact()
        assert before == reader.execute("SELECT count(*) FROM items").fetchone()
        reader.execute("COMMIT")
        reader.close()
        assert store.compact().bytes_after < 200_000


async def test_compaction_does_not_block_an_event_loop(tmp_path: Path) -> None:
    """The async form does the same."""
    async with await asyncio.to_thread(RoutedStore, tmp_path / "memory.db") as store:
        await asyncio.to_thread(fill, store)
        assert (await store.acompact()).bytes_after < 200_000


def test_a_store_in_memory_has_no_file_to_make_smaller() -> None:
    """Compaction is no error there."""
    with RoutedStore(":memory:") as store:
        assert (0, 0) == (store.compact().bytes_before, store.compact().bytes_after)
