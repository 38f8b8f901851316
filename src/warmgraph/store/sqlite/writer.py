"""One connection that writes: what arrives together is committed together, by whoever has the turn.

A caller that finds nobody writing takes the turn and writes what it brought: waking a thread and being woken by it
takes longer than the transaction of a single row. What comes meanwhile is queued, and the first of those that wait has
the turn next: it writes, in one transaction, all that has gathered by then. A thread of the writer's own takes the turn
for those that do not wait in a thread, such as event loops, and for the main thread, which leads nobody but itself: an
interrupt must not break off what others wait for.

What a job returns is first handed to `applied`, in the order of commits: whoever waited for the answer finds the
indexes in RAM up to date.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence, Set
from concurrent.futures import Future
from typing import Any, TypeVar

from warmgraph.errors import StoreClosedError, StoreError, StoreUnavailableError
from warmgraph.store.sqlite.groups import Groups
from warmgraph.store.sqlite.jobs import Answer, Job, RowsJob, Waiter, cannot_wait, wake_all

__all__ = ["GroupCommitWriter"]

T = TypeVar("T")
R = TypeVar("R")

# A group is bounded so that the first job of a long queue need not wait for all of it.
MAX_GROUP = 256

# Several threads that write one thing after the other come back when they are answered: who performs next waits for
# them, as long as somebody comes within so many seconds (a commit takes longer), and not for ever.
NEWCOMER_SECONDS = 0.0002
MOST_ROUNDS = 10
# Groups for which nobody waits after it was in vain once more.
MOST_SKIPPED = 64


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
        self._path = path
        self._groups = Groups(connect, path, before=before, within=within)
        self._process = os.getpid()
        # Entered anew by a finalizer that writes, wherever the collector runs it.
        self._lock = threading.RLock()  # guards all below; never held while anything is performed
        self._jobs: deque[Job] = deque()  # empty while nobody has the turn
        self._turn: Waiter | None = None  # who has it
        self._resting: Waiter | None = None  # who wants it before all others, to let the process fork
        self._closed = self._ended = False
        self._expected = 1  # jobs that may well come together
        self._gathering: threading.Lock | None = None  # released when as many are there
        self._skips = self._skipped = 0  # groups for which nobody waits, from now on and when it was in vain last
        self._idle = Waiter()  # the thread
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
        return self._submit(Job(work, applied, self._new_answer()))

    def submit_rows(
        self,
        rows: Sequence[R],
        keys: Set[Hashable],
        write: Callable[[sqlite3.Connection, Sequence[R]], list[T]],
        applied: Callable[[list[T]], None] | None = None,
    ) -> Future[list[T]]:
        """Queue rows, which may be written by one call together with those of others.

        Args:
            rows: What to write.
            keys: What tells the rows apart: those that share one are written by calls of their own, in their order.
            write: Gets the connection, inside a transaction, and rows; returns as many results.
            applied: Gets the results for `rows` once they are committed, before the future is done.

        Raises:
            As `submit`.
        """
        return self._submit(RowsJob(lambda c: write(c, rows), applied, self._new_answer(), False, rows, keys, write))

    def write_rows(
        self,
        rows: Sequence[R],
        keys: Set[Hashable],
        write: Callable[[sqlite3.Connection, Sequence[R]], list[T]],
        applied: Callable[[list[T]], None] | None = None,
        failed: Callable[[], object] | None = None,
    ) -> list[T]:
        """Write rows on the calling thread, or wait for another one that does; see `submit_rows`.

        Args:
            rows: What to write.
            keys: What tells the rows apart.
            write: Writes them.
            applied: Gets the results.
            failed: Called instead once it is known that nothing was committed. An interrupt may come before that.

        Returns:
            The results.

        Raises:
            StoreUnavailableError: The calling thread is in the midst of writing already: it is done afterwards.
            StoreError: It failed, as `submit` or as the file does.
        """
        waiter = Waiter(failed, leads=threading.get_ident() != threading.main_thread().ident)
        job = RowsJob(lambda c: write(c, rows), applied, waiter, False, rows, keys, write)
        try:
            with self._lock:
                self._enqueue(job)
                if self._turn is None:
                    self._turn = waiter
            if self._turn is not waiter:
                if self._performs():
                    raise cannot_wait(self._path)
                waiter.wait()
            if self._turn is waiter:
                interrupt = self._perform_next(waiter)
                if interrupt is not None:
                    raise interrupt
        except BaseException:
            waiter.leads = False  # nobody is here to take the turn
            raise
        finally:
            # An interrupt may come with every call, and the turn must not end with it.
            while self._turn is waiter:
                self._pass_on(waiter)
        if waiter.error is not None:
            raise waiter.error
        answer: list[T] = waiter.answer
        return answer

    def call(self, function: Callable[[], object]) -> Future[None]:
        """Queue a call that needs no transaction, to run on the writer's thread in between commits.

        Raises:
            As `submit`.
        """
        return self._submit(Job(lambda connection: None, lambda nothing: function(), self._new_answer(), alone=True))

    def maintain(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue work that has to run outside of a transaction, such as a checkpoint.

        Raises:
            As `submit`.
        """
        return self._submit(Job(work, None, self._new_answer(), alone=True))

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read through the connection that writes, between two groups; at once for whoever writes just now.

        Raises:
            As `submit`.
        """
        if self._performs():  # what is applied looks at what others committed
            return work(self._groups.connection())
        return self.submit(work).result()

    def close(self) -> None:
        """Finish what was submitted, then stop. Safe to call twice."""
        with self._lock:
            self._closed = True
            if self._turn is None:
                self._pass_on(None)
        if threading.get_ident() != self._thread.ident and not self._performs():  # these would wait for themselves
            self._thread.join()

    def rest(self, timeout: float) -> bool:
        """Let the group under way end, close the connection, and begin no other until `resume`.

        Args:
            timeout: Seconds to wait; afterwards it goes on as if nothing had been asked.

        Returns:
            Whether it rests.
        """
        waiter = Waiter()
        with self._lock:
            if self._turn is None:
                self._turn = waiter
                waiter.turn.release()
            else:
                self._resting = waiter
        if not waiter.turn.acquire(timeout=timeout):
            with self._lock:
                if self._turn is not waiter:
                    self._resting = None
                    return False
        try:
            self._groups.disconnect()
        except sqlite3.Error:
            self._pass_on(waiter)
            raise
        return True

    def resume(self) -> None:
        """Go on after `rest`; the next job opens a connection anew."""
        self._pass_on(self._turn)

    def abandon(self) -> sqlite3.Connection | None:
        """Return the connection that a forked child has no right to use."""
        return self._groups.held

    def _new_answer(self) -> Answer[Any]:
        return Answer(self._performs, self._path)

    def _performs(self) -> bool:
        """Whether the calling thread has the turn."""
        turn = self._turn
        return turn is not None and turn.thread == threading.get_ident()

    def _submit(self, job: Job) -> Future[Any]:
        assert isinstance(job.receiver, Future)
        with self._lock:
            self._enqueue(job)
            if self._turn is None:
                self._pass_on(None)
        return job.receiver

    def _enqueue(self, job: Job) -> None:
        try:
            self._check_usable()
        except StoreError as error:
            job.receiver.set_exception(error)
            raise
        self._jobs.append(job)
        if self._gathering is not None and len(self._jobs) >= self._expected:
            gathering, self._gathering = self._gathering, None
            gathering.release()

    def _check_usable(self) -> None:
        if os.getpid() != self._process:
            raise StoreUnavailableError(f"{self._path} was opened before this process was forked: open it here anew")
        if self._closed:
            raise StoreClosedError(f"{self._path} is closed")

    def _pass_on(self, mine: Waiter | None) -> None:
        """Give the turn to whoever comes next, if it is still the caller's."""
        with self._lock:
            if self._turn is not mine:
                return
            following, self._resting = self._resting, None
            if following is None and self._jobs:
                first = self._jobs[0].receiver
                following = first if isinstance(first, Waiter) and first.leads else self._idle
            elif following is None and self._closed and not self._ended:
                following = self._idle
            self._turn = following
            if following is not None:
                following.turn.release()  # an interrupt does not come between these two

    def _perform_next(self, mine: Waiter | None = None) -> BaseException | None:
        """Perform what is queued; what runs outside of transactions only on the writer's own thread, after the rest.

        Args:
            mine: Who has the turn; `None` for the thread.

        Returns:
            What interrupted it once the group was committed.
        """
        if mine is not None and mine.leads:
            self._gather()
        group: list[Job] = []
        alone: list[Job] = []
        try:
            self._take(group, alone, mine)
            interrupt = self._groups.perform(group, mine)
        except BaseException as error:
            self._groups.fail([*group, *alone], error, mine)
            raise
        finally:
            self._expected = max(len(group) + len(self._jobs), self._expected * 3 // 4)
            wake_all(job.receiver for job in group if job.receiver is not mine)
        for job in alone:
            self._groups.perform_alone(job)
        return interrupt

    def _take(self, group: list[Job], alone: list[Job], mine: Waiter | None) -> None:
        """Take the next jobs, without those that were given up meanwhile.

        Args:
            group: Takes what is written in one transaction.
            alone: Takes the rest.
            mine: Who takes them: the thread takes everything, the main thread only its own.
        """
        with self._lock:
            for _ in range(min(len(self._jobs), MAX_GROUP if mine is None or mine.leads else 1)):
                job = self._jobs.popleft()
                if job.alone and mine is not None:
                    alone.append(job)
                elif job.receiver.set_running_or_notify_cancel():
                    (alone if job.alone else group).append(job)
            if mine is not None:
                self._jobs.extendleft(reversed(alone))
                alone.clear()

    def _gather(self) -> None:
        """Wait for those that are likely to come, unless that was in vain of late."""
        if self._skips:
            self._skips -= 1
            self._expected = 1
            return
        with self._lock:
            present = len(self._jobs)
            if present >= self._expected:
                return
            gathering = self._gathering = threading.Lock()
            gathering.acquire()
        for _ in range(MOST_ROUNDS):
            if gathering.acquire(timeout=NEWCOMER_SECONDS):
                self._skipped = 0
                return
            if present == len(self._jobs):
                break
            present = len(self._jobs)
        self._gathering = None
        self._expected = present
        self._skips = self._skipped = min(self._skipped * 2 + 1, MOST_SKIPPED)

    def _run(self) -> None:
        self._idle.thread = threading.get_ident()
        try:
            while True:
                self._idle.turn.acquire()
                if not self._jobs:
                    return
                try:
                    self._perform_next()
                finally:
                    self._pass_on(self._idle)
        finally:
            self._ended = True
            self._groups.disconnect()
            self._pass_on(self._idle)
