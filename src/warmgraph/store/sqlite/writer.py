"""One connection that writes: what arrives together is committed together.

A thread performs what is queued. Whoever wants to wait for rows of its own writes them itself when nobody else writes:
waking a thread and being woken by it takes longer than the transaction of a single row.

A job runs inside a savepoint of the group's transaction, so one that fails takes nothing with it, and is answered
after the commit only. Jobs that write rows by the same function run as one, as long as no two of them write the same
row. What a job returns is first handed to `applied`, in the order of commits: whoever waited for the answer finds the
indexes in RAM up to date.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence, Set
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from warmgraph.errors import StoreClosedError, StoreUnavailableError
from warmgraph.store.sqlite.failures import typed_errors

__all__ = ["GroupCommitWriter"]

T = TypeVar("T")
R = TypeVar("R")

# A group is bounded so that the first job of a long queue need not wait for all of it.
MAX_GROUP = 256


class _Answer(Future[T]):
    """A future for which the thread that performs jobs does not wait: it would wait for itself, for ever."""

    def __init__(self, performs: Callable[[], bool], path: str) -> None:
        super().__init__()
        self._performs = performs
        self._path = path

    def result(self, timeout: float | None = None) -> T:
        """Return the result, as any future does."""
        if not self.done() and self._performs():
            raise StoreUnavailableError(
                f"{self._path} is being written by this very thread: what a finalizer, a listener or a handler of a"
                " signal asks for in between is done afterwards, and cannot be waited for"
            )
        return super().result(timeout)


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    applied: Callable[[Any], object] | None
    future: Future[Any]
    alone: bool = False


@dataclass(slots=True)
class _RowsJob(_Job):
    rows: Sequence[Any] = ()
    keys: Set[Hashable] = frozenset()
    write: Callable[[sqlite3.Connection, Sequence[Any]], list[Any]] = lambda connection, rows: []


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
        self._jobs: deque[_Job] = deque()
        self._arrived = threading.Condition()  # guards the queue; nothing is queued behind the end
        self._busy = threading.Lock()  # held while the connection is used, and while jobs are taken from the queue
        self._performer: int | None = None  # the thread that holds it
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
        return self._queue(_Job(work, applied, self._answer_to_come()))

    def submit_rows(
        self,
        rows: Sequence[R],
        keys: Set[Hashable],
        write: Callable[[sqlite3.Connection, Sequence[R]], list[T]],
        applied: Callable[[list[T]], None] | None = None,
        *,
        here: bool = False,
    ) -> Future[list[T]]:
        """Queue rows, which may be written by one call together with those of others.

        Args:
            rows: What to write.
            keys: What tells the rows apart: those that share one are written by calls of their own, in their order.
            write: Gets the connection, inside a transaction, and rows; returns as many results.
            applied: Gets the results for `rows` once they are committed, before the future is done.
            here: Whether the caller may wait: then it writes them itself if nothing is queued and nobody writes.

        Raises:
            As `submit`.
        """
        job = _RowsJob(lambda c: write(c, rows), applied, self._answer_to_come(), rows=rows, keys=keys, write=write)
        if not (here and self._begin_at_once()):
            return self._queue(job)
        try:
            interrupt = self._perform_group([job])
        except BaseException as error:  # the caller was interrupted
            if not job.future.done():
                job.future.set_exception(error)
            raise
        finally:
            self._performer = None
            self._busy.release()  # nothing is called before it: an interrupt would come in between
        if interrupt is not None:
            raise interrupt
        return job.future

    def call(self, function: Callable[[], object]) -> Future[None]:
        """Queue a call that needs no transaction, to run on the writer's thread in between commits.

        Raises:
            As `submit`.
        """
        return self._queue(
            _Job(lambda connection: None, lambda nothing: function(), self._answer_to_come(), alone=True)
        )

    def maintain(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue work that has to run outside of a transaction, such as a checkpoint.

        Raises:
            As `submit`.
        """
        return self._queue(_Job(work, None, self._answer_to_come(), alone=True))

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read through the connection that writes, between two groups; at once for whoever writes just now.

        Raises:
            As `submit`.
        """
        if self._performs():  # what is applied looks at what others committed
            return work(self._connected())
        return self.submit(work).result()

    def close(self) -> None:
        """Finish what was submitted, then stop. Safe to call twice."""
        with self._arrived:
            self._closed = True
            self._arrived.notify()
        if threading.get_ident() not in (self._thread.ident, self._performer):  # these would wait for themselves
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
        """Return the connection that a forked child has no right to use."""
        return self._connection

    def _answer_to_come(self) -> Future[Any]:
        return _Answer(self._performs, self._path)

    def _performs(self) -> bool:
        return self._performer == threading.get_ident()

    def _queue(self, job: _Job) -> Future[Any]:
        with self._arrived:
            self._check_usable()
            self._jobs.append(job)
            self._arrived.notify()
        return job.future

    def _check_usable(self) -> None:
        if os.getpid() != self._process:
            raise StoreUnavailableError(f"{self._path} was opened before this process was forked: open it here anew")
        if self._closed:
            raise StoreClosedError(f"{self._path} is closed")

    def _begin_at_once(self) -> bool:
        """Take the connection if nobody has it, and nobody waits for it."""
        with self._arrived:
            self._check_usable()
            begins = not self._jobs and self._busy.acquire(blocking=False)
        if begins:
            self._performer = threading.get_ident()
        return begins

    def _perform_next(self) -> None:
        self._busy.acquire()
        self._performer = threading.get_ident()
        try:
            self._perform_group(self._take())
        finally:
            self._performer = None
            self._busy.release()

    def _run(self) -> None:
        try:
            while self._wait():
                self._perform_next()
        finally:
            with self._busy:
                if self._connection is not None:
                    self._connection.close()

    def _wait(self) -> bool:
        """Wait for jobs; return whether there are any, and not the end."""
        with self._arrived:
            while not self._jobs:
                if self._closed:
                    return False
                self._arrived.wait()
            return True

    def _take(self) -> list[_Job]:
        """Take the next jobs, without those that were given up meanwhile."""
        with self._arrived:
            group = [self._jobs.popleft() for _ in range(min(len(self._jobs), MAX_GROUP))]
        return [each for each in group if each.future.set_running_or_notify_cancel()]

    def _perform_group(self, group: list[_Job]) -> BaseException | None:
        """Answer all jobs; return what interrupted the thread once the group was committed."""
        writes = [job for job in group if not job.alone]
        done: list[tuple[_Job, Any]] = []
        interrupt: BaseException | None = None
        committing = False
        try:
            if writes:
                with typed_errors(self._path):
                    self._before()
                    connection = self._connected()
                    self._roll_back()  # only after an interrupt while another group was rolled back
                    connection.execute("BEGIN IMMEDIATE")
                    self._within(connection)
                    if len(writes) == 1:  # what fails takes the transaction with it
                        done.append((writes[0], writes[0].work(connection)))
                    else:
                        for run in _runs(writes):
                            self._perform_run(connection, run, done)
                    committing = True
                    connection.execute("COMMIT")
        except BaseException as error:
            if committing and not isinstance(error, Exception) and not connection.in_transaction:
                interrupt = error  # it came while the disk was waited for, and is raised after that
            else:
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
        return interrupt

    def _perform_run(self, connection: sqlite3.Connection, run: Sequence[_Job], done: list[tuple[_Job, Any]]) -> None:
        jobs = [job for job in run if isinstance(job, _RowsJob)]
        if len(jobs) > 1:
            rows, write = [row for job in jobs for row in job.rows], jobs[0].write
            together = _Job(lambda connection: write(connection, rows), None, Future())
            answers: list[tuple[_Job, Any]] = []
            self._perform(connection, together, answers)
            if answers:
                results = iter(answers[0][1])
                done += [(job, list(islice(results, len(job.rows)))) for job in jobs]
                return
        for job in run:  # also when they failed together: then each of them for itself
            self._perform(connection, job, done)

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


def _runs(jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
    """Split jobs, in their order, into runs that can be performed as one."""
    run: list[_Job] = []
    keys: set[Hashable] = set()
    for job in jobs:
        joins = (
            bool(run)
            and isinstance(job, _RowsJob)
            and isinstance(run[0], _RowsJob)
            and job.write == run[0].write
            and keys.isdisjoint(job.keys)
        )
        if run and not joins:
            yield run
            run, keys = [], set()
        run.append(job)
        if isinstance(job, _RowsJob):
            keys |= job.keys
    if run:
        yield run
