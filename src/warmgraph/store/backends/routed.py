"""Our own file behind the warm tier: one index and one embedder for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.index import NamespaceIndex
from warmgraph.steps import Io, Steps
from warmgraph.store.backends.base import Backend, Place, WriteFlight
from warmgraph.store.config import Ranking
from warmgraph.store.documents import given_importance
from warmgraph.store.plan import Put, Read, Search
from warmgraph.store.routed import RoutedStore
from warmgraph.store.sqlite.changes import Change
from warmgraph.store.sqlite.rows import MICROSECONDS, time_of
from warmgraph.store.values import size_of
from warmgraph.warm import WarmItem, WarmTier

__all__ = ["RoutedBackend"]

Namespace: TypeAlias = tuple[str, ...]
NEVER = float("inf")


class RoutedBackend(Backend):
    """A `RoutedStore` behind the warm tier."""

    def __init__(self, store: RoutedStore) -> None:
        self.store = store
        self.ranking: Ranking = store.ranking
        self._tier: WarmTier | None = None

    def attach(self, tier: WarmTier) -> None:
        """Drop from the tier whatever anybody else writes, from now on."""
        self._tier = tier
        self.store.listen(self)

    def close(self) -> None:
        """Hear nothing more."""
        self.store.unlisten(self)

    def changed(self, changes: list[Change]) -> None:
        """Hear what another process wrote, or somebody who uses the store without this tier."""
        assert self._tier is not None
        for change in changes:
            if change.gone or change.entry is not None:
                self._tier.overtake(change.namespace, change.key)
            elif change.expires_at is not None:  # it was read elsewhere, and lives longer
                self._tier.prolong(change.namespace, change.key, change.expires_at / MICROSECONDS)

    def forgotten(self) -> None:
        """Hear that anything may have been written."""
        assert self._tier is not None
        self._tier.overtake_all()

    def renewed(self, places: Sequence[Place], now: float) -> None:
        """Let warm items live on with those in the file, and be found until that has heard of it."""
        assert self._tier is not None
        for namespace, key in places:
            expires = self._tier.renew(namespace, key, now)
            index = None if expires is None else self.index_of(namespace)
            if index is not None and expires is not None:
                with index.lock:
                    index.prolong(key, expires)

    def index_of(self, namespace: Namespace) -> NamespaceIndex | None:
        """Return the store's own index of a namespace."""
        return self.store.index_of(namespace)

    def load_index(self, namespace: Namespace) -> Steps[NamespaceIndex]:
        """Read the index of a namespace from the file."""
        index: NamespaceIndex = yield Io(lambda: self.store.load_index(namespace))
        return index

    def fetch(self, namespace: Namespace, keys: Sequence[str]) -> Steps[dict[str, WarmItem]]:
        """Read rows."""
        rows = yield Io(lambda: self.store.fetch(namespace, keys))
        return {
            key: _warm_item(row.parsed(), row.created_at, row.updated_at, row.ttl, row.expires_at)
            for key, row in rows.items()
        }

    def read(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        """Answer from the file."""
        return self.store.read_steps(reads)

    def recall(self, search: Search) -> Steps[list[SearchItem]]:
        """Rank all items of a namespace."""
        return self.store.recall_steps(search)

    def write(self, tier: WarmTier, puts: Sequence[Put]) -> Steps[None]:
        """Commit to the file; what was committed is warm before anybody hears of it."""
        flight = WriteFlight(tier, puts)

        def landed(changes: list[Change]) -> None:
            pairs = zip(puts, changes, strict=True)
            flight.land(
                {(put.namespace, put.key): _warm(put, change) for put, change in pairs if put.value is not None}
            )

        return self.store.write_steps(puts, begin=flight.begin, landed=landed, failed=flight.abandon, origin=self)

    def refresh(self, places: Mapping[Place, float]) -> None:
        """Move expiries in the file, and with them those of warm items."""
        self.store.renew(places)

    def sweep(self) -> Steps[int]:
        """Delete from the file, and hear of it as of any other change."""
        return self.store.sweep_steps()

    @property
    def behind(self) -> bool:
        """Whether another process, or somebody beside this tier, may have committed to the file."""
        return self.store.behind

    def follow(self) -> Steps[None]:
        """Take in what other processes committed."""
        yield Io(self.store.follow)


def _warm(put: Put, change: Change) -> WarmItem:
    assert put.value is not None
    return _warm_item(put.value, change.created_at, change.updated_at, put.ttl, change.expires_at)


def _warm_item(
    value: dict[str, Any], created_at: int, updated_at: int, ttl: float | None, expires_at: int | None
) -> WarmItem:
    expires = NEVER if expires_at is None else expires_at / MICROSECONDS
    times = time_of(created_at), time_of(updated_at)
    return WarmItem(value, *times, size_of(value), ttl, expires, given_importance(value))
