"""A database file: one writer with group commit, a few pooled readers."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Sequence, Set
from concurrent.futures import Future
from pathlib import Path
from typing import Literal, TypeVar

from warmgraph.errors import StoreClosedError, StoreUnavailableError
from warmgraph.forks import ForkAware, keep_for_ever, watch_forks
from warmgraph.store.sqlite.failures import typed_errors
from warmgraph.store.sqlite.schema import check_version, connect, prepare
from warmgraph.store.sqlite.writer import GroupCommitWriter

__all__ = ["Database"]

T = TypeVar("T")
R = TypeVar("R")
MAX_IDLE_READERS = 4
# A fork waits so long for a commit or a read under way. Commits take milliseconds; what takes longer waits for others.
FORK_SECONDS = 10.0


class Database(ForkAware):
    """Reads and writes one SQLite file, from any thread.

    A forked child may use it as well: no connection is open while the process forks (SQLite demands that), and either
    process opens its own when it next needs one.

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
        self._synchronous = synchronous
        self._busy_seconds = busy_seconds
        self._identity: tuple[int, int] | None = None
        self._idle: list[sqlite3.Connection] = []
        self._reading = 0
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)  # told when a reader is done while the process wants to fork
        self._closed = False
        self._rests = False  # whether a fork that has begun found it at rest
        self._resting = False  # whether readers have to wait for the fork
        self._refusal: str | None = None  # why this process may not use it
        self._writer: GroupCommitWriter | None = None
        with typed_errors(self.path):
            if not self.in_memory:
                os.makedirs(os.path.dirname(self.file), exist_ok=True)
            self._writer = self._make_writer()
        watch_forks(self)

    @property
    def directory(self) -> Path | None:
        """Where the file lies; `None` for one in memory."""
        return None if self.in_memory else Path(self.file).parent

    def write(self, work: Callable[[sqlite3.Connection], T], applied: Callable[[T], None] | None = None) -> Future[T]:
        """Queue a write; see `GroupCommitWriter.submit`."""
        return self._use_writer().submit(work, applied)

    def write_rows(
        self,
        rows: Sequence[R],
        keys: Set[Hashable],
        work: Callable[[sqlite3.Connection, Sequence[R]], list[T]],
        applied: Callable[[list[T]], None],
        failed: Callable[[], object] | None = None,
    ) -> list[T]:
        """Write rows, and wait for that; see `GroupCommitWriter.write_rows`."""
        try:
            writer = self._use_writer()
        except BaseException:
            if failed is not None:
                failed()
            raise
        return writer.write_rows(rows, keys, work, applied, failed)

    def submit_rows(
        self,
        rows: Sequence[R],
        keys: Set[Hashable],
        work: Callable[[sqlite3.Connection, Sequence[R]], list[T]],
        applied: Callable[[list[T]], None],
    ) -> Future[list[T]]:
        """Queue rows that may be written together with those of others; see `GroupCommitWriter.submit_rows`."""
        return self._use_writer().submit_rows(rows, keys, work, applied)

    def call(self, function: Callable[[], object]) -> Future[None]:
        """Queue a call in between commits; see `GroupCommitWriter.call`."""
        return self._use_writer().call(function)

    def maintain(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue work outside of a transaction; see `GroupCommitWriter.maintain`."""
        return self._use_writer().maintain(work)

    def read(self, work: Callable[[sqlite3.Connection], T], *, snapshot: bool = True) -> T:
        """Run a read on the calling thread and return its result.

        Args:
            work: Gets a connection.
            snapshot: Whether all of its statements must see one state. A single one does by itself.

        Raises:
            StoreClosedError: The database is closed.
        """
        if self.in_memory:  # its only connection is the writer's
            return self._use_writer().read(work)
        connection = self._take()
        try:
            with typed_errors(self.path):
                try:
                    return work(connection) if not snapshot else _in_one_state(connection, work)
                except sqlite3.Error:
                    check_version(connection, self.path)  # it would explain the failure
                    raise
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Finish all writes, then close every connection. Safe to call twice."""
        with self._lock:
            writer = self._writer
            if writer is None:  # a forked child that never wrote
                self._closed = True
        if writer is not None:
            writer.close()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # -- forks --------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Close all connections once nobody uses them, and open none until the process has forked."""
        if self.in_memory or self._writer is None:
            self._rests = False
            return
        until = time.monotonic() + FORK_SECONDS
        self._rests = False
        if not self._writer.rest(FORK_SECONDS):
            return
        self._rests = True
        with self._lock:
            self._resting = True
            if self._free.wait_for(lambda: not self._reading, until - time.monotonic()):
                idle, self._idle = self._idle, []
            else:
                self._rests = self._resting = False
                self._free.notify_all()
        if not self._rests:
            self._writer.resume()
            return
        for connection in idle:
            connection.close()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if not self._rests or self._writer is None:
            return
        self._writer.resume()
        with self._lock:
            self._resting = False
            self._free.notify_all()

    def after_fork_in_child(self) -> None:
        """Begin anew; connections that were open cannot be used here, and not even be closed."""
        inherited = [*self._idle]
        if self._writer is not None and (connection := self._writer.abandon()) is not None:
            inherited.append(connection)
        for connection in inherited:
            keep_for_ever(connection)
        if not self._closed and (self._reading or inherited):
            what = "lives in the memory of another process" if self.in_memory else "was in use"
            self._refusal = f"{self.path} {what}: this process was forked off; open the store after forking"
        self._idle, self._reading, self._writer = [], 0, None
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._resting = False

    # -- connections --------------------------------------------------------------------------------

    def _make_writer(self) -> GroupCommitWriter:
        def check(connection: sqlite3.Connection) -> None:
            check_version(connection, self.path)

        return GroupCommitWriter(self._open_writer, self.path, before=self._check_file, within=check)

    def _open_writer(self) -> sqlite3.Connection:
        first = self._identity is None
        connection = connect(self.file, busy_seconds=self._busy_seconds, mode="rwc" if first else "rw")
        try:
            if not first:
                self._check_file()
            prepare(connection, self.path, self._synchronous)
            self._identity = self._identify()
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_writer(self) -> GroupCommitWriter:
        writer = self._writer
        if writer is not None:
            return writer
        with self._lock:
            self._check_usable()
            if self._writer is None:  # in a forked child, which most often needs none
                with typed_errors(self.path):
                    self._writer = self._make_writer()
            return self._writer

    def _check_usable(self) -> None:
        if self._closed:
            raise StoreClosedError(f"{self.path} is closed")
        if self._refusal is not None:
            raise StoreUnavailableError(self._refusal)

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
            while self._resting:
                self._free.wait()
            self._check_usable()
            self._reading += 1
            if self._idle:
                return self._idle.pop()
        try:
            with typed_errors(self.path):
                return self._open_reader()
        except BaseException:
            self._done_reading()
            raise

    def _open_reader(self) -> sqlite3.Connection:
        connection = connect(self.file, busy_seconds=self._busy_seconds)
        try:
            connection.execute("PRAGMA query_only = ON")
            self._check_file()  # another file under the same name has other memories
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            # An interrupt may have left a transaction open: whoever read next would see its old state, or fail.
            kept = not self._closed and len(self._idle) < MAX_IDLE_READERS and not connection.in_transaction
            if kept:
                self._idle.append(connection)
                self._reading -= 1
                if self._resting:
                    self._free.notify_all()
        if not kept:
            connection.close()
            self._done_reading()

    def _done_reading(self) -> None:
        with self._lock:
            self._reading -= 1
            if self._resting:
                self._free.notify_all()


def _in_one_state(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    try:
        connection.execute("BEGIN")
        return work(connection)
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")
