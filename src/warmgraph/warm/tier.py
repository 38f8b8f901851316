"""The warm tier: bounded buffers of items in RAM, one for each namespace.

It knows nothing of stores, files or vectors. Its owner puts items in and is told when one becomes cold.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from warmgraph.warm.eviction import EvictionPolicy, PolicyFactory
from warmgraph.warm.flights import Flights
from warmgraph.warm.item import NEVER, WarmItem

__all__ = ["TierListener", "WarmNamespace", "WarmTier"]

Namespace: TypeAlias = tuple[str, ...]
# Victims that a policy may name in vain before the oldest item goes instead.
MAX_STRANGERS = 1000


class TierListener(Protocol):
    """Is told which items are warm. Called with the tier's lock held; must not call back."""

    def warmed(self, namespace: Namespace, key: str) -> None:
        """Hear that an item became warm."""
        ...

    def cooled(self, namespace: Namespace, key: str, *, gone: bool) -> None:
        """Hear that an item is no longer warm: `gone` if it was evicted or expired, not if it is being written."""
        ...

    def dropped(self, namespace: Namespace) -> None:
        """Hear that a whole namespace left RAM."""
        ...

    def importance(self, namespace: Namespace, key: str) -> float | None:
        """Return how much an item is likely to matter, in [0, 1]; `None` while nobody knows."""
        ...


@dataclass(slots=True)
class WarmNamespace:
    """The warm items of one namespace.

    Args:
        policy: Chooses whom to evict.
        items: The items by key.
        bytes: Their size together.
        resident: Whether its best items were loaded since the start.
        mortal: Whether it ever held an item that expires.
    """

    policy: EvictionPolicy
    items: dict[str, WarmItem] = field(default_factory=dict)
    bytes: int = 0
    resident: bool = False
    mortal: bool = False


