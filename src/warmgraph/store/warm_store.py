"""`WarmStore`: a bounded warm tier in RAM, in front of any long-term store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from inspect import signature
from typing import Any, Literal, Self, TypeAlias, TypeVar

from langgraph.store.base import (
    NOT_PROVIDED,
    BaseStore,
    IndexConfig,
    Item,
    NotProvided,
    Result,
    SearchItem,
    TTLConfig,
)

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError
from warmgraph.forks import watch_forks
from warmgraph.index import Analyzer, analyze
from warmgraph.ranking import PeekRouter, Reranker, RerankFunction, Scorer, WarmRouter
from warmgraph.steps import Steps
from warmgraph.store.backends import Backend, ForeignBackend, MemoryBackend, PostgresBackend, RoutedBackend
from warmgraph.store.config import Ranking, SearchMode
from warmgraph.store.contract import check_ttl_config
from warmgraph.store.erasing import Rows, StoreRows
from warmgraph.store.figures import WarmStats
from warmgraph.store.plan import Get, Plan, Read, Search, check_count, check_namespace, check_put
from warmgraph.store.postgres import PostgresLongTerm, is_postgres_uri
from warmgraph.store.reranking import RERANK_DEPTH, Reranking
from warmgraph.store.routed import RoutedStore
from warmgraph.store.signalled import SignalledQuery, SignalledSearch, SignallingStore
from warmgraph.store.values import copy_value
from warmgraph.store.warm_bits import WarmBits
from warmgraph.store.warm_recalling import WarmRecalling
from warmgraph.store.warm_recalls import CLEAR_LEAD, WarmRecalls
from warmgraph.store.warm_upkeep import WarmUpkeep
from warmgraph.telemetry import span
from warmgraph.warm import PolicyFactory, WarmTier, create_policy_factory

__all__ = ["WarmStore"]

Namespace: TypeAlias = tuple[str, ...]
T = TypeVar("T")
NEVER = float("inf")


class WarmStore(WarmUpkeep, WarmRecalling, SignallingStore):
    """A warm tier in front of a long-term store, itself a `BaseStore`.

    What is written goes to the long-term store first and is warm afterwards; what is evicted stays there. Within one
    process being warm never changes an answer. Thread-safe, and bound to no event loop. What other processes write is
    noticed in a `RoutedStore`'s file and in a `PostgresLongTerm`, and not in stores of other kinds.

    Args:
        long_term: The store behind: a `RoutedStore`, a `PostgresLongTerm`, any other `BaseStore`, or `None`, for a
            short-term buffer whose evicted items are gone.
        capacity: Warm items of a namespace.
        eviction: "importance", "fifo", "lru", "lfu", "sieve", or a factory of one's own policies. Replayed, importance
            has the most hits at 256 items and more, recency alone ("fifo", "lru") at 128 and fewer.
        max_namespaces: Namespaces in RAM.
        max_bytes: Bytes of all warm items together.
        max_namespace_bytes: Bytes of the warm items of a namespace; `None` for no bound of its own. An item that is
            larger than a bound is never warm; without a long-term store it is gone.
        index: How to embed, as in LangGraph. A `RoutedStore` brings its own.
        ttl: Times to live, as in LangGraph, in minutes. A long-term store brings its own. `sweep_interval_minutes`
            starts the sweeper.
        router: Decides in `recall` whether the warm tier is enough: `PeekRouter()` by default, `CalibratedRouter()` to
            have its tau follow what answering warm costs.
        promote: Whether a recall makes what it found in the long-term tier warm. Replayed, that has fewer hits, at a
            higher loss, in most cells.
        clear_lead: By how much of the best possible score the best warm item must lead the sixth for words alone to
            rank, and the query not to be embedded: 0 embeds hardly any, more than 1 embeds all.
        search_mode: As in `RoutedStore`; without a long-term store, or with one that is not ours.
        scorer: What recalls rank by.
        reranker: Reads the best of a recall, and puts them in order: an object with `rerank(query, texts)` (and
            `arerank`), or such a function. A graph that misses asks it once for each tier.
        rerank_depth: How many it reads.
        analyzer: From text to terms.
        clock: Tells the time.

    Raises:
        InvalidArgumentError: A bad argument, or one that belongs to the long-term store.

    Example:
        >>> store = WarmStore()
        >>> store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
        >>> store.recall(("memories", "ana"), "Where is Lisbon?").items[0].value
        {'content': 'I live in Lisbon.'}
    """

    def __init__(
        self,
        long_term: BaseStore | None = None,
        *,
        capacity: int = 256,
        eviction: str | PolicyFactory = "importance",
        max_namespaces: int = 10_000,
        max_bytes: int = 256 << 20,
        max_namespace_bytes: int | None = None,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        router: WarmRouter | None = None,
        promote: bool = False,
        clear_lead: float = CLEAR_LEAD,
        search_mode: SearchMode | None = None,
        scorer: Scorer | None = None,
        reranker: Reranker | RerankFunction | None = None,
        rerank_depth: int = RERANK_DEPTH,
        analyzer: Analyzer = analyze,
        clock: Clock | None = None,
    ) -> None:
        options = dict(locals())
        del options["self"]
        self._remake = partial(WarmStore, **options)
        self.capacity: int = check_count("capacity", capacity, least=1)
        check_count("max_namespaces", max_namespaces, least=1)
        check_count("max_bytes", max_bytes, least=1)
        if max_namespace_bytes is not None:
            check_count("max_namespace_bytes", max_namespace_bytes, least=1)
        self.clock: Clock = clock or (long_term.clock if isinstance(long_term, RoutedStore) else SystemClock())
        self.router: WarmRouter = router or PeekRouter()
        self.long_term: BaseStore | None = long_term
        self._backend: Backend
        if isinstance(long_term, RoutedStore):
            _refuse_twice(index=index, ttl=ttl, search_mode=search_mode, scorer=scorer)
            self._backend = RoutedBackend(long_term)
        elif isinstance(long_term, PostgresLongTerm):
            _refuse_twice(index=index, ttl=ttl, search_mode=search_mode, scorer=scorer)
            self._backend = PostgresBackend(long_term, max_namespaces=max_namespaces)
        elif long_term is None or isinstance(long_term, BaseStore):
            ranking = Ranking(index, search_mode=search_mode, scorer=scorer, analyzer=analyzer)
            if long_term is None:
                self._backend = MemoryBackend(ranking, self.clock)
            else:
                _refuse_twice(ttl=ttl)
                self._backend = ForeignBackend(long_term, ranking, self.clock, max_namespaces=max_namespaces)
        else:
            raise InvalidArgumentError("long_term", expected="a BaseStore or None", got=long_term)
        self.index_config: Mapping[str, Any] | None = (
            getattr(long_term, "index_config", None) or self._backend.ranking.index_config
        )
        self.supports_ttl: bool = self._backend.supports_ttl
        self.ttl_config: TTLConfig | None = check_ttl_config(ttl) if long_term is None else long_term.ttl_config
        bits = WarmBits(self._backend)
        self._tier = WarmTier(
            bits,
            create_policy_factory(eviction),
            capacity=capacity,
            max_namespaces=max_namespaces,
            max_bytes=max_bytes,
            max_namespace_bytes=max_namespace_bytes,
        )
        self._backend.attach(self._tier)
        self._warm = WarmRecalls(
            self._tier,
            self._backend,
            bits,
            capacity=capacity,
            promote=promote,
            clear_lead=_checked_lead(clear_lead),
            reranking=Reranking(reranker, rerank_depth),
            clock=self.clock,
        )
        self._owned: RoutedStore | PostgresLongTerm | None = None
        self._closed = False
        if long_term is None:
            self._sweep_if_configured()
        watch_forks(self)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, index: IndexConfig | None = None, **options: Any) -> Self:
        """Open a file, or a PostgreSQL database, with a warm tier in front: the everyday form.

        Opening waits for the disk or the network. On an event loop: `await asyncio.to_thread(WarmStore.open, path)`.

        Args:
            path: The file, as in `RoutedStore`, or the address of a database ("postgresql://..."), as in
                `PostgresLongTerm`.
            index: How to embed, as in LangGraph.
            options: Those of `WarmStore`, and those of the store behind: `ttl`, `search_mode`, `scorer`, `analyzer`,
                `synchronous`, `max_index_bytes`, `vector_plan` and `clock` of `RoutedStore`; for a database those of
                `PostgresLongTerm`.

        Raises:
            StoreUnavailableError, StoreCorruptError, StoreVersionError: The file or database cannot be used.
            MissingDependencyError: The extra `postgres` is not installed.

        Example:
            >>> with WarmStore.open(":memory:") as store:
            ...     store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
            ...     store.get(("memories", "ana"), "1").value["content"]
            'I live in Lisbon.'
        """
        kind: Any = PostgresLongTerm if is_postgres_uri(path) else RoutedStore
        # What is recalled is read by one reranker, whichever tier it comes from.
        names = signature(kind).parameters.keys() - {"reranker", "rerank_depth"}
        long_term = kind(path, index=index, **{name: options.pop(name) for name in names if name in options})
        try:
            store = cls(long_term, **options)
        except BaseException:
            long_term.close()
            raise
        store._owned = long_term
        return store

    def __repr__(self) -> str:
        return f"WarmStore({self.long_term!r}, capacity={self.capacity})"

    def close(self) -> None:
        """Stop. A file that `open` opened is closed; a store that was handed in stays open. Safe to call twice."""
        if not self._closed:
            self._stop_own_sweeper()
            self._warm.watch.close()
            self._closed = True
            self._backend.close()
        if self._owned is not None:
            self._owned.close()

    def stats(self) -> WarmStats:
        """Return counts and bytes."""
        with self._tier.lock:
            counts, watched = self._warm.counts, self._warm.watch.counts
            return WarmStats(
                items=len(self._tier),
                namespaces=len(self._tier.namespaces()),
                bytes=self._tier.bytes,
                gets=counts["get_hits"] + counts["get_misses"],
                get_hits=counts["get_hits"],
                recalls=counts["recalls"],
                fallbacks=counts["fallbacks"],
                evictions=self._tier.evictions,
                arena_bytes=self._backend.arena_bytes,
                router=self._warm.watch.stats(self.router),
                checks=watched["checks"],
                failed_checks=watched["failed"] + watched["dropped"],
            )

    @property
    def held(self) -> Rows:
        """What the store behind holds, or this one where there is none."""
        if isinstance(self.long_term, RoutedStore):
            return self.long_term.held
        return StoreRows(self, self.long_term, wiped=self.long_term is None)

    def forget_queries(self) -> None:
        """Forget the vectors of queries, which may quote what is being erased."""
        self._backend.ranking.forget_queries()

    # -- the contract ------------------------------------------------------------

    def get(self, namespace: Namespace, key: str, *, refresh_ttl: bool | None = None) -> Item | None:
        """Return an item, or `None`. One that is warm costs a third of what it would by way of `batch`."""
        warm = self._get_warm(namespace, key, refresh_ttl)
        return warm if warm is not None else super().get(namespace, key, refresh_ttl=refresh_ttl)

    async def aget(self, namespace: Namespace, key: str, *, refresh_ttl: bool | None = None) -> Item | None:
        """Return an item like `get`, without blocking the event loop."""
        warm = self._get_warm(namespace, key, refresh_ttl)
        return warm if warm is not None else await super().aget(namespace, key, refresh_ttl=refresh_ttl)

    def put(
        self,
        namespace: Namespace,
        key: str,
        value: Mapping[str, Any],
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Write an item. Without a long-term store that takes a third less than by way of `batch`."""
        backend = self._backend
        plain = type(namespace) is tuple and namespace and namespace[0] != "langgraph"
        if not plain or not isinstance(backend, MemoryBackend):
            super().put(namespace, key, value, index, ttl=ttl)
            return
        self._check_open()
        minutes = ttl
        if isinstance(ttl, NotProvided):
            minutes = None if self.ttl_config is None else self.ttl_config.get("default_ttl")
        backend.put(check_put(namespace, str(key), value, index, minutes))

    def _get_warm(self, namespace: Namespace, key: str, refresh_ttl: bool | None) -> Item | None:
        self._check_open()
        if self._warm.behind:
            return None
        return self._get(Get(check_namespace(namespace), str(key), self._refreshes(refresh_ttl)))

    def _search_steps(self, search: Search) -> Steps[list[SearchItem]]:
        self._check_open()
        if self._warm.behind:
            yield from self._warm.follow()
        found: list[SearchItem] = yield from self._backend.search(search)
        self._touch(found)
        return found

    def _steps(self, plan: Plan) -> Steps[list[Result]]:
        self._check_open()
        if plan.reads and self._warm.behind:
            yield from self._warm.follow()
        results: list[Result] = [None] * plan.size
        rest: dict[int, Read] = {}
        for at, read in plan.reads.items():
            found = self._get(read) if isinstance(read, Get) else None
            if found is None:
                rest[at] = read
                if isinstance(read, Get):
                    self._warm.count("get_misses")
            else:
                results[at] = found
        if rest:
            answers = yield from self._backend.read(list(rest.values()))
            for (at, read), answer in zip(rest.items(), answers, strict=True):
                results[at] = answer
                if isinstance(read, Search):
                    self._touch(answer)
        if plan.writes:
            with span("long_term_write", current=False, items=len(plan.writes)):
                yield from self._backend.write(self._tier, list(plan.writes.values()))
        return results

    def _get(self, read: Get) -> Item | None:
        """Return an item that is warm; the reads that are not are counted where they are answered."""
        tier, namespace, key = self._tier, read.namespace, read.key
        refreshed = False
        with tier.lock:
            item = tier.find(namespace, key)
            if item is None:
                return None
            if item.expires != NEVER:
                now = self.clock.now().timestamp()
                refreshed = read.refresh_ttl and item.worth_renewing(now)
                if item.expires <= now or (refreshed and not self._backend.refreshes):
                    return None  # expired, or only the store behind can move its expiry
            tier.touch(namespace, (key,))
            self._warm.counts["get_hits"] += 1
        if refreshed:
            self._backend.refresh({(namespace, key): item.expires})
        return Item(
            value=copy_value(item.value),
            key=key,
            namespace=namespace,
            created_at=item.created_at,
            updated_at=item.updated_at,
        )

    def _touch(self, found: Sequence[SearchItem]) -> None:
        keys: dict[Namespace, list[str]] = {}
        last: Namespace | None = None
        used: list[str] = []
        for item in found:
            if item.namespace is not last:
                last = item.namespace
                used = keys.setdefault(last, [])
            used.append(item.key)
        for namespace, used in keys.items():
            self._tier.touch(namespace, used)

    def _sweep(self) -> Steps[int]:
        self._check_open()
        swept = yield from self._backend.sweep()
        self._tier.expire(self.clock.now().timestamp())
        return swept

    def signal_steps(self, wanted: SignalledQuery) -> Steps[SignalledSearch]:
        """Search one namespace of a `RoutedStore` by vector, and say how sure that is."""
        self._check_open()
        found = yield from self._backend.signalled(wanted)
        self._touch(found.items)
        return found

    def _check(self) -> None:
        self._tier._check()
        self._warm._check()


def _checked_lead(lead: float) -> float:
    if isinstance(lead, bool) or not isinstance(lead, (int, float)) or not lead >= 0:
        raise InvalidArgumentError("clear_lead", expected="a number >= 0", got=lead)
    return float(lead)


def _refuse_twice(**options: object) -> None:
    for name, given in options.items():
        if given is not None:
            raise InvalidArgumentError(name, expected="it to be set on the long-term store alone", got=given)
