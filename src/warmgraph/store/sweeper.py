"""A thread that sweeps a store from time to time. It needs no event loop, and does not keep the store alive."""

from __future__ import annotations

import logging
import threading
import weakref
from concurrent.futures import Future
from typing import Protocol

from warmgraph.errors import StoreClosedError
from warmgraph.forks import ForkAware, watch_forks

__all__ = ["DEFAULT_MINUTES", "Sweepable", "Sweeper"]

logger: logging.Logger = logging.getLogger(__name__)

DEFAULT_MINUTES = 5.0  # as in LangGraph's own stores


class Sweepable(Protocol):
    """What can be swept."""

    def sweep_ttl(self) -> int:
        """Delete what has expired, and return how many items that were."""
        ...


class Sweeper(ForkAware):
    """Sweeps a store every so many minutes, on a daemon thread, from `start` to `stop` or to the store's end.

    A round that fails is logged and counted, and the next one comes all the same. In a forked process it goes on if it
    ran before.

    Args:
        store: What to sweep; held weakly.

    Attributes:
        rounds: Rounds so far.
        failures: Rounds of these that failed.
    """

    def __init__(self, store: Sweepable) -> None:
        self.rounds: int = 0
        self.failures: int = 0
        self._store: weakref.ref[Sweepable] = weakref.ref(store, lambda gone: self._run.stop.set())
        self._lock = threading.Lock()
        self._run = _Run(0.0)
        watch_forks(self)

    @property
    def running(self) -> bool:
        """Whether it sweeps, and was not told to stop."""
        return self._run.thread is not None and not self._run.stop.is_set()

    def start(self, minutes: float) -> Future[None]:
        """Start, unless it runs already; one that runs keeps its interval.

        Returns:
            Is done when the sweeper has ended. Cancelling it ends the sweeper.
        """
        with self._lock:
            if not self.running:
                self._run = run = _Run(minutes * 60)
                run.thread = threading.Thread(target=self._sweep, args=(run,), name="warmgraph-sweeper", daemon=True)
                run.thread.start()
            return self._run.future()

    def stop(self, timeout: float | None = None) -> bool:
        """Stop, and wait until the thread has ended.

        Args:
            timeout: Seconds to wait; `None` for as long as it takes.

        Returns:
            Whether it has ended, or did not run.
        """
        run = self._run
        run.stop.set()
        if run.thread is None or run.thread is threading.current_thread():
            return True
        run.thread.join(timeout)
        return not run.thread.is_alive()

    def after_fork_in_child(self) -> None:
        """Go on here, if it ran in the parent: its thread lives on there only."""
        ran, self._lock = self.running, threading.Lock()
        minutes, self._run = self._run.seconds / 60, _Run(0.0)
        if ran and self._store() is not None:
            self.start(minutes)

    def _sweep(self, run: _Run) -> None:
        try:
            while not run.stop.wait(run.seconds):
                if not self._round():
                    break
        finally:
            run.end()

    def _round(self) -> bool:
        """Sweep once; return whether there is any sense in going on."""
        store = self._store()
        if store is None:
            return False
        self.rounds += 1
        try:
            swept = store.sweep_ttl()
        except StoreClosedError:
            return False
        except Exception:
            self.failures += 1
            logger.exception("%r could not be swept; the next round comes in time", store)
        else:
            if swept:
                logger.info("swept %d expired items of %r", swept, store)
        return True


class _Run:
    """One life of the thread, and those who want to hear of its end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = min(seconds, threading.TIMEOUT_MAX)
        self.stop = threading.Event()
        self.thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ended = False
        self._futures: list[Future[None]] = []

    def future(self) -> Future[None]:
        future: Future[None] = Future()
        future.add_done_callback(lambda done: self.stop.set() if done.cancelled() else None)
        with self._lock:
            self._futures.append(future)
            ended = self._ended
        if ended:
            self.end()
        return future

    def end(self) -> None:
        self.stop.set()
        with self._lock:
            self._ended = True
            futures, self._futures = self._futures, []
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_result(None)
