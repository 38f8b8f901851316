"""The statements: rows in, rows out. Every function takes a connection inside a transaction."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias

from warmgraph.index import Entry
from warmgraph.store.sqlite.changes import KEPT_DELETIONS, Change, last_seq, seconds_of, take_numbers
from warmgraph.store.sqlite.rows import (
    AFTER_SEPARATOR,
    MICROSECONDS,
    SEPARATOR,
    Pending,
    Read,
    Row,
    document_from,
    joined,
    split,
)
from warmgraph.store.sqlite.tables import vectors_of
from warmgraph.store.sqlite.vectors import Key, known_model, read_vectors
from warmgraph.store.sqlite.writes import apply_writes

__all__ = [
    "changes_between",
    "delete_expired",
    "entries_of",
    "fetch",
    "few_namespaces_under",
    "move_expiry",
    "namespaces_under",
    "newest_rows",
    "prefix_range",
]

Namespace: TypeAlias = tuple[str, ...]
MERGED_NAMESPACES = 100
SWEPT_AT_ONCE = 1_000  # items: other writers come in between


_ROW = "namespace, key, value, created_at, updated_at, ttl, expires_at"


def move_expiry(connection: sqlite3.Connection, items: Iterable[tuple[Namespace, str]], now: int) -> list[Change]:
    """Let items live for their whole time to live again, and return them with their new expiry."""
    wanted = list(dict.fromkeys(items))
    first = take_numbers(connection, len(wanted))
    changes = []
    for seq, (namespace, key) in enumerate(wanted, start=first):
        row = connection.execute(
            "UPDATE items SET expires_at = max(expires_at, ? + CAST(round(ttl * ?) AS INTEGER)), renewed = ? "
            "WHERE namespace = ? AND key = ? AND ttl IS NOT NULL AND expires_at > ? RETURNING expires_at",
            (now, 60 * MICROSECONDS, seq, joined(namespace), key, now),
        ).fetchone()
        if row is not None:
            changes.append(Change(namespace, key, seq, expires_at=row[0]))
    return changes


def delete_expired(connection: sqlite3.Connection, now: int) -> list[Change]:
    """Delete items that have expired, `SWEPT_AT_ONCE` at most, and return the deletions."""
    statement = "SELECT namespace, key FROM items WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    gone = connection.execute(statement, (now, SWEPT_AT_ONCE)).fetchall()
    if not gone:
        return []
    return apply_writes(connection, [Pending(split(namespace), key, now) for namespace, key in gone], None)


def fetch(connection: sqlite3.Connection, namespace: Namespace, keys: Iterable[str], now: int) -> dict[str, Row]:
    """Return the rows of keys that exist and have not expired."""
    found = {}
    statement = f"SELECT {_ROW} FROM items WHERE namespace = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)"
    for key in keys:
        row = connection.execute(statement, (joined(namespace), key, now)).fetchone()
        if row is not None:
            found[key] = _row(row)
    return found


def newest_rows(connection: sqlite3.Connection, prefix: Namespace, now: int) -> Iterator[Row]:
    """Yield the rows under a prefix of whole labels, the last written first.

    Each namespace has its rows in that order in an index: while there are not too many namespaces they are merged,
    and reading the first ten rows costs the same whatever lies behind them.
    """
    select = f"SELECT id, {_ROW} FROM items WHERE"
    living = "(expires_at IS NULL OR expires_at > ?) ORDER BY id DESC"
    names = _names_under(connection, prefix)
    if len(names) > MERGED_NAMESPACES:
        rows: Iterable[Any] = connection.execute(
            f"{select} namespace >= ? AND namespace < ? AND {living}", (*prefix_range(prefix), now)
        )
        if prefix and names[0] == joined(prefix):
            rows = _merged([rows, connection.execute(f"{select} namespace = ? AND {living}", (names[0], now))])
    else:
        rows = _merged([connection.execute(f"{select} namespace = ? AND {living}", (name, now)) for name in names])
    for _, *row in rows:
        yield _row(row)


def namespaces_under(connection: sqlite3.Connection, prefix: Namespace, now: int) -> list[Namespace]:
    """Return the namespaces under a prefix that hold an item, in order."""
    return _living(connection, _names_under(connection, prefix), now)


def few_namespaces_under(
    connection: sqlite3.Connection, prefix: Namespace, now: int, most: int
) -> list[Namespace] | None:
    """Return the namespaces under a prefix that hold an item, in order; `None` if there are many."""
    names = _names_under(connection, prefix, most + 1)
    return _living(connection, names, now) if len(names) <= most else None


def entries_of(connection: sqlite3.Connection, namespace: Namespace, model: Key | None, read: Read) -> list[Entry]:
    """Return how all items of a namespace are indexed, in the order of their writing.

    Args:
        connection: Inside a transaction.
        namespace: The namespace.
        model: Whose vectors to load.
        read: Makes the lexical document of a value and paths; called when words are first asked for.
    """
    return [entry for _, entry in _entries(connection, "namespace = ?", (joined(namespace),), model, read)]


def changes_between(
    connection: sqlite3.Connection, after: int, until: int, model: Key | None, read: Read
) -> list[Change] | None:
    """Return what changed after one number and up to another; `None` when the log does not reach back that far.

    An item that was only read, and lives longer for it, comes with its expiry alone: whoever holds it need not drop it.
    """
    if after < last_seq(connection) - KEPT_DELETIONS:
        return None
    span = (after, until)
    changed: list[tuple[int, Change]] = [
        (seq, Change(split(namespace), key, seq, gone=True))
        for seq, namespace, key in connection.execute("SELECT * FROM deletions WHERE seq > ? AND seq <= ?", span)
    ]
    for namespace, key, seq, expires_at in connection.execute(
        "SELECT namespace, key, renewed, expires_at FROM items WHERE renewed > ? AND renewed <= ? AND id <= ?",
        (*span, after),
    ):
        changed.append((seq, Change(split(namespace), key, seq, expires_at=expires_at)))
    for namespace, entry in _entries(connection, "id > ? AND id <= ?", span, model, read):
        changed.append((entry.seq, Change(split(namespace), entry.key, entry.seq, entry)))
    return [change for _, change in sorted(changed, key=lambda each: each[0])]


def _entries(
    connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...], model: Key | None, read: Read
) -> list[tuple[str, Entry]]:
    known = model and known_model(connection, *model)
    number, dims = known or (0, 0)
    vectors, table = ("vector", f"items LEFT JOIN {vectors_of(number)} ON item = id") if known else ("NULL", "items")
    rows = connection.execute(
        f"SELECT id, namespace, key, expires_at, terms, question, importance, value, {vectors}"
        f" FROM {table} WHERE {where} ORDER BY id",
        arguments,
    )
    return [
        (
            namespace,
            Entry(
                key,
                number,
                seconds_of(expires_at),
                None if terms is None else partial(document_from, terms, value, f"{namespace}{SEPARATOR}{key}", read),
                None if blob is None else read_vectors(blob, dims),
                bool(question),
                importance,
            ),
        )
        for number, namespace, key, expires_at, terms, question, importance, value, blob in rows
    ]


def _living(connection: sqlite3.Connection, names: list[str], now: int) -> list[Namespace]:
    living = "SELECT EXISTS (SELECT 1 FROM items WHERE namespace = ? AND (expires_at IS NULL OR expires_at > ?))"
    mortal = connection.execute("SELECT EXISTS (SELECT 1 FROM items WHERE expires_at IS NOT NULL)").fetchone()[0]
    if mortal:
        names = [name for name in names if connection.execute(living, (name, now)).fetchone()[0]]
    return sorted(split(name) for name in names)


def _names_under(connection: sqlite3.Connection, prefix: Namespace, most: int | None = None) -> list[str]:
    """Return a prefix's own name, if it holds rows, and all below it in the order of the index.

    Goes from one name to the next along the index, past all the rows in between.
    """
    low, high = prefix_range(prefix)
    names = [name for (name,) in islice(connection.execute(_NAMES, (low, high, high)), most)]
    if prefix:
        own = joined(prefix)
        if connection.execute("SELECT EXISTS (SELECT 1 FROM items WHERE namespace = ?)", (own,)).fetchone()[0]:
            names.insert(0, own)
    return names


_NAMES = """
WITH RECURSIVE found (name) AS (
    SELECT min(namespace) FROM items WHERE namespace >= ? AND namespace < ?
    UNION ALL
    SELECT (SELECT min(namespace) FROM items WHERE namespace > found.name AND namespace < ?)
    FROM found WHERE found.name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL
"""


def prefix_range(prefix: Namespace) -> tuple[str, str | bytes]:
    """Return between which names everything below a prefix lies; a BLOB sorts behind all texts."""
    return (joined(prefix) + SEPARATOR, joined(prefix) + AFTER_SEPARATOR) if prefix else ("", b"")


def _merged(cursors: Sequence[Iterable[Any]]) -> Iterable[Any]:
    return cursors[0] if len(cursors) == 1 else heapq.merge(*cursors, key=itemgetter(0), reverse=True)


def _row(row: Sequence[Any]) -> Row:
    return Row(split(row[0]), *row[1:])
