"""Who waits for which job in this process, and what lives beside a job only here."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

from warmgraph.reflection.submissions import Live

__all__ = ["Registry"]


class Registry:
    """Futures by the number of their job. Thread-safe; callbacks of futures run outside of its lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[int, list[Future[Any]]] = {}
        self._live: dict[int, Live] = {}
        self._results: dict[int, Any] = {}
        self._begun: set[int] = set()

    def add(self, number: int, future: Future[Any], live: Live) -> None:
        """Let a future wait for a job. What came last lives beside it."""
        with self._lock:
            self._futures.setdefault(number, []).append(future)
            self._live[number] = live

    def live(self, number: int) -> Live | None:
        """Return what lives beside a job."""
        with self._lock:
            return self._live.get(number)

    def numbers(self) -> list[int]:
        """Return the jobs that somebody waits for."""
        with self._lock:
            return list(self._futures)

    def waiting(self) -> list[int]:
        """Return the jobs that somebody waits for, and that do not run here."""
        with self._lock:
            return [number for number in self._futures if number not in self._begun]

    def move(self, number: int, into: int) -> None:
        """Let those who wait for one job wait for another."""
        if number == into:
            with self._lock:
                self._begun.discard(number)
            return
        with self._lock:
            self._begun.discard(number)
            futures, live = self._futures.pop(number, []), self._live.pop(number, None)
            if futures:
                self._futures[into] = futures + self._futures.get(into, [])
            if live is not None:
                self._live.setdefault(into, live)

    def begin(self, number: int) -> bool:
        """Mark futures as running; return False if somebody waited and all of them gave up."""
        with self._lock:
            futures = list(self._futures.get(number, ()))
            self._begun.add(number)
        wanted = [future.running() or future.set_running_or_notify_cancel() for future in futures]
        return not futures or any(wanted)

    def keep_result(self, number: int, result: Any) -> None:
        """Keep a result until the job's writes are applied."""
        with self._lock:
            self._results[number] = result

    def succeed(self, number: int) -> None:
        """Give everybody the result."""
        with self._lock:
            result = self._results.get(number)
        for future in self._forget(number):
            if not future.cancelled():
                future.set_result(result)

    def fail(self, number: int, error: BaseException) -> None:
        """Give everybody the error."""
        for future in self._forget(number):
            if not future.cancel() and not future.cancelled():
                future.set_exception(error)

    def cancel(self, number: int) -> None:
        """Cancel the futures of a job that will not run."""
        for future in self._forget(number):
            future.cancel()

    def leave(self, error: BaseException) -> None:
        """Tell everybody who still waits."""
        for number in self.numbers():
            for future in self._forget(number):
                if future.running() or future.set_running_or_notify_cancel():
                    future.set_exception(error)

    def _forget(self, number: int) -> list[Future[Any]]:
        with self._lock:
            self._live.pop(number, None)
            self._results.pop(number, None)
            self._begun.discard(number)
            return self._futures.pop(number, [])
