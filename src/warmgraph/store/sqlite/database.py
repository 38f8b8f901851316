"""A database file: one writer with group commit, a few pooled readers."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Literal, TypeVar

from warmgraph.errors import StoreClosedError, StoreUnavailableError
from warmgraph.store.sqlite.failures import typed_errors
from warmgraph.store.sqlite.schema import connect, prepare
from warmgraph.store.sqlite.writer import GroupCommitWriter

__all__ = ["Database"]

T = TypeVar("T")
MAX_IDLE_READERS = 4


class Database:
    """Reads and writes one SQLite file, from any thread.

    Args:
        path: The file; ":memory:" for one that ends with the object. Missing directories are made.
        synchronous: "FULL" (what was acknowledged survives a power cut) or "NORMAL" (it survives a crash of the
            process, not one of the machine).
        busy_seconds: How long to wait for another process that is writing.

    Raises:
        StoreUnavailableError: The file cannot be opened or written.
        StoreCorruptError: The file is damaged, or of something else.
        StoreVersionError: The file is of a newer warmgraph.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        busy_seconds: float = 30.0,
    ) -> None:
        self.path: str = os.fspath(path)
        self.in_memory: bool = self.path == ":memory:"
        # Readers are opened later, when the process may have moved to another directory.
        self.file: str = self.path if self.in_memory else os.path.abspath(self.path)
        self._busy_seconds = busy_seconds
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        with typed_errors(self.path):
            if not self.in_memory:
                os.makedirs(os.path.dirname(self.file), exist_ok=True)
            connection = connect(self.file, busy_seconds=busy_seconds, create=True)
            try:
                prepare(connection, self.path, synchronous)
            except BaseException:
                connection.close()
                raise
            self._identity = self._identify()
        self._writer = GroupCommitWriter(connection, self.path, self._check_file)

    def write(self, work: Callable[[sqlite3.Connection], T], applied: Callable[[T], None] | None = None) -> Future[T]:
        """Queue a write; see `GroupCommitWriter.submit`."""
        return self._writer.submit(work, applied)

    def call(self, function: Callable[[], object]) -> Future[None]:
        """Queue a call in between commits; see `GroupCommitWriter.call`."""
        return self._writer.call(function)

    def read(self, work: Callable[[sqlite3.Connection], T], *, snapshot: bool = True) -> T:
        """Run a read on the calling thread and return its result.

        Args:
            work: Gets a connection.
            snapshot: Whether all of its statements must see one state. A single one does by itself.

        Raises:
            StoreClosedError: The database is closed.
        """
        if self.in_memory:  # its only connection is the writer's
            return self._writer.submit(work).result()
        connection = self._take()
        try:
            with typed_errors(self.path):
                if not snapshot:
                    return work(connection)
                connection.execute("BEGIN")
                try:
                    return work(connection)
                finally:
                    if connection.in_transaction:
                        connection.execute("COMMIT")
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Finish all writes, then close every connection. Safe to call twice."""
        self._writer.close()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _identify(self) -> tuple[int, int] | None:
        if self.in_memory:
            return None
        status = os.stat(self.file)
        return status.st_dev, status.st_ino

    def _check_file(self) -> None:
        """Raise if the file under our name is no longer the one that is open: what is written there would be lost."""
        try:
            same = self._identify() == self._identity
        except FileNotFoundError:
            same = False
        if not same:
            raise StoreUnavailableError(f"{self.path} was removed or replaced while it was open")

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreClosedError(f"{self.path} is closed")
            if self._idle:
                return self._idle.pop()
        with typed_errors(self.path):
            connection = connect(self.file, busy_seconds=self._busy_seconds)
            connection.execute("PRAGMA query_only = ON")
            return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < MAX_IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()
