"""Looking into a file without opening a store: nothing is written, and nobody is held up."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import StoreUnavailableError, StoreVersionError
from warmgraph.store.plan import check_count, check_namespace
from warmgraph.store.sqlite.failures import typed_errors
from warmgraph.store.sqlite.items import prefix_range
from warmgraph.store.sqlite.rows import MICROSECONDS, joined, split, time_of
from warmgraph.store.sqlite.schema import SCHEMA_VERSION, connect, read_version
from warmgraph.store.sqlite.tables import vectors_of

__all__ = ["Inspection", "ModelFigures", "NamespaceFigures", "RecentMemory", "inspect_file", "read_file"]

Namespace: TypeAlias = tuple[str, ...]
T = TypeVar("T")
# A reader needs no lock that a writer holds; only the moment in which a log is set up or cut.
BUSY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class NamespaceFigures:
    """Figures of one namespace.

    Args:
        namespace: Its labels.
        items: Items that have not expired.
        expired: Items that have, and were not swept yet.
        bytes: Size of all their values as JSON.
        indexed: Items that words can find.
        newest: When an item was last written.
    """

    namespace: Namespace
    items: int
    expired: int
    bytes: int
    indexed: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """Figures of one embedding model.

    Args:
        name: Its fingerprint.
        dims: Length of its vectors.
        fields: The paths that it embeds by default, where the file knows them.
        items: Items that have a vector of it, in the whole file.
        vectors: Its vectors.
        bytes: Their size.
        status: "in use", "next" while items are being embedded with it, or "unused".
    """

    name: str
    dims: int
    fields: tuple[str, ...] | None
    items: int
    vectors: int
    bytes: int
    status: str


@dataclass(frozen=True, slots=True)
class RecentMemory:
    """An item that was written lately."""

    namespace: Namespace
    key: str
    updated_at: datetime
    expires_at: datetime | None
    value: Any


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file holds, at one moment.

    Args:
        path: The file.
        schema: Version of its tables.
        file_bytes: Size of the file.
        log_bytes: Size of its log, which is part of the data.
        free_bytes: Space of deleted items inside the file, which `compact` gives back.
        namespaces: By name.
        models: Embedding models, the one in use first.
        recent: The items that were written last, the newest first.
    """

    path: str
    schema: int
    file_bytes: int
    log_bytes: int
    free_bytes: int
    namespaces: list[NamespaceFigures]
    models: list[ModelFigures]
    recent: list[RecentMemory]

    @property
    def items(self) -> int:
        """Items that have not expired."""
        return sum(each.items for each in self.namespaces)


def inspect_file(
    path: str | os.PathLike[str], *, namespace: Namespace = (), recent: int = 10, clock: Clock | None = None
) -> Inspection:
    """Look into a file of a `RoutedStore`, in one snapshot. It may be in use, and is neither changed nor blocked.

    Args:
        path: The file.
        namespace: Tells of this namespace and those below it; all by default.
        recent: How many of the last written items to return.
        clock: Tells the time, by which items have expired.

    Raises:
        StoreUnavailableError: There is no such file, or it cannot be read.
        StoreCorruptError: It is damaged, or of something else.
        StoreVersionError: It was written by a newer warmgraph, or by an older one and never opened by this one.

    Example:
        >>> import os, tempfile
        >>> from warmgraph.store import RoutedStore
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "memory.db")
        ...     with RoutedStore(path) as store:
        ...         store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
        ...         inspect_file(path).items
        1
    """
    prefix = check_namespace(namespace)
    check_count("recent", recent, least=0)
    now = round((clock or SystemClock()).now().timestamp() * MICROSECONDS)
    name = os.fspath(path)
    return read_file(path, lambda connection: _inspect(connection, name, os.path.abspath(name), prefix, recent, now))


def read_file(path: str | os.PathLike[str], work: Callable[[sqlite3.Connection], T]) -> T:
    """Read a file of the present version in one snapshot, through a connection that cannot write.

    Args:
        path: The file.
        work: Reads; it may be called again when somebody opens the file meanwhile.

    Raises:
        As `inspect_file`.
    """
    name = os.fspath(path)
    file = os.path.abspath(name)
    if not os.path.isfile(file):
        raise StoreUnavailableError(f"{name}: there is no such file")

    def checked(connection: sqlite3.Connection) -> T:
        _check_version(connection, name)
        return work(connection)

    with typed_errors(name):
        return _in_snapshot(file, checked)


