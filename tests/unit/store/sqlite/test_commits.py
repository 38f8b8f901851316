"""Commits of others, seen from the outside."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from warmgraph.store.sqlite import commits
from warmgraph.store.sqlite.commits import CommitWatch


def database(path: Path) -> sqlite3.Connection:
    """Open a file."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
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


def test_reading_is_no_commit(tmp_path: Path) -> None:
    """A reader, and a transaction that was rolled back, change nothing."""
    connection = database(tmp_path / "a.db")
    watch = CommitWatch(str(tmp_path / "a.db"))
    watch.note(watch.look())
    connection.execute("SELECT * FROM t").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("ROLLBACK")
    assert not watch.changed()
    connection.close()


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
    again.close()


def test_a_commit_of_our_own_is_known_unless_others_came_after_it(tmp_path: Path) -> None:
    """What was looked at within the transaction tells whose the next commit is."""
    ours, theirs = database(tmp_path / "a.db"), database(tmp_path / "a.db")
    watch = CommitWatch(str(tmp_path / "a.db"))
    watch.note(watch.look())

    def commit(*, interrupted: bool) -> None:
        ours.execute("BEGIN IMMEDIATE")
        before = watch.look()
        ours.execute("INSERT INTO t VALUES (1)")
        ours.execute("COMMIT")
        if interrupted:
            theirs.execute("INSERT INTO t VALUES (2)")
        watch.note_own(before)

    commit(interrupted=False)
    assert not watch.changed()
    commit(interrupted=True)
    assert watch.changed()
    commit(interrupted=False)  # what they wrote is still not known
    assert watch.changed()
    ours.close()
    theirs.close()


def test_looking_leaves_the_locks_of_others_in_this_process_alone(tmp_path: Path) -> None:
    """A watch that comes and goes while a connection writes lets no other process write meanwhile."""
    connection = database(tmp_path / "a.db")
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        watch = CommitWatch(str(tmp_path / "a.db"))
        watch.look()
        del watch
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('INSERT INTO t VALUES (1)')"
    tried = subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.db")], capture_output=True, text=True)
    assert "database is locked" in tried.stderr
    connection.execute("ROLLBACK")
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_looks_for_itself(tmp_path: Path) -> None:
    """It waits for no thread of its parent, which may have been looking when the process forked."""
    connection = database(tmp_path / "a.db")
    with commits._lock:
        child = os.fork()
        if not child:
            os._exit(0 if CommitWatch(str(tmp_path / "a.db")).look() is not None else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.close()
