"""Any `BaseStore` behind the warm tier: PostgreSQL, LangGraph's in-memory store, somebody's own.

Its contract is its own, so what is not read by key from the warm tier is answered by it alone. For recalls we keep an
index of what a namespace holds, read page by page when the namespace is first used.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, GetOp, Item, Op, SearchItem, SearchOp

from warmgraph.clock import Clock
from warmgraph.errors import StoreError, StoreUnavailableError
from warmgraph.index import Entry, NamespaceIndex
from warmgraph.ranking import HybridScorer
from warmgraph.steps import Io, Steps
from warmgraph.store.backends.base import Backend, Place, Prepared, WriteFlight
from warmgraph.store.backends.calls import at_home, batch_io
from warmgraph.store.backends.foreign_state import merge_state, read_state
from warmgraph.store.backends.ops import filtered_here, put_op, read_op
from warmgraph.store.config import Ranking
from warmgraph.store.crowding import search_exactly
from warmgraph.store.documents import given_importance
from warmgraph.store.plan import Put, Read, Search
from warmgraph.store.recalls import Found
from warmgraph.store.search import rank
from warmgraph.store.sqlite.state import Merge
from warmgraph.store.values import copy_value, size_of
from warmgraph.warm import WarmItem, WarmTier

__all__ = ["ForeignBackend"]

Namespace: TypeAlias = tuple[str, ...]
logger: logging.Logger = logging.getLogger(__name__)

NEVER = float("inf")
PAGE = 500
# A store that lets items expire does not say when. Its items are believed for so long.
MORTAL_SECONDS = 60.0


class ForeignBackend(Backend):
    """A store that is not ours behind the warm tier.

    Args:
        store: The store. It stays open when the warm tier is closed.
        ranking: How to rank what is warm.
        clock: Tells the time.
        max_namespaces: Namespaces to keep an index of.
        max_indexed: Items of a namespace to index at most. A larger one cannot be peeked into: its recalls go to the
            store.
    """

    refreshes = False
    keeps_state = True

    def __init__(
        self, store: BaseStore, ranking: Ranking, clock: Clock, *, max_namespaces: int, max_indexed: int = 20_000
    ) -> None:
        self.store = store
        self.ranking = ranking
        self.supports_ttl: bool = store.supports_ttl
        self._clock = clock
        self._max_namespaces, self._max_indexed = max_namespaces, max_indexed
        self._lock = threading.Lock()
        self._indexes: OrderedDict[Namespace, NamespaceIndex] = OrderedDict()
        self._partial: set[Namespace] = set()
        self._touched: dict[Namespace, list[set[str]]] = {}  # keys written while an index is being read
        self._writing: set[asyncio.Task[None]] = set()  # an event loop itself forgets tasks that nobody holds
        self._seq = 0

    # -- the index of a namespace ------------------------------------------------------------------------------------

    def index_of(self, namespace: Namespace) -> NamespaceIndex | None:
        """Return the index of a namespace if it was read."""
        with self._lock:
            index = self._indexes.get(namespace)
            if index is not None:
                self._indexes.move_to_end(namespace)
            return index

    def covers(self, namespace: Namespace) -> bool:
        """Whether all of a namespace is indexed."""
        with self._lock:
            return namespace in self._indexes and namespace not in self._partial

    def load_index(self, namespace: Namespace) -> Steps[NamespaceIndex]:
        """Read a namespace page by page and index it. What was written meanwhile is read once more."""
        index = self.ranking.new_index()
        touched: set[str] = set()
        with self._lock:
            self._touched.setdefault(namespace, []).append(touched)
        try:
            partial = yield from self._read_all(namespace, index)
            while keys := self._keep_index(namespace, index, touched, partial):
                yield from self._read_again(namespace, index, keys)
        finally:
            self._stop_reading(namespace, touched)
        return index

    def _keep_index(self, namespace: Namespace, index: NamespaceIndex, touched: set[str], partial: bool) -> list[str]:
        """Keep an index that misses nothing, or return the keys that have to be read once more."""
        with self._lock:
            if touched:
                keys = sorted(touched)
                touched.clear()
                return keys
            self._indexes[namespace] = index
            if partial:
                self._partial.add(namespace)
            while len(self._indexes) > self._max_namespaces:
                dropped, _ = self._indexes.popitem(last=False)
                self._partial.discard(dropped)
            return []

    def _stop_reading(self, namespace: Namespace, touched: set[str]) -> None:
        with self._lock:
            readers = [each for each in self._touched[namespace] if each is not touched]
            if readers:
                self._touched[namespace] = readers
            else:
                del self._touched[namespace]

    def _drop_indexes(self, puts: Sequence[Put]) -> None:
        """Read the namespaces of a write again when they are next used: nobody knows what it left there."""
        with self._lock:
            for put in puts:
                self._indexes.pop(put.namespace, None)
                self._partial.discard(put.namespace)
                for touched in self._touched.get(put.namespace, ()):
                    touched.add(put.key)

    def _read_all(self, namespace: Namespace, index: NamespaceIndex) -> Steps[bool]:
        """Fill an index with what a namespace holds, oldest first; True if it holds more than may be indexed."""
        held: dict[str, Item] = {}
        offset = 0
        while True:
            (page,) = yield self._io([SearchOp(namespace, None, PAGE, offset, None, False)])
            held.update((item.key, item) for item in page if tuple(item.namespace) == namespace)
            offset += PAGE
            if len(page) < PAGE or len(held) > self._max_indexed:
                break
        items = sorted(held.values(), key=lambda item: item.updated_at)
        yield from self._fill(index, {item.key: item for item in items[-self._max_indexed :]})
        return len(held) > self._max_indexed

    def _read_again(self, namespace: Namespace, index: NamespaceIndex, keys: Sequence[str]) -> Steps[None]:
        """Read items once more and index them, or leave them out if they are gone."""
        items: Sequence[Item | None] = yield self._io([GetOp(namespace, key, False) for key in keys])
        yield from self._fill(index, dict(zip(keys, items, strict=True)))

    def _fill(self, index: NamespaceIndex, items: Mapping[str, Item | None]) -> Steps[None]:
        puts = [_as_put(item) for item in items.values() if item is not None]
        prepared = yield from self.ranking.searchables(puts)
        with index.lock:
            for key, item in items.items():
                if item is None:
                    index.remove(key)
            for put, (how, vectors) in zip(puts, prepared, strict=True):
                self._seq += 1
                index.upsert(Entry(put.key, self._seq, NEVER, how.document, vectors, how.question, how.importance))

    # -- reading -----------------------------------------------------------------------------------------------------

    def fetch(self, namespace: Namespace, keys: Sequence[str]) -> Steps[dict[str, WarmItem]]:
        """Read items in one batch."""
        found: Sequence[Item | None] = yield self._io([GetOp(namespace, key, False) for key in keys])
        return {item.key: self._warm(item) for item in found if item is not None}

    def read(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        """Hand reads on, but for filters that stores do not know."""
        handed_on = [read for read in reads if not filtered_here(read)]
        found: Sequence[Any] = (yield self._io([read_op(read) for read in handed_on])) if handed_on else ()
        answers = iter(found)
        results: list[Any] = []
        for read in reads:
            results.append(_own((yield from self._matching(read)) if filtered_here(read) else next(answers)))
        return results

    def _matching(self, read: Read) -> Steps[list[SearchItem]]:
        """Search without the filter, more and more widely, until enough of what is found matches."""
        assert isinstance(read, Search)
        assert read.matches is not None
        wanted = read.offset + read.limit
        asked = max(4 * wanted, 100)
        while True:
            (found,) = yield self._io([SearchOp(read.prefix, None, asked, 0, read.query, False)])
            matching = [item for item in found if read.matches(item.value)]
            if len(matching) >= wanted or len(found) < asked:
                return matching[read.offset : wanted]
            asked *= 4

    def recall(self, search: Search) -> Steps[Found]:
        """Unite what the store finds with what our index finds, and rank both by the sum of their scores.

        A store that cannot search, because the model that it embeds with is away, say, leaves what our index finds.
        """
        namespace = search.prefix

        def ask(limit: int) -> Steps[Sequence[SearchItem]]:
            (answer,) = yield from self.read([search._replace(limit=limit)])
            return answer  # type: ignore[no-any-return]

        index, failure = self.index_of(namespace), None
        try:
            here = yield from search_exactly(ask, namespace, search.limit, len(search.exclude))
        except Exception as error:  # its model may be away, and words are indexed here
            if isinstance(error, StoreUnavailableError) or index is None or not self.covers(namespace):
                raise
            logger.warning("the store behind cannot search; words rank", exc_info=error)
            here, failure = [], StoreError(f"the store behind cannot search: {type(error).__name__}: {error}")
        found = {item.key: item for item in here if item.key not in search.exclude}
        if index is None or not self.covers(namespace):
            return Found(list(found.values())[: search.limit])
        words, best = self._lexical(namespace, index, search)
        missing = [key for key in best if key not in found]
        if missing:
            rows: Sequence[Item | None] = yield self._io([GetOp(namespace, key, search.refresh_ttl) for key in missing])
            found.update((row.key, _scored(row, None)) for row in rows if row is not None)
        ranked = [_scored(item, words.get(key, 0.0) + _weighed(item)) for key, item in found.items()]
        kept = [item for item in ranked if (item.score or 0) > 0 and (not search.matches or search.matches(item.value))]
        return Found(sorted(kept, key=lambda item: item.score or 0, reverse=True)[: search.limit], failure)

    def _lexical(
        self, namespace: Namespace, index: NamespaceIndex, search: Search
    ) -> tuple[dict[str, float], list[str]]:
        """Return the lexical score of every item that shares a word with the query, and the keys of the best."""
        today = self._clock.now()
        words, now = self.ranking.words(search.query or "", today), today.timestamp()
        with index.lock:
            scores = words.scores(index)
            known = {key: float(scores[slot]) for key, slot in index.places()}
            places = rank(
                [(namespace, index)],
                words,
                now=now,
                wanted=search.limit,
                above=0.0,
                exclude=search.exclude,
                varied=search.matches is None,
                dropped=search.dropped,
            )
            best = [place.key for place in islice(places, search.limit)]
        return {key: score for key, score in known.items() if score > 0}, best

    def read_state(self, namespace: Namespace, name: str) -> object:
        """Read an item under the root label of our own."""
        return read_state(self.store, namespace, name)

    def merge_state(self, name: str, news: Mapping[Namespace, object], merge: Merge) -> dict[Namespace, object]:
        """Merge into items under the root label of our own; not atomic, as the contract has no transactions."""
        return merge_state(self.store, name, news, merge)

    def sweep(self) -> Steps[int]:
        """Let the store sweep, if it can."""
        sweep = getattr(self.store, "sweep_ttl", None)
        if sweep is None:
            return 0

        async def asweep() -> Any:
            return await sweep()

        native = inspect.iscoroutinefunction(sweep)
        swept = yield Io(sweep, asweep if native else None)
        return int(swept or 0)

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, tier: WarmTier, puts: Sequence[Put]) -> Steps[None]:
        """Write to the store, read back what it made of it, and keep that."""
        prepared = yield from self.ranking.searchables(puts)
        ops: list[Op] = [put_op(put) for put in puts]
        back: list[Op] = [GetOp(put.namespace, put.key, False) for put in puts]
        flight = WriteFlight(tier, puts)

        def through() -> None:
            flight.begin()
            try:
                self.store.batch(ops)
                with suppress(Exception):  # it is written; what cannot be read back is merely not warm
                    self._keep(flight, puts, prepared, self.store.batch(back))
            finally:
                self._give_up(flight, puts)

        async def athrough() -> None:
            flight.begin()
            try:
                await at_home(self.store, ops)
                with suppress(Exception):
                    self._keep(flight, puts, prepared, await at_home(self.store, back))
            finally:
                self._give_up(flight, puts)

        def shielded() -> asyncio.Future[None]:
            # A cancelled caller must not leave a write whose end nobody waits for: it would land too early.
            task = asyncio.ensure_future(athrough())
            self._writing.add(task)
            task.add_done_callback(self._written)
            return asyncio.shield(task)

        yield Io(through, shielded)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.exception()  # told to whoever waits; nobody may be left who does

    def _keep(self, flight: WriteFlight, puts: Sequence[Put], prepared: Prepared, items: Sequence[Any]) -> None:
        written: dict[Place, WarmItem] = {}
        for put, (how, vectors), item in zip(puts, prepared, items, strict=True):
            with self._lock:
                for touched in self._touched.get(put.namespace, ()):
                    touched.add(put.key)
            index = self.index_of(put.namespace)
            if index is not None:
                with index.lock:
                    if item is None:
                        index.remove(put.key)
                    else:
                        self._seq += 1
                        entry = Entry(put.key, self._seq, NEVER, how.document, vectors, how.question, how.importance)
                        index.upsert(entry)
            if item is not None and put.value is not None:
                written[put.namespace, put.key] = self._warm(item, put)
        if not flight.land(written):
            self._drop_indexes(puts)

    def _give_up(self, flight: WriteFlight, puts: Sequence[Put]) -> None:
        """Leave nothing warm and no index of a write that did not come to its end."""
        if flight.under_way:
            flight.abandon()
            self._drop_indexes(puts)

    # -- within ------------------------------------------------------------------------------------------------------

    def _io(self, ops: list[Op]) -> Io:
        return batch_io(self.store, ops)

    def _warm(self, item: Item, put: Put | None = None) -> WarmItem:
        """Return an item to keep: one that was just written, or one that was found, of unknown expiry."""
        now = self._clock.now().timestamp()
        ttl = put.ttl if put is not None else None
        expires = NEVER if ttl is None else now + ttl * 60
        if put is None and self.store.supports_ttl:
            expires = now + MORTAL_SECONDS
        value = copy_value(item.value)
        importance = given_importance(value)
        return WarmItem(value, item.created_at, item.updated_at, size_of(value), ttl, expires, importance)


def _as_put(item: Item) -> Put:
    """Return a stored item as the put that would index it: by its content where it has one."""
    value = dict(item.value)
    return Put(tuple(item.namespace), item.key, value, ["content"] if "content" in value else None)


def _scored(item: Item, score: float | None) -> SearchItem:
    value = copy_value(item.value)
    return SearchItem(tuple(item.namespace), item.key, value, item.created_at, item.updated_at, score)


def _own(answer: Any) -> Any:
    """Return an answer that shares nothing with the store: some hand out the very values that they hold."""
    if isinstance(answer, SearchItem):
        return _scored(answer, answer.score)
    if isinstance(answer, Item):
        value = copy_value(answer.value)
        return Item(
            value=value,
            key=answer.key,
            namespace=tuple(answer.namespace),
            created_at=answer.created_at,
            updated_at=answer.updated_at,
        )
    return [_own(each) for each in answer] if isinstance(answer, list) else answer


def _weighed(item: SearchItem) -> float:
    return HybridScorer().dense_weight * item.score if item.score is not None else 0.0
