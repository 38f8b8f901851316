"""One core, two shells: run the same code from sync and from async callers.

Whatever has to wait (disk, an embedding model, another store) is *yielded* by a generator as an `Io`, and a
driver performs it: `run` on the calling thread, `arun` without ever blocking the event loop. The code between
two yields only touches memory, so it is written once and behaves the same everywhere. The generator itself
decides what is atomic; an error or a cancellation arrives at the `yield`, where `try` / `finally` handle it.
Only a blocking call that already runs cannot be cancelled: its thread finishes what it began.

Example:
    >>> def double(load) -> "Steps[int]":
    ...     value = yield Io(load)
    ...     return 2 * value
    >>> run(double(lambda: 21))
    42
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias, TypeVar

__all__ = ["Io", "Steps", "arun", "run", "shut_off"]

T = TypeVar("T")


@dataclass(slots=True)
class Io:
    """Something to wait for.

    Args:
        call: Does it, blocking the calling thread.
        acall: Does it natively on an event loop. Without one, `arun` calls `call` in a thread.
    """

    call: Callable[[], Any]
    acall: Callable[[], Awaitable[Any]] | None = None


Steps: TypeAlias = Generator[Io, Any, T]


def run(steps: Steps[T]) -> T:
    """Drive `steps` on the calling thread and return what it returns."""
    try:
        io = next(steps)
        while True:
            io = _perform(steps, io)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


async def arun(steps: Steps[T]) -> T:
    """Drive `steps` from a running event loop and return what it returns.

    Steps that never yield finish inline. Blocking waits, and the steps between them, run in one thread: a call
    pays for one hop, however many of them there are.

    When the caller is cancelled during a native wait, or before the thread could start, the cancellation arrives
    at the `yield`. When the thread already runs, the caller is released at once, and the thread goes on to the
    end, or to the next wait that belongs on the event loop: there the steps are closed.
    """
    in_thread = False
    try:
        io = next(steps)
        while True:
            if io.acall is not None:
                try:
                    answer = await io.acall()
                except BaseException as error:
                    io = steps.throw(error)
                else:
                    io = steps.send(answer)
                continue
            hop = _Hop(steps, io)
            try:
                future = asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, hop.run)
            except BaseException as error:  # no thread could be had
                io = steps.throw(error)
                continue
            try:
                outcome = await future
            except asyncio.CancelledError as cancelled:
                in_thread = hop.abandon()
                if in_thread or hop.finished:
                    raise
                io = steps.throw(cancelled)
                continue
            if isinstance(outcome, _Finished):
                result: T = outcome.value
                return result
            io = outcome
    except StopIteration as stop:
        done: T = stop.value
        return done
    finally:
        if not in_thread:
            steps.close()


def shut_off(steps: Steps[T]) -> Steps[T]:
    """Drive `steps` as one wait of the caller's: its own steps stay on their thread, wherever these go on.

    What has nothing to wait for is answered at once, without a driver of its own.
    """
    try:
        io = next(steps)
    except StopIteration as stop:
        done: T = stop.value
        return done
    rest = _going_on(steps, io)
    answer: T = yield Io(lambda: run(rest), lambda: arun(rest))
    return answer


def _going_on(steps: Steps[T], io: Io) -> Steps[T]:
    """Go on with steps that have come to a wait."""
    try:
        while True:
            try:
                answer = yield io
            except GeneratorExit:
                raise
            except BaseException as error:
                io = steps.throw(error)
            else:
                io = steps.send(answer)
    except StopIteration as stop:
        done: T = stop.value
        return done
    finally:
        steps.close()


@dataclass(frozen=True, slots=True)
class _Finished:
    value: Any


class _Phase(Enum):
    WAITING = auto()  # for a free thread
    RUNNING = auto()
    RETURNED = auto()
    ABANDONED = auto()


class _Hop:
    """One stay of the steps in a worker thread, and who owns them when the awaiting side gives up."""

    def __init__(self, steps: Steps[Any], io: Io) -> None:
        self.finished = False  # the steps have run to their end, with a result or with an error
        self._steps = steps
        self._io = io
        self._phase = _Phase.WAITING
        self._lock = threading.Lock()

    def run(self) -> Io | _Finished:
        """Run on until the steps end or ask for something that belongs on the event loop."""
        with self._lock:
            if self._phase is _Phase.ABANDONED:
                return _Finished(None)  # nobody listens, and the steps belong to the other side again
            self._phase = _Phase.RUNNING
        outcome: Io | _Finished = self._io
        try:
            while isinstance(outcome, Io) and outcome.acall is None:
                outcome = _perform(self._steps, outcome)
        except StopIteration as stop:
            outcome = _Finished(stop.value)
        except BaseException:
            self.finished = True
            raise
        finally:
            self.finished = self.finished or isinstance(outcome, _Finished)
            with self._lock:
                abandoned = self._phase is _Phase.ABANDONED
                self._phase = _Phase.RETURNED
            if abandoned:
                self._steps.close()
        return outcome

    def abandon(self) -> bool:
        """Give up waiting. Return whether the thread still has the steps, and will close them."""
        with self._lock:
            running = self._phase is _Phase.RUNNING
            if self._phase is not _Phase.RETURNED:
                self._phase = _Phase.ABANDONED
            return running


def _perform(steps: Steps[Any], io: Io) -> Io:
    try:
        answer = io.call()
    except BaseException as error:
        return steps.throw(error)
    return steps.send(answer)
