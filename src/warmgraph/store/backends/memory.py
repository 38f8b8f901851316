"""Nothing behind the warm tier: it is all there is, and what is evicted is gone."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
from langgraph.store.base import SearchItem
from numpy.typing import NDArray

from warmgraph.clock import Clock
from warmgraph.index import Entry, FlatIndex, NamespaceIndex
from warmgraph.index.arena import Arenas
from warmgraph.steps import Steps
from warmgraph.store.across import Crowd
from warmgraph.store.backends.base import Backend, Place
from warmgraph.store.backends.warm_page import warm_page
from warmgraph.store.config import Ranking
from warmgraph.store.documents import Searchable
from warmgraph.store.namespaces import fixed_prefix, page_of
from warmgraph.store.plan import Get, ListNamespaces, Put, Read, Search
from warmgraph.store.recalls import Found
from warmgraph.store.search import Query
from warmgraph.store.values import size_of
from warmgraph.warm import Starts, WarmItem, WarmTier

__all__ = ["MemoryBackend"]

Namespace: TypeAlias = tuple[str, ...]
NEVER = float("inf")


class MemoryBackend(Backend):
    """Indexes in RAM over the items of the tier itself.

    The tier's lock covers a change of the tier and of the index together, so no reader sees one without the other.
    """

    durable = False

    def __init__(self, ranking: Ranking, clock: Clock) -> None:
        self.ranking = ranking
        self.tier: WarmTier
        self._clock = clock
        self._indexes: dict[Namespace, NamespaceIndex] = {}
        self._under: dict[Namespace, dict[Namespace, None]] = {}  # namespaces by each of their prefixes
        self._crowds: dict[Namespace, Crowd] = {}  # of the prefixes with several that were searched
        self._arenas = Arenas()  # a search over many namespaces is one over an arena
        self._written = 0
        self._starts = Starts()

    def attach(self, tier: WarmTier) -> None:
        """Get to know the tier, which holds the values."""
        self.tier = tier

    def index_of(self, namespace: Namespace) -> NamespaceIndex | None:
        """Return the index of a namespace."""
        return self._indexes.get(namespace)

    def load_index(self, namespace: Namespace) -> Steps[NamespaceIndex]:
        """Return the index of a namespace, an empty one where nothing was written."""
        index = self._indexes.get(namespace)
        return self.ranking.new_index() if index is None else index
        yield  # a generator that waits for nothing

    def fetch(self, namespace: Namespace, keys: Sequence[str]) -> Steps[dict[str, WarmItem]]:
        """Return nothing: what is not warm does not exist."""
        return {}
        yield  # a generator that waits for nothing

    def forget(self, namespace: Namespace, key: str | None = None) -> None:
        """Remove an item, or all of a namespace, that left the tier. Called with the tier's lock held."""
        if key is None:
            self._drop_index(namespace)
            return
        index = self._indexes.get(namespace)
        if index is not None:
            with index.lock:
                index.remove(key)
            if not len(index):
                self._drop_index(namespace)

    def after_fork(self) -> None:
        """Have locks that no thread of the parent held."""
        self.tier.lock = threading.RLock()
        for arena in self._arenas.all():
            arena.after_fork()
        for index in self._indexes.values():
            index.lock = threading.RLock()
            if isinstance(index.vectors, FlatIndex):
                index.vectors.after_fork()

    @property
    def arena_bytes(self) -> int:
        """RAM of the vectors of all namespaces."""
        return sum(arena.stats().ram_bytes for arena in self._arenas.all())

    def refresh(self, places: Mapping[Place, float]) -> None:
        """Move expiries, in the tier and in the index."""
        now = self._clock.now().timestamp()
        with self.tier.lock:
            for namespace, key in places:
                expires, index = self.tier.renew(namespace, key, now), self._indexes.get(namespace)
                if expires is not None and index is not None:
                    with index.lock:
                        index.prolong(key, expires)

    def sweep(self) -> Steps[int]:
        """Forget what has expired."""
        return self.tier.expire(self._clock.now().timestamp())
        yield  # a generator that waits for nothing

    def read(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        """Answer from RAM."""
        prepared: list[Query | None] = []
        for read in reads:
            if isinstance(read, Search) and read.query is not None:
                prepared.append((yield from self._query(read)))
            else:
                prepared.append(None)
        return [self._answer(read, query) for read, query in zip(reads, prepared, strict=True)]

    def search(self, search: Search) -> Steps[list[SearchItem]]:
        """Answer one search from RAM."""
        query = None
        if search.query is not None:
            query = yield from self._query(search)
        return self._search(search, query)

    def recall(self, search: Search) -> Steps[Found]:
        """Rank all items of a namespace."""
        index = self._indexes.get(search.prefix)
        query = yield from self.ranking.recall_query(search.query or "", self._clock.now(), index)
        index = self._indexes.get(search.prefix)  # it may have come or gone while the query was embedded
        items = [] if index is None else self._page([(search.prefix, index)], search, query, above=0.0)
        return Found(items, query.failure)

    def write(self, tier: WarmTier, puts: Sequence[Put]) -> Steps[None]:
        """Keep, or delete, in RAM."""
        number = self._begin()
        try:
            prepared = yield from self.ranking.searchables(puts, later=True)
            now = self._clock.now()
            with tier.lock:
                for put, (how, vectors) in zip(puts, prepared, strict=True):
                    self._land(number, put, now, how, vectors)
        finally:
            self._end(number)

    def put(self, put: Put) -> None:
        """Do what `write` does with one item, on the calling thread."""
        number = self._begin()
        try:
            how, vectors = self.ranking.searchable(put)
            with self.tier.lock:
                self._land(number, put, self._clock.now(), how, vectors)
        finally:
            self._end(number)

    def _begin(self) -> int | None:
        """Return the number of a write; `None` where nothing waits between its beginning and its end."""
        if self.ranking.embedder is None:
            return None
        with self.tier.lock:
            return self._starts.begin()

    def _end(self, number: int | None) -> None:
        if number is not None:
            with self.tier.lock:
                self._starts.end(number)

    def _land(
        self, number: int | None, put: Put, now: datetime, how: Searchable, vectors: NDArray[np.float32] | None
    ) -> None:
        """Keep, or delete, one item, unless a write that began later has landed. The caller holds the tier's lock."""
        tier = self.tier
        if number is not None and not self._starts.lands((put.namespace, put.key), number):
            return
        if put.value is None:
            tier.discard(put.namespace, put.key)
            self.forget(put.namespace, put.key)
            return
        old = tier.find(put.namespace, put.key)
        if old is not None and old.expires != NEVER and old.expires <= now.timestamp():
            old = None
        expires = NEVER if put.ttl is None else now.timestamp() + put.ttl * 60
        self._written += 1
        entry = Entry(put.key, self._written, expires, how.document, vectors, how.question, how.importance)
        index = self._indexes.get(put.namespace)
        if index is None:
            index = self._add_index(put.namespace)
        with index.lock:
            index.upsert(entry)
        created_at = now if old is None else old.created_at
        size = size_of(put.value)
        item = WarmItem(put.value, created_at, now, size, put.ttl, expires, how.importance)
        tier.put(put.namespace, put.key, item)

    def _query(self, search: Search) -> Steps[Query]:
        return self.ranking.query(search.query or "", self.ranking.search_scorer)

    def _answer(self, read: Read, query: Query | None) -> Any:
        if isinstance(read, Get):
            return None  # the tier was asked already
        if isinstance(read, ListNamespaces):
            with self.tier.lock:
                now = self._clock.now().timestamp()
                under = self._under.get(fixed_prefix(read.op.match_conditions or ()), ())
                held = [name for name in under if self._indexes[name].live(now).any()]
            return page_of(held, read.op)
        return self._search(read, query)

    def _search(self, search: Search, query: Query | None) -> list[SearchItem]:
        with self.tier.lock:
            indexes = self._crowds.get(search.prefix)
            if indexes is None:
                under = self._under.get(search.prefix, ())
                indexes = Crowd((name, self._indexes[name]) for name in under)
                if len(under) > 1:
                    self._crowds[search.prefix] = indexes
        return self._page(indexes, search, query)

    def _page(
        self,
        indexes: Sequence[tuple[Namespace, NamespaceIndex]],
        search: Search,
        query: Query | None,
        above: float | None = None,
    ) -> list[SearchItem]:
        page = warm_page(self.tier, indexes, search, query, self._clock.now().timestamp(), above=above)
        if search.refresh_ttl and page.renewable:
            self.refresh(page.renewable)
        return page.items

    def _add_index(self, namespace: Namespace) -> NamespaceIndex:
        index = self._indexes[namespace] = NamespaceIndex(self._make_vectors)
        for depth in range(len(namespace) + 1):
            self._under.setdefault(namespace[:depth], {})[namespace] = None
            self._crowds.pop(namespace[:depth], None)
        return index

    def _make_vectors(self, dims: int) -> FlatIndex:
        if self.ranking.metric != "cosine":  # an arena compares by products of vectors of length 1
            return FlatIndex(dims, self.ranking.metric)
        return FlatIndex(dims, arena=self._arenas.of(dims))

    def _drop_index(self, namespace: Namespace) -> None:
        if self._indexes.pop(namespace, None) is None:
            return
        for depth in range(len(namespace) + 1):
            under = self._under[namespace[:depth]]
            del under[namespace]
            self._crowds.pop(namespace[:depth], None)
            if not under:
                del self._under[namespace[:depth]]
