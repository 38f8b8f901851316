"""One thread that writes: what arrives together is committed together.

A job runs inside a savepoint of the group's transaction, so one that fails takes nothing with it, and is answered
after the commit only. What a job returns is first handed to `applied`, in the order of commits: whoever waited for
the answer finds the indexes in RAM up to date.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from warmgraph.errors import StoreClosedError, StoreUnavailableError
from warmgraph.store.sqlite.failures import typed_errors

__all__ = ["GroupCommitWriter"]

T = TypeVar("T")

# A group is bounded so that the first job of a long queue need not wait for all of it.
MAX_GROUP = 256


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any] | None
    applied: Callable[[Any], object] | None
    future: Future[Any]


class GroupCommitWriter:
    """Runs jobs on one connection, in the order of their submission, many to a transaction.

    Args:
        connection: The only connection that writes; owned and closed by the writer.
        path: What to call the file in errors.
        guard: Called before every transaction; raises where none may begin.
    """

    def __init__(self, connection: sqlite3.Connection, path: str, guard: Callable[[], object] = lambda: None) -> None:
        self._connection = connection
        self._path = path
        self._guard = guard
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # held to put: nothing may be queued behind the end
        self._closed = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=f"warmgraph-writer {path}", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T], applied: Callable[[T], None] | None = None) -> Future[T]:
        """Queue a job.

        Args:
            work: Gets the connection, inside a transaction, and must neither commit nor roll back.
            applied: Gets what `work` returned once it is committed, before the future is done.

        Raises:
            StoreClosedError: The writer is closed.
            StoreUnavailableError: This process was forked off: the writer's thread lives on in its parent only.
        """
        return self._queue(_Job(work, applied, Future()))

    def call(self, function: Callable[[], object]) -> Future[None]:
        """Queue a call that needs no transaction, to run on the writer's thread in between commits.

        Raises:
            StoreClosedError: The writer is closed.
        """
        return self._queue(_Job(None, lambda nothing: function(), Future()))

    @property
    def on_this_thread(self) -> bool:
        """Whether the caller is the writer itself, which must not wait for its own queue."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Finish what was submitted, then stop. Safe to call twice."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        if not self.on_this_thread:
            self._thread.join()

    def _queue(self, job: _Job) -> Future[Any]:
        if os.getpid() != self._process:
            raise StoreUnavailableError(f"{self._path} was opened before this process was forked: open it here anew")
        with self._gate:
            if self._closed:
                raise StoreClosedError(f"{self._path} is closed")
            self._jobs.put(job)
        return job.future

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                group = [job]
                last = False
                while len(group) < MAX_GROUP and not self._jobs.empty():
                    more = self._jobs.get()
                    if more is None:
                        last = True
                        break
                    group.append(more)
                self._commit([each for each in group if each.future.set_running_or_notify_cancel()])
                if last:
                    return
        finally:
            self._connection.close()

    def _commit(self, group: list[_Job]) -> None:
        writes = [job for job in group if job.work is not None]
        done: list[tuple[_Job, Any]] = []
        try:
            if writes:
                with typed_errors(self._path):
                    self._guard()
                    self._connection.execute("BEGIN IMMEDIATE")
                    for job in writes:
                        self._perform(job, done)
                    self._connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            done = []
            for job in writes:
                if not job.future.done():
                    job.future.set_exception(error)
        # Calls come after the writes of their group, so that they find all of these applied.
        for job, answer in [*done, *((job, None) for job in group if job.work is None)]:
            try:
                if job.applied is not None:
                    job.applied(answer)
            except BaseException as error:
                job.future.set_exception(error)
            else:
                job.future.set_result(answer)

    def _perform(self, job: _Job, done: list[tuple[_Job, Any]]) -> None:
        assert job.work is not None
        self._connection.execute("SAVEPOINT job")
        try:
            with typed_errors(self._path):
                answer = job.work(self._connection)
        except BaseException as error:
            if not self._connection.in_transaction:
                raise  # a full disk or a damaged page rolls back everything: the whole group failed
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            job.future.set_exception(error)
        else:
            self._connection.execute("RELEASE job")
            done.append((job, answer))

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                # The connection is beyond use; the next BEGIN says so to whoever asks.
                return
