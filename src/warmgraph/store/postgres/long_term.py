"""`PostgresLongTerm`: LangGraph's store in PostgreSQL, set up for many replicas with a warm tier each."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from langgraph.store.base import IndexConfig, Op, SearchOp, TTLConfig
from numpy.typing import NDArray

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError, StoreUnavailableError
from warmgraph.index import Analyzer, analyze
from warmgraph.ranking import Scorer
from warmgraph.steps import Io, Steps
from warmgraph.store.config import Ranking
from warmgraph.store.contract import StepStore, check_ttl_config
from warmgraph.store.plan import Plan, Put, Read, Search, check_count
from warmgraph.store.postgres.connections import Connections, close_quietly, require_postgres
from warmgraph.store.postgres.feed import ChangeFeed
from warmgraph.store.postgres.ops import as_op, is_plain, widened
from warmgraph.store.postgres.outbox import Outbox
from warmgraph.store.postgres.replaying import replay
from warmgraph.store.postgres.rows import StoredRow, read_newest, read_rows, renew_rows
from warmgraph.store.postgres.schema import check_schema, has_ann_index, search_path, set_up
from warmgraph.store.postgres.tables import LangGraphTables, Vectors
from warmgraph.store.postgres.wiping import wipe

__all__ = ["PostgresLongTerm", "is_postgres_uri"]

Namespace: TypeAlias = tuple[str, ...]
logger: logging.Logger = logging.getLogger(__name__)


class PostgresLongTerm(StepStore):
    """A PostgreSQL database as the long-term store, for `WarmStore`s in any number of processes.

    The tables are those of LangGraph's `PostgresStore`, in a schema of their own, with a log of what changes. Vectors
    have no approximate index: pgvector's looks for neighbours among everybody's vectors and leaves out afterwards what
    is not in the namespace asked for, so that little is found of a small tenant beside large ones. An exact scan of the
    one namespace finds all of it. Thread-safe, and bound to no event loop.

    Args:
        uri: The address, such as "postgresql://user@host/database".
        schema: Where the tables are; made when it is missing.
        index: How to embed, as in LangGraph, with `ann_index_config` as in its `PostgresStore`.
        ttl: Times to live, as in LangGraph, in minutes. What has expired is never returned.
        max_connections: Connections at most, beside one that listens.
        connect_seconds: How long to wait for a connection.
        max_staleness: Seconds after which a warm tier asks what others wrote before it answers, should notifications
            not come.
        max_index_bytes: RAM of what is known of namespaces, so that recalls need not search the database. Namespaces
            that were not used for longest are forgotten; one that is too large by itself is searched in the database.
        outbox: A file where writes wait while the database is away; `None` to let them fail. One process uses it.
        scorer: What recalls rank by, as in `WarmStore`.
        analyzer: From text to terms.
        clock: Tells the time.

    Raises:
        MissingDependencyError: The extra `postgres` is not installed.
        StoreUnavailableError: The database cannot be reached.
        StoreVersionError: A newer warmgraph has set up the schema.
        InvalidArgumentError: A bad argument.

    With a warm tier, which is what it is for (it waits for the network)::

        store = WarmStore(PostgresLongTerm("postgresql://localhost/agents"))
        store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
    """

    def __init__(
        self,
        uri: str,
        *,
        schema: str = "warmgraph",
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        max_connections: int = 10,
        connect_seconds: float = 5.0,
        max_staleness: float = 2.0,
        max_index_bytes: int = 256 << 20,
        outbox: str | os.PathLike[str] | None = None,
        scorer: Scorer | None = None,
        analyzer: Analyzer = analyze,
        clock: Clock | None = None,
    ) -> None:
        require_postgres()
        if not isinstance(uri, str) or not uri:
            raise InvalidArgumentError("uri", expected="the address of a database", got=type(uri).__name__)
        self.schema: str = check_schema(schema)
        self.max_index_bytes: int = check_count("max_index_bytes", max_index_bytes, least=1)
        check_count("max_connections", max_connections, least=1)
        known = None if index is None else {key: each for key, each in index.items() if key != "ann_index_config"}
        self.ranking: Ranking = Ranking(known, search_mode=None, scorer=scorer, analyzer=analyzer)  # type: ignore[arg-type]
        self.index_config: Mapping[str, Any] | None = None if index is None else dict(index)
        self.ttl_config: TTLConfig | None = check_ttl_config(ttl)
        self.clock: Clock = clock or SystemClock()
        self._tables = LangGraphTables(self.ranking, index, self.ttl_config)
        self._exact_only = False
        self._skew = 0.0  # of the database's clock to ours, in seconds
        self._closed = False
        self._connections = Connections(
            uri, self._prepare, most=max_connections, seconds=_positive("connect_seconds", connect_seconds)
        )
        self.feed: ChangeFeed = ChangeFeed(
            self._connections,
            schema,
            max_staleness=_positive("max_staleness", max_staleness),
            recover=self._recover,
            recovered=lambda: not self.waiting,
            chores=self._renew,
        )
        self._connections.away = lambda: self.feed.away
        self._connections.lost = self.feed.lost
        self._outbox: Outbox | None = None
        self._draining = threading.Lock()
        self._used: dict[tuple[Namespace, str], None] = {}  # to live on, as soon as the feed comes to it
        try:
            self._set_up()
            if outbox is not None:
                self._outbox = Outbox(outbox)
                with self._connections.connection() as connection:
                    self._recover(connection)
        except BaseException:
            self.close()
            raise
        self._sweep_if_configured()

    def __repr__(self) -> str:
        return f"PostgresLongTerm(schema={self.schema!r})"

    @property
    def away(self) -> str | None:
        """Why the database cannot be asked; `None` while it can."""
        return self.feed.away

    @property
    def waiting(self) -> int:
        """How many batches of writes wait in the outbox."""
        return 0 if self._outbox is None else len(self._outbox)

    @property
    def calls(self) -> int:
        """How often the database was asked for somebody; what the feed asks is not counted."""
        return self._connections.lent

    def close(self) -> None:
        """Stop following, and close all connections. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._sweeps is not None:
            self._sweeps.stop()
        self.feed.close()
        self._connections.close()
        if self._outbox is not None:
            self._outbox.close()

    def scrub(self) -> list[str]:
        """Wipe what was deleted from the files of the tables, and return what cannot be. For `forget`; others wait."""
        if self.waiting:
            return [f"the outbox: {self.waiting} batches of writes wait for the database"]
        with self._connections.connection() as connection:
            return wipe(connection, self.schema)

    # -- what the warm tier asks ---------------------------------------------------------------------------------------

    def write(
        self, puts: Sequence[Put], vectors: Sequence[NDArray[np.float32] | None]
    ) -> dict[tuple[Namespace, str], StoredRow] | None:
        """Write, and read back what has become of it. Waits for the database.

        Args:
            puts: The writes, one for each item.
            vectors: Of each, arrays of shape (texts, dims), float32.

        Returns:
            The rows; `None` if the writes wait in the outbox.

        Raises:
            StoreUnavailableError: The database is away, and there is no outbox. Where the connection was lost on the
                way nobody knows whether it was written.
        """
        if self._queued(puts):
            return None
        try:
            with self._connections.connection() as connection:
                self._tables.write(connection, puts, vectors)
                try:
                    return self._read_back(connection, [put for put in puts if put.value is not None])
                except Exception:  # it is written; what cannot be read back is merely not warm
                    logger.warning("what was written could not be read back", exc_info=True)
                    return {}
        except StoreUnavailableError:
            if self._outbox is None or self.away is None:
                raise
            self._outbox.add(puts, at=self._now())
            return None

    def renew(self, places: Iterable[tuple[Namespace, str]]) -> None:
        """Let items live for their whole time again, without waiting: within the bound of staleness."""
        self._used.update(dict.fromkeys(places))

    def rows(self, namespace: Namespace, keys: Sequence[str], *, vectors: bool = False) -> dict[str, StoredRow]:
        """Read items by key. Waits for the database."""
        with self._connections.connection() as connection:
            return read_rows(connection, namespace, keys, vectors=vectors)

    def newest(
        self, namespace: Namespace, page: int, take: Callable[[list[StoredRow]], bool], *, vectors: bool
    ) -> bool:
        """Hand on pages of a namespace, the newest items first, until `take` returns False; whether that was never."""
        with self._connections.connection() as connection:
            return all(take(rows) for rows in read_newest(connection, namespace, page, vectors=vectors))

    def check_writable(self) -> None:
        """Raise StoreUnavailableError where a write could not even wait."""
        reason = self.away
        if reason is not None and self._outbox is None:
            raise StoreUnavailableError(reason)

    # -- the contract --------------------------------------------------------------------------------------------------

    def _steps(self, plan: Plan) -> Steps[list[Any]]:
        results: list[Any] = [None] * plan.size
        answers = (yield from self.read_steps(list(plan.reads.values()))) if plan.reads else ()
        for at, answer in zip(plan.reads, answers, strict=True):
            results[at] = answer
        if plan.writes:
            puts = list(plan.writes.values())
            prepared = yield from self.ranking.searchables(puts)
            yield Io(partial(self.write, puts, [vectors for _, vectors in prepared]))
        return results

    def read_steps(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        """Answer reads in order."""
        known: dict[str, NDArray[np.float32]] = {}
        if self.ranking.embedder is not None:
            for read in reads:
                if isinstance(read, Search) and read.query is not None and read.limit:
                    known[read.query] = yield from self.ranking.embed_query(read.query)
        ops = [as_op(read) for read in reads]
        answers: list[Any] = yield Io(lambda: self._batch(ops, known))
        for at, read in enumerate(reads):
            if isinstance(read, Search):
                answers[at] = yield from self._page(read, answers[at], known)
        return answers

    def _page(self, read: Search, found: list[Any], known: Vectors) -> Steps[list[Any]]:
        """Return the page that was asked for, looking wider as long as too little of what is found matches."""
        wanted = read.offset + read.limit
        if read.limit and read.matches is not None and not is_plain(read.filter):
            matches, asked = read.matches, widened(wanted)
            matching = [item for item in found if matches(item.value)]
            while len(matching) < wanted and len(found) >= asked:
                asked *= 4
                op = SearchOp(read.prefix, None, asked, 0, read.query, False)
                (found,) = yield Io(partial(self._batch, [op], known))
                matching = [item for item in found if matches(item.value)]
            found = matching
        return found[read.offset : wanted]

    def _batch(self, ops: Sequence[Op], known: Vectors) -> list[Any]:
        """Read, a second time where a connection turns out to be broken: it may have been so for long."""
        for last in (False, True):
            try:
                with self._connections.connection() as connection:
                    return list(self._tables.on(connection, known).batch(ops))
            except StoreUnavailableError:
                if last or not self._back_soon():
                    raise
        raise AssertionError

    def _back_soon(self) -> bool:
        """Wait for the feed to find out whether the database is away, or one connection was broken."""
        deadline = time.monotonic() + 0.25
        while self.away is not None and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.away is None

    def _sweep(self) -> Steps[int]:
        swept: int = yield Io(self._sweep_now)
        return swept

    def _sweep_now(self) -> int:
        with self._connections.connection() as connection:
            return int(self._tables.on(connection, {}).sweep_ttl())

    # -- writing -------------------------------------------------------------------------------------------------------

    def _queued(self, puts: Sequence[Put]) -> bool:
        """Let writes wait in the outbox if the database is away, or others wait there already."""
        if self._outbox is None or (self.away is None and not len(self._outbox)):
            return False
        self._outbox.add(puts, at=self._now())
        if self.away is None:
            self.feed.lost()  # it came too late for the round that emptied the outbox
        return True

    def _read_back(self, connection: Any, puts: Sequence[Put]) -> dict[tuple[Namespace, str], StoredRow]:
        keys: dict[Namespace, list[str]] = {}
        for put in puts:
            keys.setdefault(put.namespace, []).append(put.key)
        return {
            (namespace, key): row
            for namespace, wanted in keys.items()
            for key, row in read_rows(connection, namespace, wanted, vectors=False).items()
        }

    def _recover(self, connection: Any) -> None:
        """Do what waits in the outbox, before anybody else writes."""
        self._measure_skew(connection)
        if self._outbox is not None and len(self._outbox):
            with self._draining:
                done = self._outbox.drain(lambda waiting: replay(connection, self.schema, waiting, self._tables.write))
            logger.info("%d batches of writes left the outbox", done)

    def _renew(self, connection: Any) -> None:
        used, self._used = self._used, {}
        if used:
            renew_rows(connection, used)

    # -- set-up --------------------------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        connection = self._connections.connect()
        try:
            set_up(connection, self.schema, lambda on: self._tables.on(on, {}), vectors=self._tables.vectors)
            self._exact_only = has_ann_index(connection, self.schema) and not (self.index_config or {}).get(
                "ann_index_config"
            )
            self._measure_skew(connection)
            self.feed.start(connection)
        finally:
            close_quietly(connection)

    def _prepare(self, connection: Any) -> None:
        """Make a new connection find the tables."""
        connection.execute(search_path(connection, self.schema))
        if self._exact_only:
            # Somebody made an approximate index here. Without plain index scans the planner has to leave it alone;
            # prefixes and keys are still found by way of bitmaps.
            connection.execute("SET enable_indexscan = off")

    def _measure_skew(self, connection: Any) -> None:
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8 AS now").fetchone()
        self._skew = row["now"] - time.time()

    def _now(self) -> float:
        return time.time() + self._skew


def is_postgres_uri(path: object) -> bool:
    """Whether something is the address of a PostgreSQL database, and not the path of a file.

    Example:
        >>> is_postgres_uri("postgresql://localhost/agents"), is_postgres_uri("memory.db")
        (True, False)
    """
    return isinstance(path, str) and path.startswith(("postgresql://", "postgres://"))


def _positive(argument: str, seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise InvalidArgumentError(argument, expected="seconds > 0", got=seconds)
    return float(seconds)
