"""Threads that run jobs: one that looks what is due, and as many as may work at once."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, TypeVar

from langgraph.store.base import BaseStore

from warmgraph.clock import Clock
from warmgraph.errors import ReflectionError, StoreClosedError, StoreError
from warmgraph.reflection import tables
from warmgraph.reflection.jobs import JobEvent, JobListener, ReflectionStats
from warmgraph.reflection.outbox import Outbox, apply_writes, dump_writes, load_writes
from warmgraph.reflection.queue import JobQueue
from warmgraph.reflection.registry import Registry
from warmgraph.reflection.running import JobRunner
from warmgraph.reflection.submissions import Submission
from warmgraph.reflection.tables import Claimed, Combine

__all__ = ["Retries", "Workers"]

T = TypeVar("T")
_logger = logging.getLogger(__name__)

# What another process submitted to the same file is found after so long; what this one submits, at once.
POLL_SECONDS = 2.0
# A process that said nothing for so long is taken for dead, if it cannot be seen to be.
LEASE = timedelta(seconds=60)
TROUBLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """When a job that failed is run again: after `backoff` seconds, then twice that, and so on."""

    max_attempts: int
    backoff: float
    max_backoff: float

    def seconds(self, attempts: int) -> float:
        """Return how long to wait after so many attempts."""
        return float(min(self.max_backoff, self.backoff * 2.0 ** min(attempts - 1, 64)))


class Workers:
    """Runs the jobs of one queue until it is told to stop.

    Args:
        queue: The queue.
        name: Which of the jobs in it.
        runner: Runs the reflector.
        clock: Tells what is due.
        store: The store; a job may bring its own.
        concurrency: Jobs that run at once.
        retries: When to try again.
        combine: Makes one submission of two.
        listener: Is told what happens.
        ended: Called when the last job has ended after `stop`.
    """

    def __init__(
        self,
        queue: JobQueue,
        name: str,
        runner: JobRunner,
        *,
        clock: Clock,
        store: BaseStore | None,
        concurrency: int,
        retries: Retries,
        combine: Combine,
        listener: JobListener | None,
        ended: Callable[[], None],
    ) -> None:
        self.store: BaseStore | None = store
        self._queue = queue
        self._name = name
        self._runner = runner
        self._clock = clock
        self._concurrency = concurrency
        self._retries = retries
        self._combine = combine
        self._listener = listener
        self._on_end = ended
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget threads and those who wait: in a forked child there are none."""
        self.registry: Registry = Registry()
        self.stats: ReflectionStats = ReflectionStats()
        self._changed = threading.Condition()
        self._woken = False
        self._mode: Literal["run", "drain", "finish"] = "run"
        self._started = False
        self._running = 0
        self._threads = 0
        self._todo: queue.SimpleQueue[Claimed | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._renewed = self._looked = 0.0

    def start(self) -> None:
        """Begin to look for jobs, if that has not begun."""
        with self._changed:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self._schedule, name=f"warmgraph-reflection {self._name}", daemon=True).start()

    def wake(self) -> None:
        """Look for jobs now."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def stop(self, *, drain: bool) -> None:
        """Let what runs end; with `drain` let everything that waits run first, without waiting until it is due."""
        with self._changed:
            self._mode = "drain" if drain else "finish"
            started = self._started
        if started:
            self.wake()
        else:
            self._end()

    def join(self, timeout: float | None) -> bool:
        """Wait for the end; return whether it came."""
        return self._ended.wait(timeout)

    def note(
        self, happened: Any, number: int, job: Claimed | tables.NewJob, error: BaseException | None = None
    ) -> None:
        """Count something, and tell the listener."""
        self.count(happened, 1)
        if self._listener is None:
            return
        event = JobEvent(
            type=happened,
            job=number,
            namespace=job.namespace,
            thread_id=job.thread,
            attempts=job.attempts if isinstance(job, Claimed) else 0,
            error=None if error is None else _describe(error),
        )
        try:
            self._listener(event)
        except Exception:
            _logger.exception("a listener for reflection jobs failed")

    def count(self, happened: str, times: int) -> None:
        """Count something."""
        with self._changed:
            self.stats = replace(self.stats, **{happened: getattr(self.stats, happened) + times})

    # -- looking ------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        while True:
            try:
                wait = self._round()
            except StoreClosedError:
                wait = None
            except BaseException:
                # Whatever happens to the file, there is nobody else to look again.
                _logger.exception("the queue of reflection jobs could not be read; trying again")
                wait = TROUBLE_SECONDS
            if wait is None:
                break
            with self._changed:
                self._changed.wait_for(lambda: self._woken, wait)
                self._woken = False
        for _ in range(self._threads):
            self._todo.put(None)
        self._end()

    def _round(self) -> float | None:
        """Hand out what is due; return for how many seconds nothing will be, or `None` when all is over."""
        with self._changed:
            mode, running = self._mode, self._running
        free = self._concurrency - running if mode != "finish" else 0
        now = tables.microseconds(self._clock.now())
        lease = now + LEASE // timedelta(microseconds=1)
        renew = running > 0 and time.monotonic() - self._renewed > LEASE.total_seconds() / 4
        owner, early = self._queue.owner, mode == "drain"
        look = time.monotonic() - self._looked > POLL_SECONDS / 2

        def over(connection: sqlite3.Connection) -> dict[int, str | None]:
            return tables.ended_elsewhere(connection, self.registry.waiting()) if look else {}

        def step(connection: sqlite3.Connection) -> tuple[list[int], list[Claimed], int | None, dict[int, str | None]]:
            if renew:
                tables.renew(connection, owner, lease)
            lost = tables.recover(connection, self._name, now, self._queue.is_gone, owner, self._combine)
            claimed = tables.claim(connection, self._name, owner, now, lease, free, early=early) if free else []
            return lost, claimed, tables.next_due(connection, self._name, owner), over(connection)

        lost, claimed, due, ended = self._queue.run(step)
        if look:
            self._looked = time.monotonic()
        for number, error in ended.items():  # another process was faster, and has the result
            if error is None:
                self.registry.succeed(number)
            else:
                self.registry.fail(number, ReflectionError(error))
        if renew:
            self._renewed = time.monotonic()
        with self._changed:
            self._running += len(claimed)
            running = self._running
        self.count("recovered", len(lost))
        for job in claimed:
            self._todo.put(job)
        # Each is counted once it runs: where none can be had now, the next round tries again.
        while self._threads < running:
            threading.Thread(target=self._work, name=f"warmgraph-reflector {self._name}", daemon=True).start()
            self._threads += 1
        if not running and (mode == "finish" or (mode == "drain" and due is None)):
            return None
        if due is None or running >= self._concurrency or mode == "finish":
            return POLL_SECONDS
        return min(POLL_SECONDS, max(0.0, (due - now) / 1e6))

    def _end(self) -> None:
        try:
            self._on_end()
        finally:
            self._ended.set()

    # -- working ------------------------------------------------------------------------------------

    def _work(self) -> None:
        todo = self._todo
        while (job := todo.get()) is not None:
            try:
                self._perform(job)
            except BaseException:
                _logger.exception("reflection job %d could not be settled", job.id)
            with self._changed:
                self._running -= 1
            self.wake()

    def _perform(self, job: Claimed) -> None:
        owner = self._queue.owner
        if not self.registry.begin(job.id):
            self._settle(lambda c: tables.finish(c, job.id, owner))
            self.registry.cancel(job.id)
            self.note("cancelled", job.id, job)
            return
        try:
            if job.effects is None and job.attempts > self._retries.max_attempts:
                raise ReflectionError("each run of it ended with the process")
            still_ours = self._run(job, owner)
        except BaseException as error:  # a job may raise anything, SystemExit too: the worker goes on
            self._failed(job, owner, error)
            return
        if not still_ours or not self._settle(lambda c: tables.finish(c, job.id, owner)):
            _logger.warning("reflection job %d was taken over by another process", job.id)
            self.registry.fail(job.id, ReflectionError(f"job {job.id} was taken over by another process"))
            return
        self.note("succeeded", job.id, job)
        self.registry.succeed(job.id)

    def _run(self, job: Claimed, owner: str) -> bool:
        """Run a job and apply what it writes; return whether it was still ours when it had run."""
        live = self.registry.live(job.id)
        store = self.store if live is None or live.store is None else live.store
        self.note("started", job.id, job)
        if job.effects is not None:
            if store is None:
                raise ReflectionError("there is no store to apply the writes of the job to")
            apply_writes(store, load_writes(job.effects))
            return True
        submission = Submission.loads(job.submission)
        outbox = None if store is None else Outbox(store)
        self.registry.keep_result(job.id, self._runner.run(job.key, submission, live, outbox))
        writes = [] if outbox is None else outbox.writes()
        if store is None or not writes:
            return True
        effects = dump_writes(writes)
        if not self._queue.run(lambda c: tables.record_effects(c, job.id, owner, effects)):
            return False
        apply_writes(store, writes)
        return True

    def _failed(self, job: Claimed, owner: str, error: BaseException) -> None:
        _logger.warning("reflection job %d failed, attempt %d", job.id, job.attempts, exc_info=error)
        if job.attempts < self._retries.max_attempts:
            due = self._clock.now() + timedelta(seconds=self._retries.seconds(job.attempts))
            moved = self._settle(
                lambda c: tables.put_back(c, job.id, owner, tables.microseconds(due), _describe(error), self._combine),
                lambda into: None if into is None else self.registry.move(job.id, into),
            )
            if moved is not None:
                self.note("retried", job.id, job, error)
            return
        if self._settle(lambda c: tables.bury(c, job.id, owner, _describe(error))):
            self.note("dead", job.id, job, error)
        self.registry.fail(job.id, error)

    def _settle(self, step: Callable[[sqlite3.Connection], T], applied: Callable[[T], None] | None = None) -> T:
        """Write how a job ended, however long the disk is full."""
        while True:
            try:
                return self._queue.submit(step, applied).result()
            except StoreClosedError:
                raise
            except StoreError:
                if self._mode != "run":
                    raise
                _logger.exception("the end of a reflection job could not be noted; trying again")
                threading.Event().wait(TROUBLE_SECONDS)


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2_000]
