"""What is to be written, who waits for it, and which of it can be written as one."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence, Set
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from warmgraph.errors import StoreUnavailableError

__all__ = ["Answer", "Job", "Receiver", "RowsJob", "Waiter", "cannot_wait", "runs_of", "wake_all"]

T = TypeVar("T")


class Answer(Future[T]):
    """A future for which the thread that performs jobs does not wait: it would wait for itself, for ever.

    Args:
        performs: Whether the calling thread is that one.
        path: What to call the file in errors.
    """

    def __init__(self, performs: Callable[[], bool], path: str) -> None:
        super().__init__()
        self._performs = performs
        self._path = path

    def result(self, timeout: float | None = None) -> T:
        """Return the result, as any future does."""
        if not self.done() and self._performs():
            raise cannot_wait(self._path)
        return super().result(timeout)


class Waiter:
    """A thread that waits for its job, and may be asked to perform it, and others, itself.

    A lock that is held from the beginning is the cheapest thing to wait for: a future makes another one for every wait,
    and guards itself by two more.

    Args:
        failed: Called when the job has failed, before the thread hears of it.
        leads: Whether the thread may perform the jobs of others.

    Attributes:
        thread: The thread.
        turn: Released when the job is answered, and when the turn to perform has come.
        answer: What the job returned.
        error: Why it did not.
    """

    __slots__ = ("_behind", "_done", "_failed", "answer", "error", "leads", "thread", "turn")

    def __init__(self, failed: Callable[[], object] | None = None, *, leads: bool = True) -> None:
        self.thread: int = threading.get_ident()
        self.turn: threading.Lock = threading.Lock()
        self.turn.acquire()
        self.leads: bool = leads
        self.answer: Any = None
        self.error: BaseException | None = None
        self._behind: deque[Waiter] | None = None  # others that are to be woken after this one
        self._done = False
        self._failed = failed

    def wait(self) -> None:
        """Wait until the job is answered, or the turn has come; wake whoever is to be woken next."""
        try:
            self.turn.acquire()
        finally:
            behind, self._behind = self._behind, None
            if behind:
                behind.popleft().wake(behind)

    def wake(self, behind: deque[Waiter]) -> None:
        """Wake the thread, which wakes those behind it."""
        self._behind = behind
        self.turn.release()

    def set_running_or_notify_cancel(self) -> bool:
        """Nobody can cancel what a thread waits for."""
        return True

    def done(self) -> bool:
        """Whether there is an answer or an error."""
        return self._done

    def set_result(self, answer: Any) -> None:
        """Take the answer. It is not what wakes the thread: its whole group is answered first."""
        self.answer = answer
        self._done = True

    def set_exception(self, error: BaseException) -> None:
        """Take the error in place of an answer."""
        self.error = error
        self._done = True
        if self._failed is not None:
            self._failed()


Receiver: TypeAlias = "Answer[Any] | Waiter"


@dataclass(slots=True)
class Job:
    """Something to do with the connection that writes.

    Args:
        work: Does it.
        applied: Gets what `work` returned once it is committed.
        receiver: Gets it then.
        alone: Whether it has to run outside of a transaction.
    """

    work: Callable[[sqlite3.Connection], Any]
    applied: Callable[[Any], object] | None
    receiver: Receiver
    alone: bool = False


@dataclass(slots=True)
class RowsJob(Job):
    """Rows to write, alone or together with those of other jobs that are written by the same function.

    Args:
        rows: The rows.
        keys: What tells them apart.
        write: Writes rows, and returns as many results.
    """

    rows: Sequence[Any] = ()
    keys: Set[Hashable] = frozenset()
    write: Callable[[sqlite3.Connection, Sequence[Any]], list[Any]] = lambda connection, rows: []


def cannot_wait(path: str) -> StoreUnavailableError:
    """Return what whoever would wait for itself is told."""
    return StoreUnavailableError(
        f"{path} is being written by this very thread: what a finalizer, a listener or a handler of a signal asks for"
        " in between is done afterwards, and cannot be waited for"
    )


def wake_all(receivers: Iterable[Receiver]) -> None:
    """Wake those that wait in a thread. Each of them wakes the next.

    Woken all at once they would wait for the interpreter's lock, and be woken anew for nothing whenever the thread that
    has it lets go of it for a microsecond.
    """
    waiting: deque[Waiter] = deque()
    for receiver in receivers:
        if isinstance(receiver, Waiter):
            if receiver.leads:
                waiting.append(receiver)
            else:  # an interrupt may take its thread away before that wakes anybody
                receiver.turn.release()
    if waiting:
        waiting.popleft().wake(waiting)


def runs_of(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Split jobs, in their order, into runs that can be performed as one: no two of a run write the same row."""
    run: list[Job] = []
    keys: set[Hashable] = set()
    for job in jobs:
        joins = (
            bool(run)
            and isinstance(job, RowsJob)
            and isinstance(run[0], RowsJob)
            and job.write == run[0].write
            and keys.isdisjoint(job.keys)
        )
        if run and not joins:
            yield run
            run, keys = [], set()
        run.append(job)
        if isinstance(job, RowsJob):
            keys |= job.keys
    if run:
        yield run
