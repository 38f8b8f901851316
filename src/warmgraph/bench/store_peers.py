"""The stores that `warmgraph bench store` compares, opened the same way; those that are not installed are left out."""

from __future__ import annotations

import importlib
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore

from warmgraph.bench.store_corpus import LABEL, Corpus
from warmgraph.store import RoutedStore, WarmStore

__all__ = [
    "FILE",
    "IN_MEMORY",
    "IN_MEMORY_ARRAYS",
    "POSTGRES",
    "RAM",
    "RAM_ARRAYS",
    "ROUTED",
    "SMALL_FILE",
    "SQLITE",
    "SQLITE_PLAIN",
    "WARM_MEMORY",
    "WARM_MEMORY_KEYWORDS",
    "Peers",
]

RAM = "WarmStore, RAM"
RAM_ARRAYS = "WarmStore, RAM, numpy rows"
FILE = "WarmStore, file, all warm"
SMALL_FILE = "WarmStore, file, default capacity"
ROUTED = "RoutedStore"
IN_MEMORY = "InMemoryStore"
IN_MEMORY_ARRAYS = "InMemoryStore, numpy rows"
SQLITE = "SqliteStore"
SQLITE_PLAIN = "SqliteStore, no vectors"
POSTGRES = "PostgresStore"
WARM_MEMORY = "WarmMemory, embeddings"
WARM_MEMORY_KEYWORDS = "WarmMemory, keywords"

_CLEARED_AT_ONCE = 1_000
_ROOM = 1 << 40  # no bound of bytes, as the peers have none


class Peers:
    """Opens stores by name.

    Args:
        folder: Where files go.
        postgres: URI of a PostgreSQL database with pgvector, or `None` to leave `PostgresStore` out.

    Attributes:
        missing: What was left out, with the reason.
    """

    def __init__(self, folder: Path, postgres: str | None = None) -> None:
        self.missing: dict[str, str] = {}
        self._folder = folder
        self._postgres = postgres
        self._files = 0
        self._sqlite: Any = _sqlite_with_extensions()
        if find_spec("langgraph.store.sqlite") is None:
            self.missing[SQLITE] = "langgraph-checkpoint-sqlite is not installed"
            self.missing[SQLITE_PLAIN] = self.missing[SQLITE]
        elif self._sqlite is None:
            self.missing[SQLITE] = "this Python's sqlite3 cannot load extensions, and pysqlite3 is not installed"
        if find_spec("warm_memory") is None:
            self.missing[WARM_MEMORY] = self.missing[WARM_MEMORY_KEYWORDS] = "warm-memory is not installed"
        if postgres is None:
            self.missing[POSTGRES] = "needs --postgres URI"
        elif find_spec("langgraph.store.postgres") is None:
            self.missing[POSTGRES] = "langgraph-checkpoint-postgres is not installed"

    def path(self) -> Path:
        """Return the path of a file that does not exist yet."""
        self._files += 1
        return self._folder / f"store-{self._files}.db"

    @contextmanager
    def open(self, name: str, corpus: Corpus, *, capacity: int, ready: bool = False) -> Iterator[BaseStore]:
        """Open an empty store with an index, and close it afterwards.

        Args:
            name: One of the names of this module; none of `missing`.
            corpus: What will be stored.
            capacity: Items of a namespace that a bounded store has to hold.
            ready: As in `Lookup`.
        """
        arrays = name in (RAM_ARRAYS, IN_MEMORY_ARRAYS)
        index: Any = corpus.index(arrays=arrays, ready=ready)
        if name in (RAM, RAM_ARRAYS):
            with closing(WarmStore(index=index, capacity=capacity, max_bytes=_ROOM)) as store:
                yield store
        elif name == FILE:
            with WarmStore.open(self.path(), index=index, capacity=capacity, max_bytes=_ROOM) as store:
                yield store
        elif name == SMALL_FILE:
            with WarmStore.open(self.path(), index=index) as store:
                yield store
        elif name == ROUTED:
            with RoutedStore(self.path(), index=index) as routed:
                yield routed
        elif name in (IN_MEMORY, IN_MEMORY_ARRAYS):
            yield InMemoryStore(index=index)
        elif name in (SQLITE, SQLITE_PLAIN):
            with self._open_sqlite(index if name == SQLITE else None) as peer:
                yield peer
        elif name == POSTGRES:
            with self._open_postgres(index) as peer:
                yield peer
        else:
            with _open_warm_memory(index["embed"] if name == WARM_MEMORY else None, capacity) as peer:
                yield peer

    @contextmanager
    def _open_sqlite(self, index: Any) -> Iterator[BaseStore]:
        module = importlib.import_module("langgraph.store.sqlite")
        driver: Any = sqlite3 if index is None else self._sqlite
        if index is not None:
            index = index | {"text_fields": index["fields"]}  # its own name for them; it knows no `fields`
        # As SqliteStore.from_conn_string connects.
        connection = driver.connect(str(self.path()), check_same_thread=False, isolation_level=None)
        try:
            store: BaseStore = module.SqliteStore(connection, index=index)
            module.SqliteStore.setup(store)
            yield store
        finally:
            connection.close()

    @contextmanager
    def _open_postgres(self, index: Any) -> Iterator[BaseStore]:
        module = importlib.import_module("langgraph.store.postgres")
        with module.PostgresStore.from_conn_string(self._postgres, index=index) as store:
            store.setup()
            _clear(store)  # of a run that was broken off
            try:
                yield store
            finally:
                _clear(store)


@contextmanager
def _open_warm_memory(embed: Any, capacity: int) -> Iterator[BaseStore]:
    module: Any = importlib.import_module("warm_memory.langgraph")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it appends to an empty frame
        scorer = None if embed is None else module.EmbeddingsImportanceScorer(embed)
        store: BaseStore = module.WarmStore(capacity=capacity, scorer=scorer)
        yield store


def _clear(store: BaseStore) -> None:
    while found := store.search((LABEL,), limit=_CLEARED_AT_ONCE):
        store.batch([PutOp(item.namespace, item.key, None) for item in found])


def _sqlite_with_extensions() -> Any:
    """Return a module like `sqlite3` that can load sqlite-vec, which `SqliteStore` needs for vectors."""
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        return sqlite3
    return importlib.import_module("pysqlite3") if find_spec("pysqlite3") else None
