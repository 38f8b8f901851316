"""What tests of the executor share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.testing import ManualClock

PLACE = ("memories", "{user_id}")
WAIT = 30.0


class Seen:
    """A reflector that notes what it was given, and can be made to wait and to fail."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []
        self.errors: list[BaseException] = []
        self.begun = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()

    def __call__(self, payload: Any) -> Any:
        with self._lock:
            self.payloads.append(payload)
            error = self.errors.pop(0) if self.errors else None
        self.begun.release()
        assert self.gate.wait(WAIT)
        if error is not None:
            raise error
        return len(payload["messages"])


Make = Callable[..., LocalReflectionExecutor]


@pytest.fixture
def seen() -> Seen:
    """Return a reflector."""
    return Seen()


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def make(clock: ManualClock) -> Iterator[Make]:
    """Make executors that are shut down in the end."""
    made: list[LocalReflectionExecutor] = []

    def make(reflector: Any, namespace: Any = PLACE, **options: Any) -> LocalReflectionExecutor:
        made.append(LocalReflectionExecutor(reflector, namespace, **{"clock": clock, "name": "test", **options}))
        return made[-1]

    yield make
    for each in made:
        assert each.shutdown(cancel_futures=True, timeout=WAIT)


def whose(user: str, thread: str | None = None) -> Any:
    """Return a config."""
    return {"configurable": {"user_id": user} | ({} if thread is None else {"thread_id": thread})}


def said(*texts: str) -> dict[str, Any]:
    """Return a payload."""
    return {"messages": [{"role": "user", "content": text} for text in texts]}


def contents(payload: Any) -> list[str]:
    """Return what was said in a payload."""
    return [message["content"] for message in payload["messages"]]
