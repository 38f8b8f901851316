"""A journal in a SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from warmgraph.buffer.record import InteractionRecord
from warmgraph.errors import StoreCorruptError, StoreUnavailableError

__all__ = ["SqliteJournal"]

_SCHEMA = """
create table if not exists interactions (interaction_id integer primary key autoincrement, record text not null);
"""
_CORRUPT = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))


class SqliteJournal:
    """One row for each record, one transaction for each write.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._typed_errors():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._connection.execute("pragma journal_mode = wal")
                self._connection.execute("pragma synchronous = full")
                self._connection.executescript(_SCHEMA)
            except BaseException:
                self._connection.close()
                raise

    def load(self) -> tuple[list[InteractionRecord], int]:
        """Return the records in the order of their ids, and the next id."""
        with self._typed_errors():
            rows = self._connection.execute("select record from interactions order by interaction_id").fetchall()
            last = self._connection.execute("select seq from sqlite_sequence where name = 'interactions'").fetchone()
        try:
            records = [InteractionRecord.from_json(json.loads(row)) for (row,) in rows]
        except (ValueError, TypeError, KeyError) as error:
            raise StoreCorruptError(f"{self._path}: a row is not a record of a WarmBuffer") from error
        return records, last[0] + 1 if last is not None else 1

    def append(self, records: Sequence[InteractionRecord], dropped: Sequence[int]) -> None:
        """Write one transaction; it is on disk when this returns."""
        rows = [(record.interaction_id, record.to_json()) for record in records]
        with self._typed_errors():
            self._connection.execute("begin immediate")
            try:
                self._connection.executemany("insert into interactions values (?, ?)", rows)
                self._connection.executemany(
                    "delete from interactions where interaction_id = ?", [(each,) for each in dropped]
                )
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            kind = StoreCorruptError if code is not None and code & 0xFF in _CORRUPT else StoreUnavailableError
            raise kind(f"{self._path}: {error}") from error
