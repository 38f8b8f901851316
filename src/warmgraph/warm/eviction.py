"""Eviction policies: which item of a full namespace becomes cold.

A policy is a small class that is told of writes and reads and names a victim. One instance serves one namespace.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from warmgraph.errors import InvalidArgumentError

__all__ = [
    "EvictionPolicy",
    "Fifo",
    "Importance",
    "ImportanceOf",
    "Lfu",
    "Lru",
    "PolicyFactory",
    "Sieve",
    "create_policy_factory",
]


@runtime_checkable
class EvictionPolicy(Protocol):
    """Chooses what to evict. All methods take O(1) but `victim`, which may look at everything it holds.

    A policy that weighs importance against recency has its weight as an attribute, `importance_weight`: what is loaded
    when a namespace is first used is chosen by that. Without one it is what was written last.
    """

    def add(self, key: str) -> None:
        """Note that an item was written, for the first time or again."""
        ...

    def touch(self, key: str) -> None:
        """Note that an item was read; unknown keys are ignored."""
        ...

    def discard(self, key: str) -> None:
        """Forget an item; unknown keys are ignored."""
        ...

    def victim(self, importance: ImportanceOf) -> str:
        """Return the key that should go next. Never called while the policy holds nothing.

        Args:
            importance: Tells how much an item is likely to matter, in [0, 1]; `None` while that is not known, because
                nobody asked for words since it was written.
        """
        ...


ImportanceOf: TypeAlias = Callable[[str], float | None]
PolicyFactory: TypeAlias = Callable[[int], EvictionPolicy]


class Fifo:
    """First in, first out: the item whose last write is the oldest goes. Reads do not count.

    Example:
        >>> policy = Fifo(capacity=2)
        >>> for key in "abc":
        ...     policy.add(key)
        >>> policy.victim(lambda key: None)
        'a'
    """

    def __init__(self, capacity: int) -> None:
        self._order: OrderedDict[str, None] = OrderedDict()

    def add(self, key: str) -> None:
        """Note a write."""
        self._order[key] = None
        self._order.move_to_end(key)

    def touch(self, key: str) -> None:
        """Ignore a read."""

    def discard(self, key: str) -> None:
        """Forget an item."""
        self._order.pop(key, None)

    def victim(self, importance: ImportanceOf) -> str:
        """Return the item written longest ago."""
        return next(iter(self._order))


class Lru(Fifo):
    """Least recently used: the item that was neither written nor read for longest goes."""

    def touch(self, key: str) -> None:
        """Note a read."""
        if key in self._order:
            self._order.move_to_end(key)


class Lfu:
    """Least frequently used; among equals the one used longest ago. Ketan Shah et al., 2010: O(1) by buckets."""

    def __init__(self, capacity: int) -> None:
        self._count: dict[str, int] = {}
        self._buckets: dict[int, OrderedDict[str, None]] = {}

    def add(self, key: str) -> None:
        """Note a write, which counts as a use."""
        self._move(key, self._count.get(key, 0) + 1)

    def touch(self, key: str) -> None:
        """Note a read."""
        if key in self._count:
            self._move(key, self._count[key] + 1)

    def discard(self, key: str) -> None:
        """Forget an item and its count."""
        count = self._count.pop(key, None)
        if count is not None:
            del self._buckets[count][key]
            if not self._buckets[count]:
                del self._buckets[count]

    def victim(self, importance: ImportanceOf) -> str:
        """Return the item used least often."""
        return next(iter(self._buckets[min(self._buckets)]))

    def _move(self, key: str, count: int) -> None:
        self.discard(key)
        self._count[key] = count
        self._buckets.setdefault(count, OrderedDict())[key] = None


class Sieve:
    """SIEVE (Zhang et al., NSDI 2024): a hand sweeps from old to new, spares what was read since it last passed."""

    def __init__(self, capacity: int) -> None:
        self._visited: OrderedDict[str, bool] = OrderedDict()  # oldest first
        self._hand: str | None = None

    def add(self, key: str) -> None:
        """Note a write: a new item goes to the young end, a rewritten one counts as visited."""
        self._visited[key] = key in self._visited

    def touch(self, key: str) -> None:
        """Note a read."""
        if key in self._visited:
            self._visited[key] = True

    def discard(self, key: str) -> None:
        """Forget an item; a hand that pointed at it moves on to the next younger one."""
        if key == self._hand:
            self._hand = self._younger(key)
        self._visited.pop(key, None)

    def victim(self, importance: ImportanceOf) -> str:
        """Move the hand to the first item that was not visited, and return it."""
        keys = list(self._visited)
        at = keys.index(self._hand) if self._hand is not None and self._hand in self._visited else 0
        while self._visited[keys[at]]:
            self._visited[keys[at]] = False
            at = (at + 1) % len(keys)
        self._hand = keys[at]
        return keys[at]

    def _younger(self, key: str) -> str | None:
        keys = list(self._visited)
        at = keys.index(key) + 1
        return keys[at] if at < len(keys) else None


class Importance:
    """Recency and importance: the lowest `exp(-age / capacity) + weight * importance` goes.

    Age counts writes (1 each) and reads (0.2 each) since an item was last written or recalled. Of the policies
    that were replayed on real conversations this mix kept most of what was asked about later.

    Args:
        capacity: Items of a namespace.
        weight: Weight of importance against recency.
    """

    READ_TIME = 0.2
    UNKNOWN = 0.5  # the importance of what nothing is known of yet

    def __init__(self, capacity: int, weight: float = 0.5) -> None:
        self.importance_weight: float = weight
        self._capacity = max(capacity, 1)
        self._clock = 0.0
        self._written: str | None = None
        self._rows: dict[str, int] = {}
        self._keys: list[str] = []
        self._last = np.zeros(16)  # when it was last used, in capacities
        self._importance = np.zeros(16)  # times its weight
        self._unweighed: dict[str, None] = {}  # nobody was asked yet
        self._unknown: dict[str, None] = {}  # asked in vain
        self._until_weighing = 0

    def add(self, key: str) -> None:
        """Note a write."""
        self._clock += 1
        self._written = key
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._keys)
            self._keys.append(key)
            if row == len(self._last):
                self._last = np.concatenate([self._last, np.zeros_like(self._last)])
                self._importance = np.concatenate([self._importance, np.zeros_like(self._importance)])
        self._last[row] = self._clock / self._capacity
        self._importance[row] = self.UNKNOWN * self.importance_weight
        self._unweighed[key] = None
        self._unknown.pop(key, None)

    def touch(self, key: str) -> None:
        """Note a read."""
        row = self._rows.get(key)
        if row is not None:
            self._clock += self.READ_TIME
            self._last[row] = self._clock / self._capacity

    def discard(self, key: str) -> None:
        """Forget an item."""
        row = self._rows.pop(key, None)
        if row is None:
            return
        self._unweighed.pop(key, None)
        self._unknown.pop(key, None)
        moved = self._keys.pop()
        if moved != key:
            last = len(self._keys)
            self._keys[row], self._rows[moved] = moved, row
            self._last[row], self._importance[row] = self._last[last], self._importance[last]

    def victim(self, importance: ImportanceOf) -> str:
        """Return the item worth least, but the one written last: what was put can be got."""
        self._weigh(importance)
        n = len(self._keys)
        worth = self._last[:n] - self._clock / self._capacity
        np.exp(worth, out=worth)
        worth += self._importance[:n]
        row = self._rows.get(self._written) if self._written is not None else None
        if row is not None and n > 1:
            worth[row] = np.inf
        return self._keys[int(worth.argmin())]

    def _weigh(self, importance: ImportanceOf) -> None:
        """Ask for the importance of what was written since.

        Not every time: the last sixteenth of what was written is too young to go, however little it matters. And while
        the oldest of what was asked for in vain is not known, nobody has asked for words, so the others are not either:
        to ask for all of them would be half of the work of a write.
        """
        if self._until_weighing:
            self._until_weighing -= 1
            return
        self._until_weighing = self._capacity // 16
        asked, self._unweighed = self._unweighed, {}
        oldest = next(iter(self._unknown), None)
        if oldest is not None and importance(oldest) is not None:
            asked = {**self._unknown, **asked}
        for key in asked:
            known = importance(key)
            if known is None:
                self._unknown[key] = None
            else:
                self._importance[self._rows[key]] = known * self.importance_weight
                self._unknown.pop(key, None)


_BY_NAME: dict[str, PolicyFactory] = {
    "fifo": Fifo,
    "lru": Lru,
    "lfu": Lfu,
    "sieve": Sieve,
    "importance": Importance,
}


def create_policy_factory(eviction: str | PolicyFactory) -> PolicyFactory:
    """Return what makes a policy for a namespace.

    Args:
        eviction: "fifo", "lru", "lfu", "sieve", "importance", or a class or function of one's own that takes the
            capacity and returns an `EvictionPolicy`.

    Raises:
        InvalidArgumentError: It is neither.

    Example:
        >>> isinstance(create_policy_factory("lru")(256), EvictionPolicy)
        True
    """
    if isinstance(eviction, str) and eviction in _BY_NAME:
        return _BY_NAME[eviction]
    if callable(eviction):
        try:
            made = eviction(1)
        except TypeError as error:
            expected = "a factory that takes the capacity and returns an EvictionPolicy"
            raise InvalidArgumentError("eviction", expected=expected, got=eviction) from error
        if not isinstance(made, EvictionPolicy):
            raise InvalidArgumentError("eviction", expected="a factory of EvictionPolicy objects", got=eviction)
        return eviction
    raise InvalidArgumentError("eviction", expected=f"one of {', '.join(_BY_NAME)}, or a factory", got=eviction)
