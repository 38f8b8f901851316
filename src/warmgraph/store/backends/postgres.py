"""PostgreSQL behind the warm tier: an index in RAM of each namespace in use, fed by the database's log of changes.

Each item carries the number of its last change. What the log tells is compared by it: an item that is known as it was
written last is left alone, whoever wrote it, and anything else is read again. So a write of our own needs no mark, and
one whose end nobody heard of is found out about like those of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.index import Entry, NamespaceIndex
from warmgraph.steps import Io, Steps
from warmgraph.store.backends.base import Place, Prepared, WriteFlight
from warmgraph.store.backends.foreign import NEVER, PAGE, ForeignBackend
from warmgraph.store.backends.index_room import IndexRoom
from warmgraph.store.documents import Searchable, given_importance
from warmgraph.store.plan import Put, Read, Search
from warmgraph.store.postgres import PostgresLongTerm
from warmgraph.store.postgres.feed import LoggedChange
from warmgraph.store.postgres.rows import StoredRow, read_rows
from warmgraph.store.recalls import Found
from warmgraph.store.search import note_dropped, rank
from warmgraph.store.values import copy_value, size_of
from warmgraph.warm import WarmItem, WarmTier

__all__ = ["PostgresBackend"]

Namespace: TypeAlias = tuple[str, ...]


class PostgresBackend(ForeignBackend):
    """A `PostgresLongTerm` behind the warm tier.

    Args:
        store: The store. It stays open when the warm tier is closed.
        max_namespaces: Namespaces to keep an index of.
    """

    def __init__(self, store: PostgresLongTerm, *, max_namespaces: int) -> None:
        super().__init__(store, store.ranking, store.clock, max_namespaces=max_namespaces)
        self._postgres = store
        self._tier: WarmTier
        self._epoch = 0  # a new one when anything may have been written
        self._room = IndexRoom(store.max_index_bytes)
        self._vectors = store.ranking.recall_scorer.needs_dense

    refreshes = True

    def attach(self, tier: WarmTier) -> None:
        """Drop from the tier whatever anybody else writes, from now on."""
        self._tier = tier
        self._postgres.feed.listen(self)

    def close(self) -> None:
        """Hear nothing more."""
        self._postgres.feed.unlisten(self)

    @property
    def away(self) -> str | None:
        """Why the database cannot be asked; `None` while it can."""
        return self._postgres.away

    @property
    def behind(self) -> bool:
        """Whether what is known is older than the bound."""
        return self._postgres.feed.behind

    def follow(self) -> Steps[None]:
        """Wait for what others wrote."""
        yield Io(self._postgres.feed.follow)

    # -- the index of a namespace ------------------------------------------------------------------------------------

    def load_index(self, namespace: Namespace) -> Steps[NamespaceIndex]:
        """Read a namespace and index it, once more if meanwhile nobody knows what was written."""
        while True:
            epoch = self._epoch
            index = yield from super().load_index(namespace)
            with self._lock:
                if epoch == self._epoch:
                    self._make_room(namespace, index)
                    return index
                self._forget_index(namespace)

    def _read_all(self, namespace: Namespace, index: NamespaceIndex) -> Steps[bool]:
        def take(rows: Sequence[StoredRow]) -> bool:
            self._fill_with(index, rows, ())
            return self._room.fits(index)

        def read() -> bool:
            complete: bool = self._postgres.newest(namespace, PAGE, take, vectors=self._vectors)
            return not complete

        partial: bool = yield Io(read)
        return partial

    def _read_again(self, namespace: Namespace, index: NamespaceIndex, keys: Sequence[str]) -> Steps[None]:
        rows: Mapping[str, StoredRow] = yield Io(lambda: self._postgres.rows(namespace, keys, vectors=self._vectors))
        self._fill_with(index, rows.values(), [key for key in keys if key not in rows])

    def _fill_with(self, index: NamespaceIndex, rows: Any, gone: Sequence[str]) -> None:
        entries = [self._entry(row) for row in rows]
        with index.lock:
            for entry in entries:
                index.upsert(entry)
            for key in gone:
                index.remove(key)

    def _entry(self, row: StoredRow) -> Entry:
        """Index an item by its content where it has one; an item without vectors beside others that have some, not."""
        if self._vectors and row.vectors is None:
            how = Searchable()
        else:
            how = self.ranking.indexing.searchable(row.value, ["content"] if "content" in row.value else None)
        return Entry(row.key, row.version, NEVER, how.document, row.vectors, how.question, how.importance)

    def _make_room(self, namespace: Namespace, index: NamespaceIndex) -> None:
        """Measure an index that has grown, and forget the namespaces that were not used for longest. Under the lock."""
        if self._indexes.get(namespace) is not index:
            return
        if self._room.too_large(namespace, index):
            self._partial.add(namespace)
        while self._room.full and len(self._indexes) > 1:
            oldest = next(iter(self._indexes))
            if oldest == namespace:
                break
            self._forget_index(oldest)

    def _forget_index(self, namespace: Namespace) -> None:
        self._indexes.pop(namespace, None)
        self._partial.discard(namespace)
        self._room.leave(namespace)

    def _drop_indexes(self, puts: Sequence[Put]) -> None:
        """Do nothing: the log tells what has become of a write."""

    # -- reading -----------------------------------------------------------------------------------------------------

    def fetch(self, namespace: Namespace, keys: Sequence[str]) -> Steps[dict[str, WarmItem]]:
        """Read rows."""
        rows: Mapping[str, StoredRow] = yield Io(lambda: self._postgres.rows(namespace, keys))
        return {key: _warm(row) for key, row in rows.items()}

    def read(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        """Hand reads on."""
        return self._postgres.read_steps(reads)

    def recall(self, search: Search) -> Steps[Found]:
        """Rank all items in RAM and read those that are not warm; search the database where RAM does not know all."""
        index = self.index_of(search.prefix)
        if index is None and self.away is None:
            index = yield from self.load_index(search.prefix)
        searchable = self.ranking.embedder is not None  # by words the database does not rank: the newest have to do
        if index is None or (searchable and not self.covers(search.prefix)):
            return (yield from super().recall(search))
        query = yield from self.ranking.recall_query(search.query or "", self._clock.now(), index)
        places = rank(
            [(search.prefix, index)],
            query,
            now=self._now(),
            wanted=search.limit,
            above=0.0,
            exclude=search.exclude,
            varied=search.matches is None,
            dropped=search.dropped,
        )
        found: list[SearchItem] = []
        while len(found) < search.limit and (some := list(islice(places, search.limit - len(found)))):
            items = yield from self._values(search.prefix, [place.key for place in some], refresh=search.refresh_ttl)
            for place in some:
                item = items.get(place.key)
                if item is None:
                    note_dropped(search, place, "expired")
                elif search.matches is not None and not search.matches(item.value):
                    note_dropped(search, place, "filter")
                else:
                    value = copy_value(item.value)
                    times = item.created_at, item.updated_at
                    found.append(SearchItem(search.prefix, place.key, value, *times, place.score))
        return Found(found, query.failure)

    def _values(self, namespace: Namespace, keys: Sequence[str], *, refresh: bool) -> Steps[dict[str, WarmItem]]:
        """Return items, the warm ones from RAM; what lets items live longer when they are read is the database's."""
        now = self._now()
        held = {key: self._tier.get(namespace, key, now, touch=False) for key in keys}
        found = {key: item for key, item in held.items() if item is not None}
        cold = [key for key in keys if key not in found]
        if cold:
            found.update((yield from self.fetch(namespace, cold)))
        if refresh:
            self.refresh({(namespace, key): item.expires for key, item in found.items() if item.ttl is not None})
        return found

    def refresh(self, places: Mapping[Place, float]) -> None:
        """Let items live on, in RAM at once and in the database soon."""
        now = self._now()
        for namespace, key in places:
            self._tier.renew(namespace, key, now)
        if places:
            self._postgres.renew(places)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, tier: WarmTier, puts: Sequence[Put]) -> Steps[None]:
        """Write through, and keep what the database made of it; where it waits in the outbox, what it will be."""
        prepared = yield from self.ranking.searchables(puts)
        flight = WriteFlight(tier, puts)

        def through() -> None:
            self._postgres.check_writable()  # else what is warm would be gone for nothing
            flight.begin()
            try:
                rows = self._postgres.write(puts, [vectors for _, vectors in prepared])
                with suppress(Exception):  # it is written; what cannot be kept is merely not warm
                    self._keep_rows(flight, puts, prepared, rows)
            finally:
                if flight.under_way:
                    flight.abandon()
            self._postgres.feed.nudge_if_waiting()

        yield Io(through)

    def _keep_rows(
        self, flight: WriteFlight, puts: Sequence[Put], prepared: Prepared, rows: Mapping[Place, StoredRow] | None
    ) -> None:
        written: dict[Place, WarmItem] = {}
        for put, (how, vectors) in zip(puts, prepared, strict=True):
            index = self._touch_loaders(put.namespace, put.key)
            row = None if rows is None else rows.get((put.namespace, put.key))
            if rows is None and put.value is not None:
                row = self._as_it_will_be(put, index)
            if index is not None:
                with index.lock:
                    if row is None:
                        index.remove(put.key)
                    elif row.version >= index.seq(put.key):
                        dense = vectors if self._vectors else None
                        index.upsert(
                            Entry(put.key, row.version, NEVER, how.document, dense, how.question, how.importance)
                        )
                with self._lock:
                    self._make_room(put.namespace, index)
            if row is not None:
                item = _warm(row)
                item.version = None if rows is None else row.version
                written[put.namespace, put.key] = item
        flight.land(written)

    def _as_it_will_be(self, put: Put, index: NamespaceIndex | None) -> StoredRow:
        assert put.value is not None
        now = self._clock.now()
        expires = None if put.ttl is None else now + timedelta(minutes=put.ttl)
        version = 0
        if index is not None:
            with index.lock:
                version = int(index.seqs.max(initial=0)) + 1
        return StoredRow(put.key, copy_value(put.value), now, now, expires, put.ttl, version)

    def _touch_loaders(self, namespace: Namespace, key: str) -> NamespaceIndex | None:
        """Let whoever reads a namespace read an item once more; return the index if there is one."""
        with self._lock:
            for touched in self._touched.get(namespace, ()):
                touched.add(key)
            return self._indexes.get(namespace)

    # -- what others wrote ---------------------------------------------------------------------------------------------

    def changed(self, changes: Sequence[LoggedChange], connection: Any) -> list[LoggedChange]:
        """Take in changes that are not known; those of items that are being written here have to wait."""
        waiting: list[LoggedChange] = []
        unknown: dict[Namespace, dict[str, bool]] = {}  # whether it is to be warm
        for change in changes:
            namespace, key = change.namespace, change.key
            index = self._touch_loaders(namespace, key)
            with self._tier.lock:
                if self._tier.writing(namespace, key):
                    waiting.append(change)
                    continue
                item = self._tier.find(namespace, key)
                if self._known(change, item, index):
                    continue
                self._tier.overtake(namespace, key)
            if index is not None:  # what is written elsewhere is as warm as if it had been written here
                unknown.setdefault(namespace, {})[key] = item is not None or self._tier.resident(namespace)
        for namespace, keys in unknown.items():
            self._take_in(namespace, keys, connection)
        return waiting

    def _known(self, change: LoggedChange, item: WarmItem | None, index: NamespaceIndex | None) -> bool:
        if item is not None and (change.gone or item.version != change.version):
            return False
        if index is None:
            return item is not None
        with index.lock:
            return change.key not in index if change.gone else index.seq(change.key) == change.version

    def _take_in(self, namespace: Namespace, keys: Mapping[str, bool], connection: Any) -> None:
        """Read items again, and keep them in RAM where that is said."""
        flights = self._tier.begin(namespace, keys, write=False)
        rows: dict[str, StoredRow] | None = None
        try:
            rows = read_rows(connection, namespace, list(keys), vectors=self._vectors)
            entries = {key: self._entry(row) for key, row in rows.items()}
        finally:
            for key, generation in flights.items():
                with self._tier.lock:
                    still_true = self._tier.land(namespace, key, generation, None, write=False)
                    index = self.index_of(namespace)
                    if rows is None or not still_true:
                        continue  # whoever writes it here will say what it is
                    if index is not None:
                        with index.lock:
                            if key in rows:
                                index.upsert(entries[key])
                            else:
                                index.remove(key)
                    if key in rows and keys[key]:
                        self._tier.put(namespace, key, _warm(rows[key]))
        index = self.index_of(namespace)
        if index is not None:
            with self._lock:
                self._make_room(namespace, index)

    def forgotten(self) -> None:
        """Hear that anything may have been written."""
        with self._lock:
            self._epoch += 1
            for namespace in list(self._indexes):
                self._forget_index(namespace)
        self._tier.overtake_all()


def _warm(row: StoredRow) -> WarmItem:
    expires = NEVER if row.expires_at is None else row.expires_at.timestamp()
    importance = given_importance(row.value)
    size = size_of(row.value)
    return WarmItem(row.value, row.created_at, row.updated_at, size, row.ttl, expires, importance, row.version)
