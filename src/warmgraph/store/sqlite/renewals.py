"""Items whose time to live starts anew because they were read: noted at once, written in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import TypeAlias

from warmgraph.forks import ForkAware, watch_forks
from warmgraph.store.sqlite import items
from warmgraph.store.sqlite.indexes import LoadedIndexes, Written
from warmgraph.store.sqlite.rows import MICROSECONDS

__all__ = ["Renewals"]

logger: logging.Logger = logging.getLogger(__name__)

Place: TypeAlias = tuple[tuple[str, ...], str]


class Renewals(ForkAware):
    """Renewals of expiries that are on their way to the file.

    A read does not wait for the disk because of the expiry that it moves. A later read waits for those renewals
    without which it would take an item for expired: in practice for none.

    Args:
        indexes: The indexes, through which all writes go.
        now: Tells the time, in microseconds since the epoch.

    Attributes:
        failed: Items whose renewal could not be written: they expire when they would have without it.
    """

    def __init__(self, indexes: LoadedIndexes, now: Callable[[], int]) -> None:
        self._indexes = indexes
        self._now = now
        self._lock = threading.Lock()
        self._pending: dict[Future[Written], float] = {}  # with the time at which the first of its items expires
        self.failed: int = 0
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Forget what the parent writes."""
        self._lock = threading.Lock()
        self._pending = {}

    def renew(self, places: Mapping[Place, float]) -> None:
        """Let items live for their whole time again. Returns at once; a crash may lose it, nothing else.

        Args:
            places: The items, with the time in seconds since the epoch at which they would have expired.
        """
        if not places:
            return
        wanted, now = list(places), self._now()
        self._indexes.tell_renewed(wanted, now / MICROSECONDS)
        future = self._indexes.write(lambda connection: items.move_expiry(connection, wanted, now))
        with self._lock:
            self._pending[future] = min(places.values())
        future.add_done_callback(lambda done: self._done(done, len(wanted)))

    def settle(self) -> None:
        """Wait for the renewals that decide whether an item is still alive now."""
        if not self._pending:
            return
        now = self._now() / MICROSECONDS
        with self._lock:
            due = [future for future, expires in self._pending.items() if expires <= now]
        wait(due)

    def _done(self, future: Future[Written], count: int) -> None:
        error = future.exception()
        with self._lock:
            del self._pending[future]
            self.failed += count if error is not None else 0
        if error is not None:
            # Nobody waits for it: the read was answered long ago, and the item is there until its old expiry.
            logger.warning("the times to live of %d items could not be renewed: %s", count, error)