class WarmTier:
    """Bounded buffers with one lock, which is held for work in RAM only.

    Args:
        listener: Is told which items are warm.
        make_policy: Makes the eviction policy of a namespace.
        capacity: Items of a namespace. One namespace never evicts from another by this bound.
        max_namespaces: Namespaces in RAM; the least recently used ones are dropped beyond.
        max_bytes: Bytes of all items together; least recently used namespaces are dropped beyond.
        max_namespace_bytes: Bytes of a namespace; items are evicted beyond. `None` for no bound of its own.
    """

    def __init__(
        self,
        listener: TierListener,
        make_policy: PolicyFactory,
        *,
        capacity: int,
        max_namespaces: int,
        max_bytes: int,
        max_namespace_bytes: int | None = None,
    ) -> None:
        self.lock: threading.RLock = threading.RLock()
        self.bytes: int = 0
        self.evictions: int = 0
        self._listener = listener
        self._make_policy = make_policy
        self._capacity, self._max_namespaces, self._max_bytes = capacity, max_namespaces, max_bytes
        self._max_each = max_bytes if max_namespace_bytes is None else min(max_namespace_bytes, max_bytes)
        self._namespaces: OrderedDict[Namespace, WarmNamespace] = OrderedDict()
        self._flights = Flights()

    def __len__(self) -> int:
        return sum(len(space.items) for space in self._namespaces.values())

    def namespaces(self) -> list[Namespace]:
        """Return the namespaces in RAM, least recently used first."""
        with self.lock:
            return list(self._namespaces)

    def resident(self, namespace: Namespace) -> bool:
        """Whether the best items of a namespace have been loaded; counts as a use of the namespace."""
        with self.lock:
            space = self._namespaces.get(namespace)
            if space is None:
                return False
            self._namespaces.move_to_end(namespace)
            return space.resident

    def warm_keys(self, namespace: Namespace) -> list[str]:
        """Return the warm keys of a namespace."""
        with self.lock:
            space = self._namespaces.get(namespace)
            return list(space.items) if space else []

    def held(self, namespace: Namespace) -> int:
        """Return how many items of a namespace are warm."""
        space = self._namespaces.get(namespace)
        return 0 if space is None else len(space.items)

    def get(self, namespace: Namespace, key: str, now: float, *, touch: bool = True) -> WarmItem | None:
        """Return a warm item that has not expired, counting the read as a use; `None` if there is none."""
        with self.lock:
            space = self._namespaces.get(namespace)
            item = space.items.get(key) if space else None
            if space is None or item is None or item.expires <= now:
                return None
            if touch:
                space.policy.touch(key)
                self._namespaces.move_to_end(namespace)
            return item

    def get_all(self, places: Iterable[tuple[Namespace, str, object]], now: float) -> list[WarmItem | None]:
        """Return warm items that have not expired, `None` for those that there are not; counts as no use.

        Args:
            places: Namespace, key, and something else of each.
            now: Seconds since the epoch.
        """
        found: list[WarmItem | None] = []
        with self.lock:
            last, space = None, None
            for namespace, key, _ in places:
                if namespace is not last:
                    last, space = namespace, self._namespaces.get(namespace)
                item = space.items.get(key) if space is not None else None
                found.append(None if item is None or item.expires <= now else item)
        return found

    def held_items(self, namespace: Namespace) -> Mapping[str, WarmItem]:
        """Return the warm items of a namespace by key, expired or not; counts as no use. The caller holds the lock."""
        space = self._namespaces.get(namespace)
        return space.items if space is not None else {}

    def find(self, namespace: Namespace, key: str) -> WarmItem | None:
        """Return a warm item, expired or not, without counting it as a use. The caller holds the lock."""
        space = self._namespaces.get(namespace)
        return space.items.get(key) if space is not None else None

    def begin(self, namespace: Namespace, keys: Iterable[str], *, write: bool) -> dict[str, int]:
        """Enter operations on keys; what a write touches is not warm until it has landed."""
        with self.lock:
            flights = {key: self._flights.enter((namespace, key), write=write) for key in keys}
            if write:
                for key in flights:
                    self._take(namespace, key, gone=False)
            return flights

    def land(self, namespace: Namespace, key: str, generation: int, item: WarmItem | None, *, write: bool) -> bool:
        """Leave an operation; keep `item` if it is still true, and say whether it is. `None`: nothing is to be kept.

        A write that was overtaken leaves nothing warm, for nobody knows which of the two came last. A read that was
        overtaken leaves what the write put there.
        """
        with self.lock:
            still_true = self._flights.leave((namespace, key), generation, write=write)
            if still_true and item is not None:
                self._install(namespace, key, item)
                return True
            if write:
                self._remove(namespace, key)
            return still_true and item is None

    def writing(self, namespace: Namespace, key: str) -> bool:
        """Whether a write of an item is under way. The caller holds the lock."""
        return self._flights.writing((namespace, key))

    def put(self, namespace: Namespace, key: str, item: WarmItem) -> None:
        """Keep an item of which the tier is the only holder."""
        with self.lock:
            self._install(namespace, key, item)

    def touch(self, namespace: Namespace, keys: Iterable[str]) -> bool:
        """Count a use of items, and of their namespace, and return whether any item there may expire."""
        with self.lock:
            space = self._namespaces.get(namespace)
            if space is None:
                return False
            self._namespaces.move_to_end(namespace)
            touch = space.policy.touch
            for key in keys:
                touch(key)
            return space.mortal

    def to_renew(self, namespace: Namespace, keys: Iterable[str], now: float) -> dict[str, float]:
        """Return which of some keys are worth renewing, and when they would expire (seconds since the epoch)."""
        with self.lock:
            space = self._namespaces.get(namespace)
            if space is None or not space.mortal:
                return {}
            held = ((key, space.items.get(key)) for key in keys)
            return {key: item.expires for key, item in held if item is not None and item.worth_renewing(now)}

    def importance_weight(self, namespace: Namespace) -> float:
        """Return what importance weighs against recency for who is evicted from a namespace."""
        with self.lock:
            space = self._namespaces.get(namespace)
            policy = self._make_policy(self._capacity) if space is None else space.policy
            return float(getattr(policy, "importance_weight", 0.0))

    def keep(self, namespace: Namespace, keys: Iterable[str]) -> None:
        """Evict all items of a namespace but some."""
        with self.lock:
            for key in set(self.warm_keys(namespace)).difference(keys):
                self.evictions += 1
                self._remove(namespace, key, gone=True)

    def open(self, namespace: Namespace, loaded: Iterable[str] = ()) -> None:
        """Make room for a namespace, and note that its best items are loaded.

        Args:
            namespace: The namespace.
            loaded: Its best items, in the order in which they were written. What else is warm was written meanwhile.
        """
        with self.lock:
            space = self._space(namespace)
            space.resident = True
            for key in dict.fromkeys([*loaded, *space.items]):
                if key in space.items:
                    space.policy.discard(key)
                    space.policy.add(key)

    def discard(self, namespace: Namespace, key: str) -> None:
        """Remove an item, as if it had never been warm."""
        with self.lock:
            self._remove(namespace, key)

    def overtake(self, namespace: Namespace, key: str) -> None:
        """Remove an item that somebody else wrote, and keep nothing of it that is on its way here."""
        with self.lock:
            self._flights.overtake((namespace, key))
            self._remove(namespace, key)

    def overtake_all(self) -> None:
        """Remove everything, because anything may have been written by somebody else."""
        with self.lock:
            self._flights.overtake_all()
            for namespace in list(self._namespaces):
                self.drop(namespace)

    def renew(self, namespace: Namespace, key: str, now: float) -> float | None:
        """Let a warm item live for its whole time again, counted from `now` (seconds since the epoch).

        Returns:
            When it will expire; `None` if it is not warm, or never expires.
        """
        with self.lock:
            space = self._namespaces.get(namespace)
            item = space.items.get(key) if space else None
            if item is None or item.ttl is None:
                return None
            item.expires = max(item.expires, now + item.ttl * 60)
            return item.expires

    def prolong(self, namespace: Namespace, key: str, expires: float) -> None:
        """Move the expiry of a warm item that has one further away, in seconds since the epoch; never closer."""
        with self.lock:
            space = self._namespaces.get(namespace)
            item = space.items.get(key) if space else None
            if item is not None and item.expires != NEVER:
                item.expires = max(item.expires, expires)

    def drop(self, namespace: Namespace) -> None:
        """Remove a namespace from RAM."""
        with self.lock:
            space = self._namespaces.pop(namespace, None)
            if space is not None:
                self.bytes -= space.bytes
                self.evictions += len(space.items)
                self._listener.dropped(namespace)

    def expire(self, now: float, namespace: Namespace | None = None) -> int:
        """Remove what has expired at `now` (seconds since the epoch), and return how many items that were.

        Args:
            now: The time.
            namespace: Look there only; `None` for everywhere.
        """
        with self.lock:
            names = list(self._namespaces) if namespace is None else [namespace]
            spaces = [(name, space) for name in names if (space := self._namespaces.get(name)) and space.mortal]
            gone = [(name, key) for name, space in spaces for key, item in space.items.items() if item.expires <= now]
            for name, key in gone:
                self._remove(name, key, gone=True)
            return len(gone)

    def _space(self, namespace: Namespace) -> WarmNamespace:
        space = self._namespaces.get(namespace)
        if space is None:
            space = self._namespaces[namespace] = WarmNamespace(self._make_policy(self._capacity))
            while len(self._namespaces) > self._max_namespaces:
                self.drop(next(iter(self._namespaces)))
        self._namespaces.move_to_end(namespace)
        return space

    def _install(self, namespace: Namespace, key: str, item: WarmItem) -> None:
        if item.size > self._max_each:  # it would drive out everything else, and then have to leave itself
            self._remove(namespace, key)
            self.evictions += 1
            self._listener.cooled(namespace, key, gone=True)
            return
        space = self._space(namespace)
        old = space.items.get(key)
        grown = item.size if old is None else item.size - old.size
        space.items[key] = item
        if item.expires != NEVER:
            space.mortal = True
        space.bytes += grown
        self.bytes += grown
        self._listener.warmed(namespace, key)
        space.policy.add(key)
        while len(space.items) > self._capacity:
            self._evict(namespace, space, key)
        while space.bytes > self._max_each and len(space.items) > 1:
            self._evict(namespace, space, key)
        if self.bytes > self._max_bytes:
            self._make_room(namespace, space, key)

    def _make_room(self, namespace: Namespace, space: WarmNamespace, key: str) -> None:
        while self.bytes > self._max_bytes and len(self._namespaces) > 1:
            self.drop(next(iter(self._namespaces)))
        while self.bytes > self._max_bytes and len(space.items) > 1:
            self._evict(namespace, space, key)

    def _evict(self, namespace: Namespace, space: WarmNamespace, new: str) -> None:
        """Evict an item other than the new one, which would be lost as soon as it was written.

        LFU and SIEVE name it, when all others have been used since they came.
        """

        def importance(key: str) -> float | None:
            item = space.items.get(key)
            given = None if item is None else item.importance
            return self._listener.importance(namespace, key) if given is None else given

        # A policy also knows items that are being written. One of somebody's own may even name what it does not hold.
        kept = False
        for _ in range(len(space.items) + MAX_STRANGERS):
            victim = space.policy.victim(importance)
            space.policy.discard(victim)
            kept = kept or victim == new
            if victim in space.items and victim != new:
                break
        else:
            victim = next(key for key in space.items if key != new)
            space.policy.discard(victim)
        if kept:
            space.policy.add(new)
        self.evictions += 1
        self._take(namespace, victim, gone=True)

    def _remove(self, namespace: Namespace, key: str, *, gone: bool = False) -> None:
        space = self._namespaces.get(namespace)
        if space is not None:
            space.policy.discard(key)
            self._take(namespace, key, gone=gone)
            if not space.items and not space.resident:
                del self._namespaces[namespace]  # an empty one must not push out one that holds something

    def _take(self, namespace: Namespace, key: str, *, gone: bool) -> None:
        """Take an item out. Its policy still knows it: an item that is being written keeps its history."""
        space = self._namespaces.get(namespace)
        item = space.items.pop(key, None) if space else None
        if space is None or item is None:
            return
        space.bytes -= item.size
        self.bytes -= item.size
        self._listener.cooled(namespace, key, gone=gone)

    def _check(self) -> None:
        with self.lock:
            assert self.bytes == sum(space.bytes for space in self._namespaces.values())
            assert len(self._namespaces) <= self._max_namespaces
            assert self.bytes <= self._max_bytes or len(self) <= 1
            for space in self._namespaces.values():
                assert len(space.items) <= self._capacity
                assert space.bytes <= self._max_each
                assert space.bytes == sum(item.size for item in space.items.values())
