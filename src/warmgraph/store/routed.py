"""`RoutedStore`: the embedded long-term store, one SQLite file with its indexes in RAM."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Literal, TypeAlias

from langgraph.store.base import IndexConfig, Result, SearchItem, TTLConfig

from warmgraph.clock import Clock, SystemClock
from warmgraph.embeddings import Embedder
from warmgraph.errors import InvalidArgumentError
from warmgraph.index import Analyzer, NamespaceIndex, analyze
from warmgraph.index import Plan as VectorPlan
from warmgraph.ranking import Reranker, RerankFunction, Scorer
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.config import Ranking, SearchMode
from warmgraph.store.contract import check_ttl_config
from warmgraph.store.figures import RoutedStats
from warmgraph.store.forgetting import ForgettingStore
from warmgraph.store.plan import Plan, Put, Read, Search, check_count, recall_search
from warmgraph.store.recalls import Dropped, Found, Recall
from warmgraph.store.reranking import RERANK_DEPTH, Reranking
from warmgraph.store.routed_upkeep import RoutedUpkeep
from warmgraph.store.search import Query
from warmgraph.store.signalled import SignalledQuery, SignalledSearch, SignallingStore
from warmgraph.store.sqlite.changes import Change, ChangeListener
from warmgraph.store.sqlite.database import Database
from warmgraph.store.sqlite.held_rows import HeldRows
from warmgraph.store.sqlite.indexes import LoadedIndexes
from warmgraph.store.sqlite.model_watch import ModelWatch
from warmgraph.store.sqlite.reader import Reader
from warmgraph.store.sqlite.renewals import Renewals
from warmgraph.store.sqlite.rows import MICROSECONDS, Row, pending_write
from warmgraph.store.sqlite.state import Merge, merge_state, read_state
from warmgraph.store.sqlite.unembedded import Unembedded
from warmgraph.store.sqlite.upkeep import Upkeep, file_bytes
from warmgraph.store.validity import AsOf, open_only, recall_as_of

__all__ = ["RoutedStore"]

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]


class RoutedStore(RoutedUpkeep, ForgettingStore, SignallingStore):
    """A durable `BaseStore` in one file.

    Rows, vectors and term counts live in SQLite (WAL). One thread writes and commits what arrives together; a call
    that has returned is on disk. Namespaces are indexed in RAM when first searched, from what the file holds:
    nothing is embedded or tokenized again. Other processes may use the same file; what they commit is seen by the
    next read. Thread-safe, and bound to no event loop; a forked process opens the file anew by itself.

    Where the file's vectors are of another model than `index` names, the store says so in the log and in `stats`, and
    ranks by words until `reembed`.

    Args:
        path: The file; ":memory:" for a store that ends with the object.
        index: How to embed, as in LangGraph: `embed` (an Embeddings, a function, or a name such as "hashing"),
            `dims`, `fields`, `distance_type`. Without it search ranks by words (BM25F).
        ttl: Times to live, as in LangGraph, in minutes. A read in the second half of its time gives an item its whole
            time again. `sweep_interval_minutes` starts the sweeper.
        search_mode: What `search` ranks by: "dense" (the default with an index), "lexical", or "hybrid".
        scorer: What `recall_long_term` ranks by. The default is the best there is for the embedder.
        reranker: Reads the best of a recall, and puts them in order: an object with `rerank(query, texts)` (and
            `arerank`), or such a function.
        rerank_depth: How many it reads.
        analyzer: From text to terms.
        synchronous: "FULL", or "NORMAL" to let a power cut (not a crash) take the last commits.
        max_index_bytes: RAM that indexes of namespaces may take; the least recently used are dropped beyond.
        vector_plan: From how many vectors of a namespace on they are searched by codes, and by cells, and how much a
            search looks at.
        clock: Tells the time.

    Raises:
        StoreUnavailableError, StoreCorruptError, StoreVersionError: The file cannot be used.
        InvalidArgumentError: A bad argument.

    Example:
        >>> with RoutedStore(":memory:") as store:
        ...     store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
        ...     [item.key for item in store.search(("memories",), query="Lisbon")]
        ['1']
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        search_mode: SearchMode | None = None,
        scorer: Scorer | None = None,
        reranker: Reranker | RerankFunction | None = None,
        rerank_depth: int = RERANK_DEPTH,
        analyzer: Analyzer = analyze,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        max_index_bytes: int = 1 << 30,
        vector_plan: VectorPlan | None = None,
        clock: Clock | None = None,
    ) -> None:
        if synchronous not in ("FULL", "NORMAL"):
            raise InvalidArgumentError("synchronous", expected="'FULL' or 'NORMAL'", got=synchronous)
        check_count("max_index_bytes", max_index_bytes, least=1)
        self.ttl_config: TTLConfig | None = check_ttl_config(ttl)
        self._reranking = Reranking(reranker, rerank_depth)
        self.ranking: Ranking = Ranking(index, search_mode=search_mode, scorer=scorer, analyzer=analyzer)
        self.index_config: Mapping[str, Any] | None = self.ranking.index_config
        self.clock: Clock = clock or SystemClock()
        self._database = Database(path, synchronous=synchronous)
        self._model = ModelWatch(self._database.path, self.ranking.embedder, self.ranking.indexing.fields)
        self.ranking.comparable = self._model.usable
        try:
            new_index = partial(self.ranking.new_large_index, self._database.directory, vector_plan)
            read = self.ranking.indexing.document
            self._indexes = LoadedIndexes(self._database, self._model, max_index_bytes, new_index, read)
        except BaseException:
            self._database.close()
            raise
        self._renewals = Renewals(self._indexes, self._now)
        self._reader = Reader(self._database, self._indexes, self._now, self._renewals, self.ranking)
        # A forgotten store leaves no thread and no file open. What is called here must not lead back to the store, as
        # the indexes do by those who listen to them.
        weakref.finalize(self, self._indexes.refits.stopped.set)
        weakref.finalize(self, Database.close, self._database)
        self._upkeep = Upkeep(self._database, self._indexes, self.ranking, self._model, self._now)
        self._unembedded = Unembedded(self._upkeep)
        self._resume_when_opened()
        self._sweep_if_configured()

    # -- opening and closing ------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"RoutedStore({self.path!r})"

    @property
    def path(self) -> str:
        """The file."""
        return self._database.path

    @property
    def embedder(self) -> Embedder | None:
        """What embeds texts and queries, with its memo."""
        return self.ranking.embedder

    @property
    def held(self) -> HeldRows:
        """What the file holds, as erasure, export and `warmgraph doctor` see it."""
        return HeldRows(self, self._database, self._indexes, self._now, self.ranking)

    def close(self) -> None:
        """Finish what was begun and close the file. Safe to call twice.

        A write that was handed over before is committed; one that comes later is a StoreClosedError to its caller.
        """
        self.stop_ttl_sweeper()
        self._indexes.refits.stop()
        self._database.close()

    def recall_long_term(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        as_of: AsOf | None = None,
    ) -> Recall:
        """Return the best items of one namespace that still hold, by the best ranking there is.

        Args:
            namespace: The namespace itself; nothing below it.
            query: What to look for.
            limit: Items to return at most.
            filter: As in `search`.
            exclude: Keys that are neither returned nor counted in favour of a hit.
            as_of: Recall what was true at this time, by default now; see `WarmStore.recall`.

        Raises:
            InvalidArgumentError: A bad argument.
            StoreError: The file could not be read.
        """
        return run(self._recall(recall_search(namespace, query, limit, filter, self.ttl_config, exclude), as_of))

    async def arecall_long_term(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        as_of: AsOf | None = None,
    ) -> Recall:
        """Recall like `recall_long_term`, without blocking the event loop."""
        return await arun(self._recall(recall_search(namespace, query, limit, filter, self.ttl_config, exclude), as_of))

    def stats(self) -> RoutedStats:
        """Return counts and bytes."""
        parts = []
        for index in self._indexes.loaded():
            with index.lock:
                parts.append(index.stats())
        sweeper = self.ttl_sweeper
        return RoutedStats(
            items=self._database.read(lambda c: int(c.execute("SELECT count(*) FROM items").fetchone()[0])),
            namespaces_loaded=len(parts),
            lexical_bytes=sum(lexical.ram_bytes for lexical, _ in parts),
            vector_bytes=sum(vectors.ram_bytes for _, vectors in parts),
            vector_disk_bytes=sum(vectors.disk_bytes for _, vectors in parts),
            file_bytes=file_bytes(self._database),
            vector_model=None if self._model.in_use is None else str(self._model.in_use),
            vector_fields=None if self._model.in_use is None else self._model.in_use.fields,
            ranks_by_words=not self._model.usable(),
            failed_renewals=self._renewals.failed,
            sweeps=sweeper.rounds,
            failed_sweeps=sweeper.failures,
            refits=self._indexes.refits.done,
            failed_refits=self._indexes.refits.failed,
        )

    # -- the steps, which WarmStore takes as well ---------------------------------------------------

    def recall_steps(self, search: Search) -> Steps[Found]:
        """Rank all items of one namespace; those that nothing speaks for are left out."""
        index = self.index_of(search.prefix)
        if index is None and self.ranking.recall_scorer.needs_dense:
            index = yield Io(lambda: self.load_index(search.prefix))
        prepared = yield from self.ranking.recall_query(search.query or "", self.clock.now(), index)

        def ranked() -> list[SearchItem]:
            self._indexes.follow()
            return self._reader.ranked([search.prefix], search, prepared, above=0.0)

        found: list[SearchItem] = yield Io(ranked)
        return Found(found, prepared.failure)

    def read_steps(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        """Answer reads, in order."""
        prepared: dict[str, Query] = {}
        for read in reads:
            if isinstance(read, Search) and read.query and read.query not in prepared:
                prepared[read.query] = yield from self.ranking.query(read.query, self.ranking.search_scorer)
        answers: list[Any] = yield Io(lambda: self._reader.answer(reads, prepared))
        return answers

    def write_steps(
        self,
        puts: Sequence[Put],
        *,
        begin: Callable[[], object] | None = None,
        landed: Callable[[list[Change]], object] | None = None,
        failed: Callable[[], object] | None = None,
        origin: ChangeListener | None = None,
    ) -> Steps[None]:
        """Embed and tokenize puts, at most one for each item, and commit them.

        When this is through they are on disk and in the indexes. An event loop waits for the commit itself, without
        a thread: many writers at once are one commit, not a full thread pool.

        Args:
            puts: The puts.
            begin: Called when the write is about to be queued.
            landed: Gets the changes when they are committed and in the indexes, in the order of commits.
            failed: Called instead when nothing was committed, because of an error or because the caller gave up.
            origin: The listener whose write this is, and who need not be told.
        """
        searchable = yield from self.ranking.searchables(puts, later=True)
        yield from self._unembedded.written(puts, searchable)
        now = self._now()
        rows = [pending_write(put, how, vectors, now) for put, (how, vectors) in zip(puts, searchable, strict=True)]

        def write() -> None:
            if begin is not None:
                begin()
            self._indexes.write_rows(rows, origin=origin, landed=landed, failed=failed)

        def queue() -> Future[list[Change]]:
            if begin is not None:
                begin()
            try:
                future = self._indexes.submit_rows(rows, origin=origin, landed=landed)
            except BaseException:
                if failed is not None:
                    failed()
                raise
            if failed is not None:
                future.add_done_callback(lambda done: failed() if done.cancelled() or done.exception() else None)
            return future

        yield Io(write, lambda: asyncio.wrap_future(queue()))

    def sweep_steps(self) -> Steps[int]:
        """Delete what has expired, and return how many items that were."""
        return self._upkeep.sweep()

    def index_of(self, namespace: Namespace) -> NamespaceIndex | None:
        """Return the index of a namespace if it is in RAM."""
        return self._indexes.get(namespace)

    @property
    def loaded(self) -> LoadedIndexes:
        """The indexes in RAM."""
        return self._indexes

    def load_index(self, namespace: Namespace) -> NamespaceIndex:
        """Return the index of a namespace as of the last commit of any process. Waits for the disk."""
        self._indexes.follow()
        return self._indexes.load(namespace)

    @property
    def behind(self) -> bool:
        """Whether `follow` may find anything; waits for nothing."""
        return self._indexes.behind

    def few_namespaces_under(self, prefix: Namespace, most: int) -> list[Namespace] | None:
        """Return the namespaces at a prefix and below it, `None` if there are more than so many. Waits for the disk."""
        return self._reader.few_namespaces(prefix, most)

    def follow(self) -> None:
        """Take in what other processes committed. Waits for the disk."""
        self._indexes.follow()

    def fetch(self, namespace: Namespace, keys: Sequence[str]) -> dict[str, Row]:
        """Return the rows of keys. Waits for the disk."""
        return self._reader.fetch(namespace, keys)

    def renew(self, places: Mapping[Place, float]) -> None:
        """Let items live for their whole time again, without waiting for the disk.

        Args:
            places: The items, with the time in seconds since the epoch at which they would have expired.
        """
        self._renewals.renew(places)

    def read_state(self, namespace: Namespace, name: str) -> Any:
        """Return what warmgraph keeps for itself under a name, as JSON. Waits for the disk."""
        return self._database.read(lambda connection: read_state(connection, namespace, name), snapshot=False)

    def merge_state(self, name: str, news: Mapping[Namespace, object], merge: Merge) -> dict[Namespace, object]:
        """Merge news into what is kept under a name, by namespace, and return it. Waits for the disk."""
        merged: dict[Namespace, object] = {}

        def work(connection: sqlite3.Connection) -> list[Change]:
            merged.update(merge_state(connection, name, news, merge))
            return []  # nothing that an index would have to know

        self._indexes.write(work).result()
        return merged

    # -- within -------------------------------------------------------------------------------------

    def _recall(self, search: Search, as_of: AsOf | None) -> Steps[Recall]:
        def ranked(asked: Search) -> Steps[Recall]:
            dropped: list[Dropped] = []
            found = yield from self.recall_steps(self._reranking.widened(asked)._replace(dropped=dropped))
            found = yield from self._reranking.ordered(asked, found)
            return Recall(found.items, "long_term", failure=found.failure, dropped=dropped)

        if as_of is not None:
            return recall_as_of(ranked, search, as_of)
        return open_only(ranked, search, self.clock)

    def signal_steps(self, wanted: SignalledQuery) -> Steps[SignalledSearch]:
        """Search one namespace by vector, and say how sure that is."""
        query = yield from self.ranking.query_by_vector(wanted.search.query or "")
        found: SignalledSearch = yield Io(lambda: self._reader.signalled(wanted, query))
        return found

    def _steps(self, plan: Plan) -> Steps[list[Result]]:
        results: list[Result] = [None] * plan.size
        if plan.reads:
            answers = yield from self.read_steps(list(plan.reads.values()))
            for at, answer in zip(plan.reads, answers, strict=True):
                results[at] = answer
        if plan.writes:
            yield from self.write_steps(list(plan.writes.values()))
        return results

    def _sweep(self) -> Steps[int]:
        return self.sweep_steps()

    def _now(self) -> int:
        return round(self.clock.now().timestamp() * MICROSECONDS)

    def _check(self) -> None:
        self._indexes._check()
