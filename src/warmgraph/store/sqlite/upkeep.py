"""What a file needs from time to time: what expired leaves, free pages go back, vectors are made by another model."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

from warmgraph.errors import InvalidArgumentError
from warmgraph.steps import Io, Steps
from warmgraph.store.config import Ranking
from warmgraph.store.plan import Put
from warmgraph.store.sqlite import items, vectors
from warmgraph.store.sqlite.changes import Change, forget_history, last_seq
from warmgraph.store.sqlite.database import Database
from warmgraph.store.sqlite.indexes import LoadedIndexes
from warmgraph.store.sqlite.model_watch import ModelWatch
from warmgraph.store.sqlite.vectors import Lacking, Model

__all__ = ["Compacted", "Reembedded", "Upkeep", "file_bytes", "free_some", "rewrite_file", "waiting"]

T = TypeVar("T")
Place: TypeAlias = tuple[tuple[str, ...], str]
INCREMENTAL = 2
FREED_AT_ONCE = 1_000  # pages, 4 MB: other writers come in between
# Who still embeds with the old model may write faster than we read; what is left is named in the result.
MAX_PASSES = 10


@dataclass(frozen=True, slots=True)
class Compacted:
    """What `compact` did.

    Args:
        bytes_before: Size of the file and its log before.
        bytes_after: The same afterwards.
    """

    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class Reembedded:
    """What `reembed` did.

    Args:
        model: The model that the file's vectors are of now, such as "hashing-512 (512 dimensions)".
        previous: The one before; `None` if there was none.
        embedded: Items that were embedded.
        left: Items that still have no vector of it, because others went on writing with the previous model.
    """

    model: str
    previous: str | None
    embedded: int
    left: int


class Upkeep:
    """Sweeps, compacts and embeds anew, in small transactions between those of everybody else.

    Args:
        database: The file.
        indexes: Its indexes in RAM.
        ranking: How the store embeds.
        model: Knows whose vectors the file holds.
        now: Tells the time, in microseconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        indexes: LoadedIndexes,
        ranking: Ranking,
        model: ModelWatch,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._indexes = indexes
        self._ranking = ranking
        self._model = model
        self._now = now

    def sweep(self) -> Steps[int]:
        """Delete what has expired, and return how many items that were."""
        now, swept = self._now(), 0
        while True:
            written = yield from waiting(
                lambda: self._indexes.write(lambda connection: items.delete_expired(connection, now))
            )
            swept += len(written.changes)
            if len(written.changes) < items.SWEPT_AT_ONCE:
                return swept

    def compact(self) -> Steps[Compacted]:
        """Give back the space of what was deleted, and start the log anew."""
        before = file_bytes(self._database)
        if (yield from self._write(_auto_vacuum)) != INCREMENTAL:  # a file of an older version, for once
            yield from waiting(lambda: self._database.maintain(rewrite_file))
        while (yield from self._write(free_some)):
            pass
        yield from waiting(lambda: self._database.maintain(_checkpoint))
        return Compacted(before, file_bytes(self._database))

    def reembed(self, batch: int, progress: Callable[[int], object] | None) -> Steps[Reembedded]:
        """Embed every item with the store's model, then put that in use and delete the vectors of others.

        Args:
            batch: Items embedded in one call.
            progress: Told how many items were embedded, after every batch.
        """
        embedder = self._ranking.embedder
        if embedder is None:
            raise InvalidArgumentError("index", expected="a store with an index, to embed with", got=None)
        if embedder.dims is None:
            yield from self._ranking.embed_query("dimensions")
        ours = self._model.ours
        assert ours is not None
        previous = yield from self._write(vectors.model_in_use)
        number = yield from self._write(lambda connection: vectors.begin_model(connection, ours))
        embedded = 0

        def told(count: int) -> None:
            nonlocal embedded
            embedded += count
            if progress is not None:
                progress(embedded)

        for _ in range(MAX_PASSES):
            if not (yield from self._pass(number, batch, told)):
                break
        yield from self._switch(ours, number)
        if (yield from self._pass(number, batch, told)):  # written with the old model until a moment ago
            yield from self._switch(ours, number)
        left = yield from self._read(partial(vectors.count_without, model=number, now=self._now()))
        while (yield from self._write(partial(vectors.drop_others, model=number))):
            pass
        return Reembedded(str(ours), None if previous is None else str(previous), embedded, left)

    def embed_missing(self, places: Collection[Place], batch: int) -> Steps[None]:
        """Embed some items that have no vector yet, unless the file's vectors are of another model.

        Args:
            places: The items; those that are gone, or have vectors by now, are passed over.
            batch: Items embedded in one call.
        """
        ours = self._model.ours
        if ours is None or self._model.in_use not in (None, ours):
            return
        number = yield from self._write(lambda connection: vectors.note_model(connection, ours))
        if (yield from self._pass(number, batch, lambda count: None, places)):
            yield from self._write(_renumber)
            yield Io(self._indexes.follow)

    def _pass(
        self, model: int, batch: int, told: Callable[[int], None], places: Collection[Place] | None = None
    ) -> Steps[int]:
        """Embed all items that have no vector of a model, or some of these, and return how many that were."""
        after, total = 0, 0
        until = yield from self._read(last_seq)  # who goes on writing must not keep us here for ever
        while True:
            lacking = partial(
                vectors.items_without, model=model, after=after, until=until, limit=batch, now=self._now()
            )
            found = yield from self._read(lacking)
            if not found:
                return total
            after = found[-1].id
            if places is not None:
                found = [item for item in found if (item.row.namespace, item.row.key) in places]
            searchable = yield from self._ranking.searchables([_as_put(item) for item in found])
            made = [(item, rows) for item, (_, rows) in zip(found, searchable, strict=True) if rows is not None]
            if made:
                added = yield from self._write(partial(vectors.add_vectors, model=model, made=made))
                total += added
                told(added)

    def _switch(self, ours: Model, number: int) -> Steps[None]:
        def switch(connection: sqlite3.Connection) -> list[Change]:
            vectors.switch_model(connection, number)
            forget_history(connection)
            return []

        yield from self._write(switch)
        yield Io(self._indexes.follow)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> Steps[T]:
        return waiting(lambda: self._database.write(work))

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> Steps[T]:
        found: T = yield Io(lambda: self._database.read(work))
        return found


