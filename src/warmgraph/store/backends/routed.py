"""Our own file behind the warm tier: one index and one embedder for both."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.index import NamespaceIndex
from warmgraph.steps import Io, Steps
from warmgraph.store.across import Crowd
from warmgraph.store.backends.base import Backend, Place, WriteFlight
from warmgraph.store.backends.warm_page import warm_page
from warmgraph.store.config import Ranking
from warmgraph.store.documents import given_importance
from warmgraph.store.plan import Put, Read, Search
from warmgraph.store.recalls import Found
from warmgraph.store.routed import RoutedStore
from warmgraph.store.signalled import SignalledQuery, SignalledSearch
from warmgraph.store.sqlite.changes import Change
from warmgraph.store.sqlite.rows import MICROSECONDS, time_of
from warmgraph.store.sqlite.state import Merge
from warmgraph.store.values import size_of
from warmgraph.warm import WarmItem, WarmTier

__all__ = ["RoutedBackend"]

Namespace: TypeAlias = tuple[str, ...]
NEVER = float("inf")


MAX_PREFIXES = 10_000
"""Prefixes of which it is known what lies below; all are forgotten beyond."""

FEW_NAMESPACES = 2_000
"""Namespaces below a prefix that are kept in mind; where there are more, the file is asked."""


class RoutedBackend(Backend):
    """A `RoutedStore` behind the warm tier.

    A search of namespaces whose items are all warm is answered from RAM. Their indexes in RAM know all of these items,
    but not which namespaces there are: those below a prefix are read from the file, together with those beside it, and
    kept in mind until something is written to another one.
    """

    keeps_state = True

    def __init__(self, store: RoutedStore) -> None:
        self.store = store
        self.ranking: Ranking = store.ranking
        self._tier: WarmTier | None = None
        self._lock = threading.Lock()
        self._below: dict[Namespace, dict[Namespace, None]] = {}  # the namespaces at and below a prefix
        self._crowded: set[Namespace] = set()  # prefixes with more namespaces than are kept in mind
        self._writes = 0  # that were heard of
        self._news = 0  # that changed what is known to lie below a prefix

    def attach(self, tier: WarmTier) -> None:
        """Drop from the tier whatever anybody else writes, from now on."""
        self._tier = tier
        self.store.loaded.listen(self)

    def close(self) -> None:
        """Hear nothing more."""
        self.store.loaded.unlisten(self)

    def changed(self, changes: list[Change]) -> None:
        """Hear what another process wrote, or somebody who uses the store without this tier."""
        assert self._tier is not None
        self._written(change.namespace for change in changes if change.entry is not None)
        for change in changes:
            if change.gone or change.entry is not None:
                self._tier.overtake(change.namespace, change.key)
            elif change.expires_at is not None:  # it was read elsewhere, and lives longer
                self._tier.prolong(change.namespace, change.key, change.expires_at / MICROSECONDS)

    def forgotten(self) -> None:
        """Hear that anything may have been written."""
        assert self._tier is not None
        with self._lock:
            self._writes += 1
            self._news += 1
            self._below.clear()
            self._crowded.clear()
        self.ranking.forget_queries()
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
        """Answer searches from RAM where that has all of it, and everything else from the file."""
        answers: list[Any] = [None] * len(reads)
        rest: dict[int, Read] = {}
        for at, read in enumerate(reads):
            found = (yield from self._search_warm(read)) if isinstance(read, Search) else None
            if found is None:
                rest[at] = read
            else:
                answers[at] = found
        if rest:
            found = yield from self._read_file(list(rest.values()))
            for at, answer in zip(rest, found, strict=True):
                answers[at] = answer
        return answers

    def search(self, search: Search) -> Steps[list[SearchItem]]:
        """Answer one search, from RAM where that has all of it."""
        found = yield from self._search_warm(search)
        if found is None:
            (found,) = yield from self._read_file([search])
        return found

    def recall(self, search: Search) -> Steps[Found]:
        """Rank all items of a namespace."""
        return self.store.recall_steps(search)

    def signalled(self, wanted: SignalledQuery) -> Steps[SignalledSearch]:
        """Search a namespace by vector, and say how sure that is."""
        return self.store.signal_steps(wanted)

    def write(self, tier: WarmTier, puts: Sequence[Put]) -> Steps[None]:
        """Commit to the file; what was committed is warm before anybody hears of it."""
        flight = WriteFlight(tier, puts)

        def landed(changes: list[Change]) -> None:
            self._written(put.namespace for put in puts if put.value is not None)
            pairs = zip(puts, changes, strict=True)
            flight.land(
                {(put.namespace, put.key): _warm(put, change) for put, change in pairs if put.value is not None}
            )

        return self.store.write_steps(puts, begin=flight.begin, landed=landed, failed=flight.abandon, origin=self)

    def refresh(self, places: Mapping[Place, float]) -> None:
        """Move expiries in the file, and with them those of warm items."""
        self.store.renew(places)

    def read_state(self, namespace: Namespace, name: str) -> object:
        """Read from a table of its own."""
        found: object = self.store.read_state(namespace, name)
        return found

    def merge_state(self, name: str, news: Mapping[Namespace, object], merge: Merge) -> dict[Namespace, object]:
        """Merge in one transaction: other processes on the file lose nothing of theirs."""
        return self.store.merge_state(name, news, merge)

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

    def _read_file(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        answers = yield from self.store.read_steps(reads)
        for read in reads:
            if isinstance(read, Search) and self._may_be_warm(read.prefix):
                yield from self._look_below(read.prefix)
        return answers

    def _search_warm(self, search: Search) -> Steps[list[SearchItem] | None]:
        """Return what the file would answer, if all of it is in RAM."""
        crowd, query = self._warm_crowd(search.prefix), None
        if crowd is not None and search.query is not None:
            query = yield from self.ranking.query(search.query, self.ranking.search_scorer)
            crowd = self._warm_crowd(search.prefix)  # it may be another one by now
        if crowd is None or self._tier is None:
            return None
        now = self.store.clock.now().timestamp()
        page = warm_page(self._tier, crowd, search, query, now)
        if not page.complete:
            return None
        if search.refresh_ttl and page.renewable:
            self.store.renew(page.renewable)
        return page.items

    def _warm_crowd(self, prefix: Namespace) -> Crowd | None:
        """Return the indexes of all namespaces below a prefix, if they are known, and all of their items were warm.

        Some may have gone cold since in other ways than by eviction: whoever meets one asks the file.
        """
        tier, crowds = self._tier, self.store.loaded.crowds
        if tier is None or prefix not in self._below:
            return None
        state = self._news, tier.evictions
        known = crowds.get(prefix)
        if known is not None and known[1] == state:
            return known[0]
        names = self._names_below(prefix)
        crowd = None if names is None else self.store.loaded.crowd_of(names)
        if crowd is None or not all(tier.held(name) >= len(index) for name, index in crowd):
            return None
        if len(crowds) >= MAX_PREFIXES:
            crowds.clear()
        crowds[prefix] = crowd, state
        return crowd

    def _names_below(self, prefix: Namespace) -> list[Namespace] | None:
        """Return the namespaces at a prefix and below it, as far as it is known."""
        with self._lock:
            known = self._below.get(prefix)
            return None if known is None else list(known)

    def _may_be_warm(self, prefix: Namespace) -> bool:
        """Whether it is worth knowing what lies below: not where items of the prefix itself are cold."""
        index = self.store.index_of(prefix) if prefix else None
        return index is None or self._tier is None or self._tier.held(prefix) >= len(index)

    def _look_below(self, prefix: Namespace) -> Steps[None]:
        """Find out which namespaces lie below a prefix, and below those beside it if they are not too many."""
        known = self._names_below(prefix)
        if known is not None and self.store.loaded.crowd_of(known) is not None:
            return  # something is cold, or expired
        for wide in (prefix[:-1], prefix) if prefix else (prefix,):
            if wide in self._crowded:
                continue
            before = self._writes
            names = yield Io(partial(self.store.few_namespaces_under, wide, FEW_NAMESPACES))
            with self._lock:
                if before != self._writes:
                    return  # somebody may have written to another one after the file was read
                if names is not None:
                    self._remember(wide, names)
                    self._below.setdefault(prefix, {})
                    return
                if len(self._crowded) >= MAX_PREFIXES:
                    self._crowded.clear()
                self._crowded.add(wide)

    def _remember(self, prefix: Namespace, names: Sequence[Namespace]) -> None:
        """Keep in mind what lies below a prefix, and below every prefix on the way there."""
        self._news += 1
        below: dict[Namespace, dict[Namespace, None]] = {prefix: {}}
        for name in names:
            for depth in range(len(prefix), len(name) + 1):
                below.setdefault(name[:depth], {})[name] = None
        if len(self._below) + len(below) > MAX_PREFIXES:
            self._below.clear()
        self._below |= below

    def _written(self, namespaces: Iterable[Namespace]) -> None:
        """Note namespaces that hold an item now. One that is empty by now may stay: nothing is found there."""
        with self._lock:
            self._writes += 1
            if self._below:
                for namespace in set(namespaces):
                    known = False
                    for depth in range(len(namespace) + 1):
                        # Below a prefix of which all is known, one that is not there has had nothing below it.
                        prefix = namespace[:depth]
                        if known or prefix in self._below:
                            known = True
                            names = self._below.setdefault(prefix, {})
                            self._news += namespace not in names
                            names[namespace] = None
                            if len(names) > FEW_NAMESPACES:
                                del self._below[prefix]
                if len(self._below) > MAX_PREFIXES:
                    self._below.clear()


def _warm(put: Put, change: Change) -> WarmItem:
    assert put.value is not None
    return _warm_item(put.value, change.created_at, change.updated_at, put.ttl, change.expires_at)


def _warm_item(
    value: dict[str, Any], created_at: int, updated_at: int, ttl: float | None, expires_at: int | None
) -> WarmItem:
    expires = NEVER if expires_at is None else expires_at / MICROSECONDS
    times = time_of(created_at), time_of(updated_at)
    return WarmItem(value, *times, size_of(value), ttl, expires, given_importance(value))
