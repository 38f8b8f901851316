"""Writes that wait for the database, in a file of this process: none is lost, and each is done once."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any

from warmgraph.errors import StoreUnavailableError
from warmgraph.store.plan import Put

__all__ = ["Outbox", "Waiting"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at REAL NOT NULL,
    puts TEXT NOT NULL
)
"""


class Waiting:
    """A batch of writes that waits.

    Args:
        id: Names it for ever, so that it is done once.
        at: When it was made, in seconds since the epoch by the clock of the database.
        puts: The writes.
    """

    def __init__(self, id: str, at: float, puts: Sequence[Put]) -> None:
        self.id, self.at, self.puts = id, at, puts


class Outbox:
    """Batches of writes in the order in which they were made.

    What `add` returned from has reached the disk. One process uses a file; another one gets an error.

    Args:
        path: The file.

    Raises:
        StoreUnavailableError: The file cannot be used, or another process uses it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     outbox = Outbox(os.path.join(folder, "outbox.db"))
        ...     outbox.add([Put(("memories", "ana"), "home", {"content": "Lisbon"})], at=0.0)
        ...     done = outbox.drain(lambda waiting: None)
        ...     outbox.close()
        >>> done
        1
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._lock = threading.Lock()
        self._pid = os.getpid()
        try:
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=1)
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute(_SCHEMA)
            self._connection.execute("COMMIT")
            self._count: int = self._connection.execute("SELECT count(*) FROM waiting").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"the outbox {self._path} cannot be used: {error}") from error

    def __len__(self) -> int:
        return self._count

    def add(self, puts: Sequence[Put], *, at: float) -> None:
        """Keep a batch of writes.

        Args:
            puts: The writes.
            at: Now, in seconds since the epoch by the clock of the database.

        Raises:
            StoreUnavailableError: The disk does not take it, or this is a forked child of the process that owns it.
        """
        if os.getpid() != self._pid:
            raise StoreUnavailableError("the database is away, and the outbox belongs to the process before the fork")
        text = json.dumps([put._asdict() for put in puts], ensure_ascii=False)
        with self._lock:
            try:
                self._connection.execute(
                    "INSERT INTO waiting (id, at, puts) VALUES (?, ?, ?)", [str(uuid.uuid4()), at, text]
                )
            except sqlite3.Error as error:
                raise StoreUnavailableError(f"the outbox {self._path} does not take it: {error}") from error
            self._count += 1

    def drain(self, write: Callable[[Waiting], None]) -> int:
        """Hand on what waits, in order, each batch until it is written; return how many there were.

        A batch leaves the file when `write` returns. What `write` raises ends it, and the batch stays.
        """
        done = 0
        while (batch := self._first()) is not None:
            write(batch)
            with self._lock:
                self._connection.execute("DELETE FROM waiting WHERE id = ?", [batch.id])
                self._count -= 1
            done += 1
        return done

    def close(self) -> None:
        """Close the file; what waits there waits for the next one who opens it."""
        if os.getpid() == self._pid:
            with self._lock, suppress(sqlite3.Error), closing(self._connection):
                pass

    def _first(self) -> Waiting | None:
        if os.getpid() != self._pid:
            return None
        with self._lock:
            row = self._connection.execute("SELECT id, at, puts FROM waiting ORDER BY number LIMIT 1").fetchone()
        if row is None:
            return None
        return Waiting(row[0], row[1], [_put(given) for given in json.loads(row[2])])


def _put(given: dict[str, Any]) -> Put:
    return Put(**{**given, "namespace": tuple(given["namespace"])})
