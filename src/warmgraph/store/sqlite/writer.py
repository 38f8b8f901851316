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
    work: Callable[[sqlite3.Connection], Any]
    applied: Callable[[Any], object] | None
    future: Future[Any]
    alone: bool = False


class GroupCommitWriter:
    """Runs jobs on one connection, in the order of their submission, many to a transaction.

    Args:
        connect: Opens the only connection that writes, again after `rest`. Owned and closed by the writer.
        path: What to call the file in errors.
        before: Called before every transaction; raises where none may begin.
        within: Called at the beginning of every transaction; raises where nothing may be written.

    Raises:
        Whatever `connect` does.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        path: str,
        *,
        before: Callable[[], object] = lambda: None,
        within: Callable[[sqlite3.Connection], object] = lambda connection: None,
    ) -> None:
        self._connect = connect
        self._path = path
        self._before = before
        self._within = within
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # held to put: nothing may be queued behind the end
        self._busy = threading.Lock()  # held while the connection is used
        self._closed = False
        self._process = os.getpid()
        self._connection: sqlite3.Connection | None = connect()
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
            As `submit`.
        """
        return self._queue(_Job(lambda connection: None, lambda nothing: function(), Future(), alone=True))

    def maintain(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue work that has to run outside of a transaction, such as a checkpoint.

        Raises:
            As `submit`.
        """
        return self._queue(_Job(work, None, Future(), alone=True))

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

    def rest(self, timeout: float) -> bool:
        """Let the group under way end, close the connection, and begin no other until `resume`.

        Args:
            timeout: Seconds to wait; afterwards it goes on as if nothing had been asked.

        Returns:
            Whether it rests.
        """
        if not self._busy.acquire(timeout=timeout):
            return False
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        except sqlite3.Error:
            self._busy.release()
            raise
        return True

    def resume(self) -> None:
        """Go on after `rest`; the next job opens a connection anew."""
        self._busy.release()

    def abandon(self) -> sqlite3.Connection | None:
        """Return the connection that this process has no right to use: it was forked off while that was in use."""
        return self._connection

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
            last = False
            while not last:
                group, last = self._next_group()
                with self._busy:
                    self._perform_group([each for each in group if each.future.set_running_or_notify_cancel()])
                del group  # a job refers to the store, which nobody may want any more while we wait
        finally:
            with self._busy:
                if self._connection is not None:
                    self._connection.close()

    def _next_group(self) -> tuple[list[_Job], bool]:
        """Wait for jobs; return those that are there, and whether they are the last."""
        group: list[_Job] = []
        while len(group) < MAX_GROUP and not (group and self._jobs.empty()):
            job = self._jobs.get()
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _perform_group(self, group: list[_Job]) -> None:
        writes = [job for job in group if not job.alone]
        done: list[tuple[_Job, Any]] = []
        try:
            if writes:
                with typed_errors(self._path):
                    self._before()
                    connection = self._connected()
                    connection.execute("BEGIN IMMEDIATE")
                    self._within(connection)
                    for job in writes:
                        self._perform(connection, job, done)
                    connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            done = []
            for job in writes:
                if not job.future.done():
                    job.future.set_exception(error)
        for job, answer in done:
            self._answer(job, answer)
        # These come after the writes of their group, so that they find all of these applied.
        for job in group:
            if job.alone:
                self._perform_alone(job)

    def _perform(self, connection: sqlite3.Connection, job: _Job, done: list[tuple[_Job, Any]]) -> None:
        connection.execute("SAVEPOINT job")
        try:
            with typed_errors(self._path):
                answer = job.work(connection)
        except BaseException as error:
            if not connection.in_transaction:
                raise  # a full disk or a damaged page rolls back everything: the whole group failed
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            job.future.set_exception(error)
        else:
            connection.execute("RELEASE job")
            done.append((job, answer))

    def _perform_alone(self, job: _Job) -> None:
        try:
            with typed_errors(self._path):
                answer = job.work(self._connected())
        except BaseException as error:
            self._roll_back()
            job.future.set_exception(error)
        else:
            self._answer(job, answer)

    def _answer(self, job: _Job, answer: Any) -> None:
        try:
            if job.applied is not None:
                job.applied(answer)
        except BaseException as error:
            job.future.set_exception(error)
        else:
            job.future.set_result(answer)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                # The connection is beyond use; the next BEGIN says so to whoever asks.
                return