def _in_snapshot(file: str, work: Callable[[sqlite3.Connection], T]) -> T:
    """Read through a connection that cannot write.

    Whoever has the file open keeps a log beside it. Without one nobody has, and the file is read as it is: the usual
    way would make a log, which on a disk that is read-only fails.
    """
    while True:
        log = Path(f"{file}-wal")
        alone = not log.exists()
        before = os.stat(file)
        connection = connect(file, busy_seconds=BUSY_SECONDS, mode="ro&immutable=1" if alone else "ro")
        try:
            connection.execute("BEGIN")
            found = work(connection)
        except sqlite3.DatabaseError:
            if alone and log.exists():
                continue
            raise
        finally:
            connection.close()
        after = os.stat(file)
        if not alone or (
            not log.exists() and (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
        ):
            return found  # else somebody opened it meanwhile, and may have changed what was being read


def _check_version(connection: sqlite3.Connection, name: str) -> None:
    version = read_version(connection, name)
    if version is None:
        raise StoreUnavailableError(f"{name} is empty: nothing was ever stored in it")
    if version != SCHEMA_VERSION:
        raise StoreVersionError(
            f"{name} was written by an older warmgraph (schema {version}, this one reads {SCHEMA_VERSION}): open it"
            " once with a store, which brings it up to date"
        )


def _inspect(
    connection: sqlite3.Connection, name: str, file: str, prefix: Namespace, recent: int, now: int
) -> Inspection:
    free = (
        connection.execute("PRAGMA freelist_count").fetchone()[0] * connection.execute("PRAGMA page_size").fetchone()[0]
    )
    log = f"{file}-wal"
    where, arguments = _under(prefix)
    return Inspection(
        path=name,
        schema=SCHEMA_VERSION,
        file_bytes=os.path.getsize(file),
        log_bytes=os.path.getsize(log) if os.path.exists(log) else 0,
        free_bytes=free,
        namespaces=_namespaces(connection, where, arguments, now),
        models=_models(connection),
        recent=_recent(connection, where, arguments, recent, now),
    )


def _under(prefix: Namespace) -> tuple[str, tuple[Any, ...]]:
    if not prefix:
        return "1", ()
    return "(namespace = ? OR (namespace >= ? AND namespace < ?))", (joined(prefix), *prefix_range(prefix))


def _namespaces(
    connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...], now: int
) -> list[NamespaceFigures]:
    rows = connection.execute(
        "SELECT namespace, count(*), coalesce(sum(expires_at <= ?), 0), sum(length(CAST(value AS BLOB))),"
        f" count(terms), max(updated_at) FROM items WHERE {where} GROUP BY namespace",
        (now, *arguments),
    )
    found = [
        NamespaceFigures(split(name), count - expired, expired, size, indexed, time_of(newest))
        for name, count, expired, size, indexed, newest in rows
    ]
    return sorted(found, key=lambda each: each.namespace)


def _models(connection: sqlite3.Connection) -> list[ModelFigures]:
    used: dict[str, int] = dict(connection.execute("SELECT name, value FROM counters").fetchall())
    found = []
    for number, name, dims, fields in connection.execute("SELECT id, name, dims, fields FROM models"):
        items, size = connection.execute(
            f"SELECT count(*), coalesce(sum(length(vector)), 0) FROM {vectors_of(number)}"
        ).fetchone()
        status = {used.get("model"): "in use", used.get("next_model"): "next"}.get(number, "unused")
        paths = None if fields is None else tuple(json.loads(fields))
        found.append(ModelFigures(name, dims, paths, items, size // (4 * dims), size, status))
    return sorted(found, key=lambda each: (each.status != "in use", each.name))


def _recent(
    connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...], limit: int, now: int
) -> list[RecentMemory]:
    rows = connection.execute(
        f"SELECT namespace, key, updated_at, expires_at, value FROM items WHERE {where}"
        " AND (expires_at IS NULL OR expires_at > ?) ORDER BY id DESC LIMIT ?",
        (*arguments, now, limit),
    )
    return [
        RecentMemory(split(name), key, time_of(at), None if expires is None else time_of(expires), _value(value))
        for name, key, at, expires, value in rows
    ]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # damaged; the rest can be shown all the same
        return text
