"""Performing what was queued: one transaction for a group of jobs, in which each fails for itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from warmgraph.errors import StoreUnavailableError
from warmgraph.store.sqlite.failures import typed_errors
from warmgraph.store.sqlite.jobs import Job, RowsJob, Waiter, runs_of

__all__ = ["Groups"]


class Groups:
    """The connection that writes, and how groups of jobs are performed on it; for one thread at a time.

    A job runs inside a savepoint of the group's transaction, so one that fails takes nothing with it, and is answered
    after the commit only. Jobs that write rows by the same function run as one, as long as no two of them write the
    same row.

    Args:
        connect: Opens the connection, again after `disconnect`.
        path: What to call the file in errors.
        before: Called before every transaction; raises where none may begin.
        within: Called at the beginning of every transaction; raises where nothing may be written.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        path: str,
        *,
        before: Callable[[], object],
        within: Callable[[sqlite3.Connection], object],
    ) -> None:
        self._connect = connect
        self._path = path
        self._before = before
        self._within = within
        self.held: sqlite3.Connection | None = connect()

    def connection(self) -> sqlite3.Connection:
        """Return the connection."""
        if self.held is None:
            self.held = self._connect()
        return self.held

    def disconnect(self) -> None:
        """Close the connection until it is needed again."""
        connection, self.held = self.held, None
        if connection is not None:
            connection.close()

    def perform(self, group: Sequence[Job], mine: Waiter | None = None) -> BaseException | None:
        """Perform jobs in one transaction, and answer all of them.

        Args:
            group: The jobs.
            mine: The receiver of the job that the calling thread brought itself.

        Returns:
            What interrupted the thread once the group was committed.
        """
        done: list[tuple[Job, Any]] = []
        interrupt = self._commit(group, mine, done)
        for job, answer in done:
            self._answer(job, answer)
        return interrupt

    def perform_alone(self, job: Job) -> None:
        """Perform a job outside of a transaction, and answer it."""
        try:
            with typed_errors(self._path):
                answer = job.work(self.connection())
        except BaseException as error:
            self._roll_back()
            job.receiver.set_exception(error)
        else:
            self._answer(job, answer)

    def fail(self, jobs: Sequence[Job], error: BaseException, mine: Waiter | None) -> None:
        """Give an error to all that have no answer yet; an interrupt is nobody's but the thread's own."""
        for job in jobs:
            if job.receiver.done():
                continue
            if isinstance(error, Exception) or job.receiver is mine or len(jobs) == 1:
                job.receiver.set_exception(error)
            else:
                failure = StoreUnavailableError(f"{self._path}: the thread that was to write this was interrupted")
                failure.__cause__ = error
                job.receiver.set_exception(failure)

    def _commit(self, writes: Sequence[Job], mine: Waiter | None, done: list[tuple[Job, Any]]) -> BaseException | None:
        committing = False
        try:
            if writes:
                with typed_errors(self._path):
                    self._before()
                    connection = self.connection()
                    self._roll_back()  # only after an interrupt while another group was rolled back
                    connection.execute("BEGIN IMMEDIATE")
                    self._within(connection)
                    if len(writes) == 1:  # what fails takes the transaction with it
                        done.append((writes[0], writes[0].work(connection)))
                    else:
                        for run in runs_of(writes):
                            self._perform_run(connection, run, done)
                    committing = True
                    connection.execute("COMMIT")
        except BaseException as error:
            if committing and not isinstance(error, Exception) and not connection.in_transaction:
                return error  # it came while the disk was waited for, and is raised after that
            self._roll_back()
            done.clear()
            self.fail(writes, error, mine)
        return None

    def _perform_run(self, connection: sqlite3.Connection, run: Sequence[Job], done: list[tuple[Job, Any]]) -> None:
        jobs = [job for job in run if isinstance(job, RowsJob)]
        if len(jobs) > 1:
            rows, write = [row for job in jobs for row in job.rows], jobs[0].write
            together = Job(lambda connection: write(connection, rows), None, Waiter())
            answers: list[tuple[Job, Any]] = []
            self._perform(connection, together, answers)
            if answers:
                results = iter(answers[0][1])
                done += [(job, list(islice(results, len(job.rows)))) for job in jobs]
                return
        for job in run:  # also when they failed together: then each of them for itself
            self._perform(connection, job, done)

    def _perform(self, connection: sqlite3.Connection, job: Job, done: list[tuple[Job, Any]]) -> None:
        connection.execute("SAVEPOINT job")
        try:
            with typed_errors(self._path):
                answer = job.work(connection)
        except BaseException as error:
            if not connection.in_transaction:
                raise  # a full disk or a damaged page rolls back everything: the whole group failed
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            job.receiver.set_exception(error)
        else:
            connection.execute("RELEASE job")
            done.append((job, answer))

    def _answer(self, job: Job, answer: Any) -> None:
        try:
            if job.applied is not None:
                job.applied(answer)
        except BaseException as error:
            job.receiver.set_exception(error)
        else:
            job.receiver.set_result(answer)

    def _roll_back(self) -> None:
        if self.held is not None and self.held.in_transaction:
            try:
                self.held.execute("ROLLBACK")
            except sqlite3.Error:
                # The connection is beyond use; the next BEGIN says so to whoever asks.
                return