def _renumber(connection: sqlite3.Connection) -> None:
    """Let every process read its indexes anew: items have vectors now that nobody wrote."""
    forget_history(connection)


def file_bytes(database: Database) -> int:
    """Return the size of a file and its log; 0 for one in memory."""
    names = () if database.in_memory else (database.file, f"{database.file}-wal")
    return sum(os.path.getsize(name) for name in names if os.path.exists(name))


def waiting(queue: Callable[[], Future[T]]) -> Steps[T]:
    """Wait for what is queued; an event loop does so without a thread."""
    done: T = yield Io(lambda: queue().result(), lambda: asyncio.wrap_future(queue()))
    return done


def _as_put(lacking: Lacking) -> Put:
    paths = None if lacking.paths is None else json.loads(lacking.paths)
    return Put(lacking.row.namespace, lacking.row.key, lacking.row.parsed(), paths)


def _auto_vacuum(connection: sqlite3.Connection) -> int:
    mode: int = connection.execute("PRAGMA auto_vacuum").fetchone()[0]
    return mode


def rewrite_file(connection: sqlite3.Connection) -> None:
    """Write the whole file anew, without free pages and without remnants in those that are used."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA temp_store = FILE")  # the whole of it is written once more
    try:
        connection.execute("VACUUM")
    finally:
        connection.execute("PRAGMA temp_store = MEMORY")


def free_some(connection: sqlite3.Connection) -> int:
    """Give back some free pages, and return how many there still are."""
    connection.execute(f"PRAGMA incremental_vacuum({FREED_AT_ONCE})").fetchall()
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return free


def _checkpoint(connection: sqlite3.Connection) -> None:
    """Bring the log into the file, and cut it to nothing unless somebody is reading in it."""
    busy: int = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    connection.execute("PRAGMA busy_timeout = 0")  # a long read elsewhere must not hold up everybody's writes
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {busy}")
