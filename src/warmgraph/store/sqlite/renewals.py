"""Items whose time to live starts anew because they were read: noted at once, written in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import TypeAlias

from warmgraph.store.sqlite import items
from warmgraph.store.sqlite.indexes import LoadedIndexes, Written

__all__ = ["Renewals"]

Place: TypeAlias = tuple[tuple[str, ...], str]


class Renewals:
    """Renewals of expiries that are on their way to the file.

    A read does not wait for the disk because of the expiry that it moves. A later read waits for those renewals
    without which it would take an item for expired: in practice for none.

    Args:
        indexes: The indexes, through which all writes go.
        now: Tells the time, in microseconds since the epoch.
    """

    def __init__(self, indexes: LoadedIndexes, now: Callable[[], int]) -> None:
        self._indexes = indexes
        self._now = now
        self._lock = threading.Lock()
        self._pending: dict[Future[Written], float] = {}  # with the time at which the first of its items expires

    def renew(self, places: Mapping[Place, float]) -> None:
        """Let items live for their whole time again. Returns at once; a crash may lose it, nothing else.

        Args:
            places: The items, with the time in seconds since the epoch at which they would have expired.
        """
        if not places:
            return
        wanted, now = list(places), self._now()
        self._indexes.tell_renewed(wanted, now / items.MICROSECONDS)
        future = self._indexes.write(lambda connection: items.move_expiry(connection, wanted, now))
        with self._lock:
            self._pending[future] = min(places.values())
        future.add_done_callback(self._forget)

    def settle(self) -> None:
        """Wait for the renewals that decide whether an item is still alive now."""
        if not self._pending:
            return
        now = self._now() / items.MICROSECONDS
        with self._lock:
            due = [future for future, expires in self._pending.items() if expires <= now]
        wait(due)

    def _forget(self, future: Future[Written]) -> None:
        with self._lock:
            del self._pending[future]
