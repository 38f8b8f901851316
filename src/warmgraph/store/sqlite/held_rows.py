"""What an erasure needs of a file: its rows, expired and damaged ones included, and its pages wiped."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore

from warmgraph.steps import Io, Steps
from warmgraph.store.config import Ranking
from warmgraph.store.documents import Indexing
from warmgraph.store.erasing.rows import DELETED_AT_ONCE, Held, Rows, Scrubbed
from warmgraph.store.sqlite.changes import Change, forget_history
from warmgraph.store.sqlite.database import Database
from warmgraph.store.sqlite.indexes import LoadedIndexes
from warmgraph.store.sqlite.items import prefix_range
from warmgraph.store.sqlite.routings import ROUTING
from warmgraph.store.sqlite.rows import Pending, joined, split
from warmgraph.store.sqlite.upkeep import file_bytes, free_some, rewrite_file, waiting
from warmgraph.store.sqlite.writes import apply_writes

__all__ = ["HeldRows", "wipe_log"]

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]
BUSY_MILLISECONDS = 200
ATTEMPTS = 50  # ten seconds in all, in which others write in between


class HeldRows(Rows):
    """The rows of a `RoutedStore`. Deletions reach its indexes, its listeners, and other processes by the change log.

    Args:
        store: The store.
        database: Its file.
        indexes: Its indexes in RAM.
        now: Tells the time, in microseconds since the epoch.
        ranking: How the store embeds and reads words.
    """

    def __init__(
        self,
        store: BaseStore,
        database: Database,
        indexes: LoadedIndexes,
        now: Callable[[], int],
        ranking: Ranking,
    ) -> None:
        self.store = store
        self.database: Database = database
        self.indexes: LoadedIndexes = indexes
        self.now: Callable[[], int] = now
        self._ranking = ranking

    @property
    def indexing(self) -> Indexing:
        """How the store makes values searchable."""
        return self._ranking.indexing

    @property
    def embeds(self) -> bool:
        """Whether the store has an index of vectors."""
        return self._ranking.embedder is not None

    def under(self, prefix: Namespace) -> Steps[list[Held]]:
        """Read all rows of a range."""

        def read(connection: sqlite3.Connection) -> list[Held]:
            rows = connection.execute(
                "SELECT namespace, key, value, ttl FROM items WHERE namespace = ? OR (namespace >= ? AND namespace < ?)"
                " ORDER BY id",
                (joined(prefix), *prefix_range(prefix)),
            )
            return [Held(split(name), key, _parsed(value), ttl) for name, key, value, ttl in rows]

        found: list[Held] = yield Io(lambda: self.database.read(read))
        return found

    def namespaces(self, prefix: Namespace) -> Steps[list[Namespace]]:
        """Go along the index of names."""

        def read(connection: sqlite3.Connection) -> list[Namespace]:
            rows = connection.execute(
                "SELECT DISTINCT namespace FROM items WHERE namespace = ? OR (namespace >= ? AND namespace < ?)",
                (joined(prefix), *prefix_range(prefix)),
            )
            return [split(name) for (name,) in rows]

        found: list[Namespace] = yield Io(lambda: self.database.read(read))
        return found

    def delete(self, places: Iterable[Place]) -> Steps[None]:
        """Delete rows with their vectors and terms, in transactions of some hundred."""
        now = self.now()
        pending = [Pending(namespace, key, now) for namespace, key in dict.fromkeys(places)]
        for at in range(0, len(pending), DELETED_AT_ONCE):
            some = pending[at : at + DELETED_AT_ONCE]

            def work(connection: sqlite3.Connection, some: list[Pending] = some) -> list[Change]:
                connection.execute("PRAGMA secure_delete = ON")
                return apply_writes(connection, some, None)

            yield from waiting(lambda work=work: self.indexes.write(work))  # type: ignore[misc]

    def forget_state(self, prefix: Namespace, telling_of: Collection[str] | None = None) -> Steps[int]:
        """Delete from the table that the store keeps for itself; cells always, as means of what goes too."""

        def work(connection: sqlite3.Connection) -> int:
            where = "namespace = ? OR (namespace >= ? AND namespace < ?)"
            range_ = (joined(prefix), *prefix_range(prefix))
            rows = connection.execute(f"SELECT namespace, name, value FROM state WHERE {where}", range_).fetchall()
            gone = [
                (name, entry) for name, entry, value in rows if entry == ROUTING or _tells(telling_of, entry, value)
            ]
            connection.executemany("DELETE FROM state WHERE namespace = ? AND name = ?", gone)
            return len(gone)

        return waiting(lambda: self.database.write(work))

    def scrub(self, rewrite: bool) -> Steps[Scrubbed]:
        """Empty the change log, rewrite the file without what is gone, and cut its log to nothing.

        Other processes find that the change log does not reach back, and drop what they hold in RAM.
        """
        before = file_bytes(self.database)
        self._ranking.forget_queries()
        yield from waiting(lambda: self.database.write(_forget_log))
        if rewrite:
            yield from waiting(lambda: self.database.maintain(rewrite_file))
        else:
            while (yield from waiting(lambda: self.database.write(free_some))):
                pass
        wiped = False
        for _ in range(ATTEMPTS):
            wiped = yield from waiting(lambda: self.database.maintain(wipe_log))
            if wiped:
                break
        yield Io(self.indexes.follow)
        yield from waiting(lambda: self.database.maintain(_wipe_less))
        left = () if wiped else (f"{self.database.path}-wal: somebody reads in it; call again later",)
        return Scrubbed(before, file_bytes(self.database), left, again=not wiped)


def wipe_log(connection: sqlite3.Connection) -> bool:
    """Bring the log into the file and cut it to nothing; whether nobody who reads in it was in the way."""
    busy: int = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    try:
        found = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {busy}")
    return not found[0]


def _forget_log(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA secure_delete = ON")
    forget_history(connection)


def _tells(texts: Collection[str] | None, name: str, value: str) -> bool:
    if texts is None:
        return True
    try:
        whole = f"{name}\n{json.loads(value)}".casefold()
    except ValueError:
        whole = f"{name}\n{value}".casefold()
    return any(text.casefold() in whole for text in texts)


def _wipe_less(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA secure_delete = FAST")  # as it was opened


def _parsed(value: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
