"""Reflection in this process: a durable queue, and threads that work it off."""

from __future__ import annotations

import asyncio
import atexit
import os
import sqlite3
import threading
import weakref
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self
from uuid import UUID, uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import ExecutorClosedError, InvalidArgumentError, JobLeftError, StoreError
from warmgraph.forks import ForkAware, watch_forks
from warmgraph.reflection import tables
from warmgraph.reflection.erasing import complete_job_erasures
from warmgraph.reflection.jobs import JobListener, JobState, ReflectionJob, ReflectionStats
from warmgraph.reflection.queue import JobQueue
from warmgraph.reflection.running import JobRunner, as_runnable
from warmgraph.reflection.scope import (
    FROM_CONFIG,
    FromConfig,
    Scope,
    as_template,
    check_after_seconds,
    current_values,
)
from warmgraph.reflection.submissions import Merge, Submission, combined
from warmgraph.reflection.workers import Retries, Workers
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.own_records import JOBS_SUFFIX

__all__ = ["LocalReflectionExecutor"]

# What an interpreter that ends gives jobs to end as well.
EXIT_SECONDS = 30.0


class LocalReflectionExecutor(ForkAware):
    """Runs a reflector in the background of this process.

    - Submits for one namespace and thread within `after_seconds` of each other run once, with everything that came.
      Jobs of one thread run one after the other; jobs without a thread stand for themselves.
    - What a job writes to its store is noted as a whole before it is applied: a job that fails or is killed has written
      nothing, and one that was killed later is not run again, only its writes are. A reflector that writes elsewhere
      can derive keys from `config["configurable"]["reflection_job"]`, which stays the same.
    - A job that fails, whatever it raises, is run again after `backoff` seconds, then twice that, and is kept as dead
      after `max_attempts`: see `jobs` and `retry_dead`.
    - A queue in a file survives the process. Jobs that nobody ran, or that a process died of, run when it is opened
      again. Several processes may use it: each runs what it submitted, and what those submitted that have ended. In a
      forked child the executor goes on with the same file.

    Args:
        reflector: A Runnable or a function, sync or async, of a payload.
        namespace: Template of the namespace that a job is about; `reflector.namespace` by default.
        store: What the reflector finds as the store of its run; by default that of the run which submits.
        queue: A file for the queue, or ":memory:". By default a file beside the store's, and RAM where it has none.
        name: Whose jobs in the file these are: executors of the same name share them.
        payloads: What one run gets of several payloads: "merge" (their messages joined), "latest", or a function of
            the older and the newer one.
        concurrency: Jobs that run at once.
        max_attempts: How often a job is started at most.
        backoff: Seconds before the second attempt.
        max_backoff: Seconds between attempts at most.
        max_delay: Seconds after the first submit at which a thread that never falls silent is reflected on anyway.
        pending: What `shutdown` does with jobs that have not begun: "drain" runs them, "persist" leaves them in the
            file. By default they are left where there is a file.
        synchronous: "FULL", or "NORMAL" to let a power cut (not a crash) take the last submits.
        listener: Is called with a `JobEvent` for everything that happens, on threads of the executor.
        clock: Tells the time. After moving a manual one, call `wake`.

    Raises:
        InvalidArgumentError: A bad argument.
        StoreUnavailableError, StoreCorruptError: The file of the queue cannot be used.
    """

    def __init__(
        self,
        reflector: Any,
        namespace: Any = None,
        /,
        *,
        store: BaseStore | None = None,
        queue: str | os.PathLike[str] | None = None,
        name: str | None = None,
        payloads: Merge = "merge",
        concurrency: int = 4,
        max_attempts: int = 5,
        backoff: float = 1.0,
        max_backoff: float = 300.0,
        max_delay: float | None = None,
        pending: Literal["drain", "persist"] | None = None,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        listener: JobListener | None = None,
        clock: Clock | None = None,
    ) -> None:
        if payloads not in ("merge", "latest") and not callable(payloads):
            raise InvalidArgumentError("payloads", expected="'merge', 'latest' or a function", got=payloads)
        if pending not in (None, "drain", "persist"):
            raise InvalidArgumentError("pending", expected="'drain' or 'persist'", got=pending)
        for argument, number in (("concurrency", concurrency), ("max_attempts", max_attempts)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise InvalidArgumentError(argument, expected="an integer >= 1", got=number)
        if namespace is None:
            namespace = getattr(reflector, "namespace", None)
        if namespace is None:
            raise InvalidArgumentError("namespace", expected="one, as the reflector has none of its own", got=None)
        runnable = as_runnable(reflector)
        path = _queue_path(store) if queue is None else os.fspath(queue)
        self.name: str = name if name is not None else runnable.get_name()
        self.pending: Literal["drain", "persist"] = pending or ("drain" if path == ":memory:" else "persist")
        self._template = as_template(namespace)
        self._clock: Clock = clock or SystemClock()
        self._combine = combined(payloads)
        self._max_delay = None if max_delay is None else int(check_after_seconds(max_delay) * 1e6)
        self._lock = threading.Lock()
        self._closed = False
        self._queue = JobQueue(path, synchronous=synchronous)
        self._runner = JobRunner(runnable)
        self._workers = Workers(
            self._queue,
            self.name,
            self._runner,
            clock=self._clock,
            store=store,
            concurrency=concurrency,
            retries=Retries(max_attempts=max_attempts, backoff=backoff, max_backoff=max_backoff),
            combine=self._combine,
            listener=listener,
            ended=self._end,
        )
        complete_job_erasures(self._queue, store)
        self._workers.start()
        watch_forks(self)
        _open_executors.add(self)

    def __repr__(self) -> str:
        return f"LocalReflectionExecutor({self.name!r}, queue={self._queue.path!r})"

    # -- submitting ---------------------------------------------------------------------------------

    def submit(
        self,
        payload: Any,
        /,
        config: RunnableConfig | None = None,
        *,
        after_seconds: float = 0,
        thread_id: str | UUID | FromConfig | None = FROM_CONFIG,
        context: Any = None,
    ) -> Future[Any]:
        """Schedule a job; when this returns, it is in the queue.

        Args:
            payload: For the reflector; copied, as is the config.
            config: The config to run it with; by default that of the run which submits.
            after_seconds: How long to wait for more from the same thread.
            thread_id: The thread; by default the config's. `None` for a job that stands for itself.
            context: The runtime context of the run; by default that of the run which submits.

        Returns:
            A future of what the reflector returns, for this submit and all that it runs with; `None` where the job was
            joined and run by another process. Its error is the job's own when that failed for the last time.

        Raises:
            ExecutorClosedError: After `shutdown`.
            UnresolvedNamespaceError: Nobody said whose memory this is about.
            InvalidValueError: The payload cannot be written down.
            StoreError: The queue could not be written.
        """
        return run(self._submit(payload, config, after_seconds, thread_id, context))

    async def asubmit(
        self,
        payload: Any,
        /,
        config: RunnableConfig | None = None,
        *,
        after_seconds: float = 0,
        thread_id: str | UUID | FromConfig | None = FROM_CONFIG,
        context: Any = None,
    ) -> Future[Any]:
        """Schedule a job like `submit`, without blocking the event loop."""
        return await arun(self._submit(payload, config, after_seconds, thread_id, context))

    def invoke(self, payload: Any, config: RunnableConfig | None = None, *, after_seconds: float = 0) -> Any:
        """Schedule a job, wait for it, and return what the reflector returns."""
        return self.submit(payload, config, after_seconds=after_seconds).result()

    async def ainvoke(self, payload: Any, config: RunnableConfig | None = None, *, after_seconds: float = 0) -> Any:
        """Do as `invoke` does, without blocking the event loop."""
        return await asyncio.wrap_future(await self.asubmit(payload, config, after_seconds=after_seconds))

    def _submit(
        self,
        payload: Any,
        config: RunnableConfig | None,
        after_seconds: float,
        thread_id: str | UUID | FromConfig | None,
        context: Any,
    ) -> Steps[Future[Any]]:
        self._check_open()
        delay = timedelta(seconds=check_after_seconds(after_seconds))
        scope = Scope(config, context)
        submission, live = Submission.of(payload, scope.config, scope.context)
        live.store = scope.store if self._workers.store is None else None
        now = self._clock.now()
        job = tables.NewJob(
            key=str(uuid4()),
            queue=self.name,
            submitter=self._queue.owner,
            namespace=scope.namespace(self._template),
            thread=scope.thread(thread_id),
            due=tables.microseconds(now + delay),
            now=tables.microseconds(now),
            submission=submission.dumps(),
        )
        future: Future[Any] = Future()
        registry = self._workers.registry

        def step(connection: sqlite3.Connection) -> tuple[int, bool]:
            return tables.enqueue(connection, job, self._combine, self._max_delay)

        def schedule() -> tuple[int, bool]:
            with self._lock:  # nothing may slip in behind the end
                self._check_open()
                self._workers.start()
                queued = self._queue.submit(step, lambda done: registry.add(done[0], future, live))
            return queued.result()

        number, joined = yield Io(schedule)
        self._workers.note("submitted", number, job)
        if joined:
            self._workers.note("coalesced", number, job)
        self._workers.wake()
        return future

    # -- looking ------------------------------------------------------------------------------------

    def search(
        self,
        query: str | None = None,
        *,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        namespace: str | tuple[str, ...] | None = None,
    ) -> list[dict[str, Any]]:
        """Search the store, by default in the namespace of the run which asks; return items as dicts.

        Raises:
            StoreError: The executor was made without a store.
            UnresolvedNamespaceError: Nobody said whose memory to search.
        """
        store, place = self._place(namespace)
        found = store.search(place, query=query, filter=filter, limit=limit, offset=offset)
        return [item.dict() for item in found]

    async def asearch(
        self,
        query: str | None = None,
        *,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        namespace: str | tuple[str, ...] | None = None,
    ) -> list[dict[str, Any]]:
        """Search like `search`, without blocking the event loop."""
        store, place = self._place(namespace)
        found = await store.asearch(place, query=query, filter=filter, limit=limit, offset=offset)
        return [item.dict() for item in found]

    def jobs(self, state: JobState | None = None) -> list[ReflectionJob]:
        """Return the jobs that are not done, in the order in which they are due.

        Args:
            state: "scheduled", "running", "applying" or "dead"; all of them by default.
        """
        found = self._queue.run(lambda connection: tables.list_jobs(connection, self.name))
        return [job for job in found if state is None or job.state == state]

    def stats(self) -> ReflectionStats:
        """Return what was done since the executor was made."""
        return self._workers.stats

    def retry_dead(self, *numbers: int) -> int:
        """Schedule dead jobs anew, those with these numbers or all; return how many there were."""
        chosen = list(numbers) or None
        now = tables.microseconds(self._clock.now())
        revived = self._queue.run(lambda c: tables.revive(c, self.name, now, chosen, self._combine))
        self.wake()
        return revived

    def wake(self) -> None:
        """Look now whether anything is due: for clocks that were moved."""
        self._workers.wake()

    # -- ending -------------------------------------------------------------------------------------

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False, timeout: float | None = None) -> bool:
        """Take no more jobs, and end. Safe to call twice.

        Jobs that run are let run to their end. Those that have not begun are run now or left in the file, as `pending`
        says; the futures of those that are left raise a JobLeftError.

        Args:
            wait: Whether to wait for the end.
            cancel_futures: Whether to give up what was submitted here and has not begun.
            timeout: Seconds to wait at most; what still runs then goes on in the background.

        Returns:
            Whether everything has ended.
        """
        with self._lock:
            first, self._closed = not self._closed, True
        if first and cancel_futures:
            self._cancel()
        if first:
            self._workers.stop(drain=self.pending == "drain" and not cancel_futures)
        return self._workers.join(timeout if wait else 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def after_fork_in_child(self) -> None:
        """Go on with the same file; futures and jobs under way are the parent's."""
        self._lock = threading.Lock()
        self._runner.forget()
        self._workers.begin_anew()

    def _cancel(self) -> None:
        registry = self._workers.registry
        cancelled = self._queue.run(partial(tables.cancel, numbers=registry.numbers()))
        for number in cancelled:
            registry.cancel(number)
        self._workers.count("cancelled", len(cancelled))

    def _end(self) -> None:
        self._workers.registry.leave(
            JobLeftError(f"the executor ended before the job ran: it waits in {self._queue.path}")
        )
        self._runner.close()
        with suppress(StoreError):
            self._queue.run(lambda connection: tables.release(connection, self._queue.owner))
        self._queue.close()
        _open_executors.discard(self)

    def _check_open(self) -> None:
        if self._closed:
            raise ExecutorClosedError(f"{self!r} was shut down")

    def _place(self, namespace: str | tuple[str, ...] | None) -> tuple[BaseStore, tuple[str, ...]]:
        store = self._workers.store or Scope(None).store
        if store is None:
            raise StoreError("the executor has no store: make it with store=...")
        if namespace is not None:
            return store, (namespace,) if isinstance(namespace, str) else tuple(namespace)
        return store, self._template.resolve(current_values())


def _queue_path(store: BaseStore | None) -> str:
    """Return the file beside that of a store, or of the store that it stands before; ":memory:" where there is none."""
    for each in (store, getattr(store, "long_term", None)):
        path = getattr(each, "path", None)
        if isinstance(path, str) and path != ":memory:":
            return f"{path}{JOBS_SUFFIX}"
    return ":memory:"


_open_executors: weakref.WeakSet[LocalReflectionExecutor] = weakref.WeakSet()


def _at_exit() -> None:
    executors = list(_open_executors)
    for executor in executors:
        executor.shutdown(wait=False)
    for executor in executors:
        executor.shutdown(timeout=EXIT_SECONDS)


# Before thread pools refuse work, which jobs may give them: `atexit` comes after that.
getattr(threading, "_register_atexit", atexit.register)(_at_exit)
