"""An index of a file in RAM, or on the way there."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from warmgraph.index import NamespaceIndex
from warmgraph.store.sqlite.changes import Change
from warmgraph.store.sqlite.rows import MICROSECONDS

__all__ = ["Loaded", "Loading", "apply_change"]


@dataclass(slots=True)
class Loading:
    """An index that is being read. Changes committed meanwhile wait here."""

    done: Future[NamespaceIndex] = field(default_factory=Future)
    changes: list[Change] = field(default_factory=list)
    stale: bool = False


@dataclass(slots=True)
class Loaded:
    """An index in RAM, and what it took there when it was measured."""

    index: NamespaceIndex
    items: int = 0  # when it was measured
    bytes: int = 0

    def measure(self, *, anew: bool = False) -> int:
        """Measure again if it has grown a good deal, or if told to, and return by how many bytes it has grown."""
        count = len(self.index)
        if self.bytes and not anew and count <= 1.25 * self.items + 64:
            return 0
        before, self.items = self.bytes, count
        with self.index.lock:
            self.bytes = self.index.ram_bytes()
        return self.bytes - before


def apply_change(index: NamespaceIndex, change: Change) -> None:
    """Bring an index in step with a change, unless it knows a later one of the item."""
    with index.lock:
        if change.seq < index.seq(change.key):
            return  # what was read already knew a later write
        if change.gone:
            index.remove(change.key)
        elif change.entry is not None:
            index.upsert(change.entry)
        elif change.expires_at is not None:
            index.prolong(change.key, change.expires_at / MICROSECONDS)
