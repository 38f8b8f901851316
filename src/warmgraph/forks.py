"""What has to happen around `os.fork`: locks that nobody will release, and connections that must not be inherited.

A forked child has a copy of all memory and only the thread that forked. A lock that another thread held stays held
there for ever, and an SQLite connection may not be used, or even closed, by two processes. So objects with either are
asked to come to rest before a fork, and to begin anew after it. A module that another thread is importing stays locked
in the child as well, and OpenBLAS, which stops its threads before a fork, may leave a product that is under way on
another thread waiting for ever: both go on `undisturbed_by_forks`.
"""

from __future__ import annotations

import ctypes
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["ForkAware", "keep_for_ever", "pause", "undisturbed_by_forks", "watch_forks"]

logger: logging.Logger = logging.getLogger(__name__)


class ForkAware:
    """Is told of forks of this process, on the thread that forks."""

    def before_fork(self) -> None:
        """Come to rest, in bounded time."""
        return

    def after_fork_in_parent(self) -> None:
        """Go on."""
        return

    def after_fork_in_child(self) -> None:
        """Begin anew: no other thread exists here, and nothing that the system gave the parent is this process's."""
        return


def watch_forks(watcher: ForkAware) -> None:
    """Tell an object of every fork, as long as it lives; those made first are told first."""
    _watchers[next(_numbers)] = watcher


@contextmanager
def undisturbed_by_forks() -> Iterator[None]:
    """Let this process fork on other threads only before or after what is done within, such as a long import.

    Example:
        >>> with undisturbed_by_forks():
        ...     import json
    """
    with _undisturbed:
        _mine.depth = _depth() + 1
        try:
            yield
        finally:
            _mine.depth -= 1


def pause(seconds: float) -> None:
    """Sleep; what this thread does `undisturbed_by_forks` stands still, and others may fork meanwhile.

    For 0 seconds that is all it is for: elsewhere it does nothing, where giving way would cost the writer of a vector.
    """
    held, depth = _undisturbed, _depth()
    if not seconds and not depth:
        return
    for _ in range(depth):
        held.release()
    try:
        time.sleep(seconds)
    finally:
        for _ in range(depth):
            held.acquire()


def _depth() -> int:
    """Return how many times this thread keeps others from forking."""
    return getattr(_mine, "depth", 0)


def keep_for_ever(thing: object) -> None:
    """Never free an object, not even when the interpreter ends: freeing it would undo what the parent relies on."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


_watchers: weakref.WeakValueDictionary[int, ForkAware] = weakref.WeakValueDictionary()
_numbers = itertools.count()
_resting: list[ForkAware] = []  # strong: whoever came to rest is told to go on
_forking = threading.Lock()  # two threads may fork at once
_undisturbed = threading.RLock()
_mine = threading.local()
_undisturbed_is_ours = False
# sklearn takes seconds on a cold disk; whatever takes longer has its child hang rather than the parent.
IMPORT_SECONDS = 60.0


def _before() -> None:
    global _undisturbed_is_ours
    _forking.acquire()
    _undisturbed_is_ours = _undisturbed.acquire(timeout=IMPORT_SECONDS)
    _resting[:] = [watcher for _, watcher in sorted(_watchers.items())]
    for watcher in _resting:
        _tell(watcher.before_fork)


def _in_parent() -> None:
    for watcher in _resting:
        _tell(watcher.after_fork_in_parent)
    _resting.clear()
    if _undisturbed_is_ours:
        _undisturbed.release()
    _forking.release()


def _in_child() -> None:
    global _forking, _undisturbed
    _forking, _undisturbed = threading.Lock(), threading.RLock()
    # A server written in C may fork without having asked anybody to come to rest before.
    for watcher in _resting or [watcher for _, watcher in sorted(_watchers.items())]:
        _tell(watcher.after_fork_in_child)
    _resting.clear()


def _tell(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:
        logger.exception("failed around a fork")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
