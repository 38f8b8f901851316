"""The queue: one SQLite file of its own, or RAM, which threads, processes and forks may use at once."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Literal, TypeVar

from warmgraph.errors import StoreClosedError
from warmgraph.forks import ForkAware, keep_for_ever, watch_forks
from warmgraph.reflection.tables import prepare
from warmgraph.store.sqlite.failures import typed_errors
from warmgraph.store.sqlite.writer import GroupCommitWriter

__all__ = ["JobQueue", "open_queues"]

T = TypeVar("T")
FORK_SECONDS = 10.0
BUSY_SECONDS = 30.0


class JobQueue(ForkAware):
    """Runs steps of `tables`, each on disk when it is answered; what comes together is committed together.

    A forked child opens the file anew. It has nothing to do with the jobs that its parent began, and where the queue
    is in RAM it begins with an empty one.

    Args:
        path: The file, or ":memory:".
        synchronous: "FULL" (survives a power cut) or "NORMAL" (survives the end of the process).

    Raises:
        StoreUnavailableError, StoreCorruptError: The file cannot be used.
    """

    def __init__(self, path: str, *, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> None:
        self.path: str = path
        self.in_memory: bool = path == ":memory:"
        self.owner: str = _new_owner()
        self._file = path if self.in_memory else os.path.abspath(path)
        self._synchronous = synchronous
        self._lock = threading.Lock()
        self._closed = False
        self._rests = False
        with typed_errors(path):
            if not self.in_memory:
                os.makedirs(os.path.dirname(self._file), exist_ok=True)
            self._writer: GroupCommitWriter | None = GroupCommitWriter(self._connect, path)
        watch_forks(self)
        _open_queues.add(self)

    def submit(self, step: Callable[[sqlite3.Connection], T], applied: Callable[[T], None] | None = None) -> Future[T]:
        """Queue a step; see `GroupCommitWriter.submit`."""
        return self._use().submit(step, applied)

    def run(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Run a step and wait for it."""
        return self.submit(step).result()

    def maintain(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue work outside of a transaction; see `GroupCommitWriter.maintain`."""
        return self._use().maintain(work)

    def is_at(self, path: str) -> bool:
        """Whether the queue lies in a file."""
        return not self.in_memory and os.path.abspath(path) == self._file

    def is_gone(self, owner: str) -> bool:
        """Whether an owner is a process of this machine that has ended."""
        host, number, _ = owner.split("/")
        if host != _host() or owner == self.owner:
            return False
        with _owners_lock:
            if int(number) == os.getpid():
                return owner not in _owners
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Finish what was submitted and close the file. Safe to call twice."""
        _open_queues.discard(self)
        with self._lock:
            self._closed = True
            writer = self._writer
        if writer is not None:
            writer.close()
        with _owners_lock:
            _owners.discard(self.owner)

    def before_fork(self) -> None:
        """Close the connection: SQLite forbids to carry it over."""
        self._rests = self._writer is not None and not self.in_memory and self._writer.rest(FORK_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._rests and self._writer is not None:
            self._writer.resume()

    def after_fork_in_child(self) -> None:
        """Begin anew, as somebody else."""
        if self._writer is not None and (connection := self._writer.abandon()) is not None:
            keep_for_ever(connection)
        self._writer, self._lock, self._rests = None, threading.Lock(), False
        self.owner = _new_owner()

    def _use(self) -> GroupCommitWriter:
        with self._lock:
            if self._closed:
                raise StoreClosedError(f"{self.path} is closed")
            if self._writer is None:
                with typed_errors(self.path):
                    self._writer = GroupCommitWriter(self._connect, self.path)
            return self._writer

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute(f"pragma synchronous = {self._synchronous}")
            prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def open_queues() -> list[JobQueue]:
    """Return the queues that are open in this process."""
    return list(_open_queues)


_open_queues: weakref.WeakSet[JobQueue] = weakref.WeakSet()
_owners: set[str] = set()  # those of this process that live
_owners_lock = threading.Lock()


def _new_owner() -> str:
    owner = f"{_host()}/{os.getpid()}/{uuid.uuid4().hex}"
    with _owners_lock:
        _owners.add(owner)
    return owner


def _host() -> str:
    return socket.gethostname().replace("/", "_")


class _Owners(ForkAware):
    def after_fork_in_child(self) -> None:
        global _owners_lock
        _owners_lock = threading.Lock()
        _owners.clear()


_watcher = _Owners()
watch_forks(_watcher)  # first of all: queues name new owners after it
