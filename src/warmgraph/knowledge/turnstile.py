"""One writer at a time to a namespace of this process, from any thread and any event loop."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic

from warmgraph.steps import Io, Steps

__all__ = ["enter", "leave"]

PATIENCE = 10.0  # seconds: a sync caller that blocks the event loop of whoever holds the lock must not wait for ever
POLL = 0.002  # seconds

_LOCKS = tuple(threading.Lock() for _ in range(64))


def enter(namespace: tuple[str, ...]) -> Steps[threading.Lock | None]:
    """Wait until nobody else of this process reads and then writes memories of a namespace.

    Returns:
        What `leave` takes. After ten seconds `None`: the call goes on without, and the last writer wins.
    """
    lock = _LOCKS[hash(namespace) % len(_LOCKS)]

    async def poll() -> bool:
        until = monotonic() + PATIENCE
        while not lock.acquire(blocking=False):
            if monotonic() > until:
                return False
            await asyncio.sleep(POLL)
        return True

    entered: bool = yield Io(lambda: lock.acquire(timeout=PATIENCE), poll)
    return lock if entered else None


def leave(lock: threading.Lock | None) -> None:
    """Let the next one in."""
    if lock is not None:
        lock.release()
