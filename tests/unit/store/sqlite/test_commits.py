"""Commits of others, seen from the outside."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from warmgraph.store.sqlite.commits import CommitWatch


def database(path: Path) -> sqlite3.Connection:
    """Open a file with a log that is truncated when it is begun anew."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA journal_size_limit = 0")
    connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
    return connection


def test_every_commit_is_seen_and_nothing_else(tmp_path: Path) -> None:
    """However fast they follow each other, and across checkpoints that begin the log anew."""
    connection = database(tmp_path / "a.db")
    watch = CommitWatch(str(tmp_path / "a.db"))
    for at in range(300):
        watch.note(watch.look())
        assert not watch.changed()
        connection.execute("INSERT INTO t VALUES (?)", (at,))
        assert watch.changed()
        if at % 50 == 49:
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.close()
    watch.close()


def test_reading_is_no_commit(tmp_path: Path) -> None:
    """A reader, and a transaction that was rolled back, leave the log as it was."""
    connection = database(tmp_path / "a.db")
    watch = CommitWatch(str(tmp_path / "a.db"))
    watch.note(watch.look())
    connection.execute("SELECT * FROM t").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("ROLLBACK")
    assert not watch.changed()
    connection.close()
    watch.close()


def test_a_database_in_memory_has_no_log() -> None:
    """Nobody else can write to it."""
    watch = CommitWatch(None)
    assert watch.look() is None
    assert not watch.changed()


def test_a_log_that_comes_or_goes_is_a_change(tmp_path: Path) -> None:
    """The last connection that closes removes the log; the next one makes another."""
    watch = CommitWatch(str(tmp_path / "a.db"))
    watch.note(watch.look())
    assert watch.changed()
    connection = database(tmp_path / "a.db")
    assert watch.changed()
    watch.note(watch.look())
    connection.close()
    assert watch.changed()
    again = database(tmp_path / "a.db")
    watch.note(watch.look())
    assert not watch.changed()
    again.execute("INSERT INTO t VALUES (1)")
    assert watch.changed()
    watch.close()
    assert watch.changed()
    again.close()
