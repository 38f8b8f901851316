"""A database file: its pool of readers."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from warmgraph.store.sqlite.changes import last_seq, take_numbers
from warmgraph.store.sqlite.database import Database


def test_a_read_that_is_interrupted_between_two_statements_harms_no_later_one(tmp_path: Path) -> None:
    """A connection whose transaction was left open is not used again: its state would be an old one, for ever."""
    database = Database(tmp_path / "m.db")

    def interrupted(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        last_seq(connection)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.read(interrupted, snapshot=False)
    assert 1 == database.write(lambda connection: take_numbers(connection, 1)).result()
    assert [1, 1] == [database.read(last_seq, snapshot=snapshot) for snapshot in (False, True)]
    database.close()
