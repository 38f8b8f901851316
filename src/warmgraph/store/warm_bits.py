"""The warm bits in the index of a namespace: what the router's peek compares."""

from __future__ import annotations

from typing import TypeAlias

from warmgraph.index import NamespaceIndex
from warmgraph.store.backends import Backend
from warmgraph.warm import WarmTier

__all__ = ["WarmBits"]

Namespace: TypeAlias = tuple[str, ...]


class WarmBits:
    """Hears from the tier which items are warm, and notes it in the backend's indexes.

    An index that was read anew has no bits yet: it belongs to nobody until `claim` sets them all.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def claim(self, index: NamespaceIndex, namespace: Namespace, tier: WarmTier) -> None:
        """Set all bits of an index that is not ours yet."""
        if index.warm_owner is self:
            return
        with tier.lock, index.lock:
            index.warm_owner = self
            index.clear_warm()
            for key in tier.warm_keys(namespace):
                index.set_warm(key, True)

    def warmed(self, namespace: Namespace, key: str) -> None:
        """Note that an item became warm."""
        index = self._backend.index_of(namespace)  # spelled out, for every write comes by here
        if index is not None and index.warm_owner is self:
            with index.lock:
                index.set_warm(key, True)

    def cooled(self, namespace: Namespace, key: str, *, gone: bool) -> None:
        """Note that an item is no longer warm."""
        index = self._ours(namespace)
        if index is not None:
            with index.lock:
                index.set_warm(key, False)
        if gone:
            self._backend.forget(namespace, key)

    def dropped(self, namespace: Namespace) -> None:
        """Note that a namespace left RAM."""
        index = self._ours(namespace)
        if index is not None:
            with index.lock:
                index.clear_warm()
        self._backend.forget(namespace)

    def importance(self, namespace: Namespace, key: str) -> float | None:
        """Return how much an item is likely to matter; `None` while nothing is known of it."""
        index = self._backend.index_of(namespace)
        if index is None:
            return None
        with index.lock:
            return index.importance(key)

    def _ours(self, namespace: Namespace) -> NamespaceIndex | None:
        index = self._backend.index_of(namespace)
        return index if index is not None and index.warm_owner is self else None
