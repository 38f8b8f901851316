"""The statements: rows in, rows out. Every function takes a connection inside a transaction."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import Entry
from warmgraph.store.sqlite.rows import AFTER_SEPARATOR, SEPARATOR, Pending, Row, document_from, joined, split
from warmgraph.store.sqlite.vectors import Key, Model, known_model, note_model, write_vectors

__all__ = [
    "Change",
    "apply_writes",
    "changes_between",
    "delete_expired",
    "entries_of",
    "fetch",
    "forget_history",
    "last_seq",
    "move_expiry",
    "namespaces_under",
    "newest_rows",
    "prefix_range",
]

Namespace: TypeAlias = tuple[str, ...]
NEVER = float("inf")
KEPT_DELETIONS = 10_000
MERGED_NAMESPACES = 100
SWEPT_AT_ONCE = 1_000  # items: other writers come in between
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one item: it was written (`entry` says how it is indexed), is gone, or lives longer.

    `seq` is the number of the change; changes of one item have growing numbers.
    """

    namespace: Namespace
    key: str
    seq: int
    entry: Entry | None = None
    gone: bool = False
    created_at: int = 0
    updated_at: int = 0
    expires_at: int | None = None


_ROW = "namespace, key, value, created_at, updated_at, ttl, expires_at"

_PUT = """
INSERT INTO items (namespace, key, value, created_at, updated_at, ttl, expires_at, paths, terms, question,
                   importance, written, seq)
VALUES (:namespace, :key, :value, :now, :now, :ttl, :expires_at, :paths, :terms, :question, :importance, :seq, :seq)
ON CONFLICT (namespace, key) DO UPDATE SET
    value = excluded.value, updated_at = excluded.updated_at, ttl = excluded.ttl, expires_at = excluded.expires_at,
    paths = excluded.paths, terms = excluded.terms, question = excluded.question, importance = excluded.importance,
    written = excluded.written, seq = excluded.seq,
    created_at = CASE WHEN items.expires_at <= :now THEN excluded.created_at ELSE items.created_at END
RETURNING id, created_at
"""


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the number of the last change."""
    seq: int = connection.execute("SELECT value FROM counters WHERE name = 'seq'").fetchone()[0]
    return seq


def forget_history(connection: sqlite3.Connection) -> None:
    """Let every process read its indexes anew: the change log no longer reaches back to what any of them knows."""
    _take_numbers(connection, KEPT_DELETIONS + 1)
    connection.execute("DELETE FROM deletions")


def apply_writes(
    connection: sqlite3.Connection, writes: Sequence[Pending], now: int, model: Model | None
) -> list[Change]:
    """Write rows and vectors, number the changes, and return them in order.

    Args:
        connection: Inside a write transaction.
        writes: At most one for each item.
        now: Microseconds since the epoch.
        model: What made the vectors.
    """
    first = _take_numbers(connection, len(writes))
    changes = []
    noted: int | None = None
    for seq, write in enumerate(writes, start=first):
        namespace = joined(write.namespace)
        if write.value is None:
            gone = connection.execute("DELETE FROM items WHERE namespace = ? AND key = ?", (namespace, write.key))
            if gone.rowcount:
                connection.execute("INSERT INTO deletions VALUES (?, ?, ?)", (seq, namespace, write.key))
            changes.append(Change(write.namespace, write.key, seq, gone=True))
            continue
        expires_at = None if write.ttl is None else now + round(write.ttl * 60 * MICROSECONDS)
        item, created_at = connection.execute(
            _PUT,
            {
                "namespace": namespace,
                "key": write.key,
                "value": write.value,
                "now": now,
                "ttl": write.ttl,
                "expires_at": expires_at,
                "paths": write.paths,
                "terms": write.terms,
                "question": write.question,
                "importance": write.importance,
                "seq": seq,
            },
        ).fetchone()
        connection.execute("DELETE FROM vectors WHERE item = ?", (item,))
        if write.vectors is not None and len(write.vectors):
            assert model is not None
            noted = noted or note_model(connection, model)
            write_vectors(connection, item, noted, write.vectors)
        entry = Entry(
            write.key, seq, _seconds(expires_at), write.document, write.vectors, write.question, write.importance
        )
        changes.append(
            Change(write.namespace, write.key, seq, entry, created_at=created_at, updated_at=now, expires_at=expires_at)
        )
    connection.execute("DELETE FROM deletions WHERE seq <= ?", (first - KEPT_DELETIONS,))
    return changes


def move_expiry(connection: sqlite3.Connection, items: Iterable[tuple[Namespace, str]], now: int) -> list[Change]:
    """Let items live for their whole time to live again, and return them with their new expiry."""
    wanted = list(dict.fromkeys(items))
    first = _take_numbers(connection, len(wanted))
    changes = []
    for seq, (namespace, key) in enumerate(wanted, start=first):
        row = connection.execute(
            "UPDATE items SET expires_at = max(expires_at, ? + CAST(round(ttl * ?) AS INTEGER)), seq = ? "
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
    return apply_writes(connection, [Pending(split(namespace), key) for namespace, key in gone], now, None)


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
    select = f"SELECT written, {_ROW} FROM items WHERE"
    living = "(expires_at IS NULL OR expires_at > ?) ORDER BY written DESC"
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
    names = _names_under(connection, prefix)
    living = "SELECT EXISTS (SELECT 1 FROM items WHERE namespace = ? AND (expires_at IS NULL OR expires_at > ?))"
    mortal = connection.execute("SELECT EXISTS (SELECT 1 FROM items WHERE expires_at IS NOT NULL)").fetchone()[0]
    if mortal:
        names = [name for name in names if connection.execute(living, (name, now)).fetchone()[0]]
    return sorted(split(name) for name in names)


def entries_of(connection: sqlite3.Connection, namespace: Namespace, model: Key | None) -> list[Entry]:
    """Return how all items of a namespace are indexed, in the order of their writing."""
    return [entry for _, _, entry in _entries(connection, "i.namespace = ?", (joined(namespace),), model)]


def changes_between(connection: sqlite3.Connection, after: int, until: int, model: Key | None) -> list[Change] | None:
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
        "SELECT namespace, key, seq, expires_at FROM items WHERE seq > ? AND seq <= ? AND written <= ?", (*span, after)
    ):
        changed.append((seq, Change(split(namespace), key, seq, expires_at=expires_at)))
    where = "i.seq > ? AND i.seq <= ? AND i.written > ?"
    for seq, namespace, entry in _entries(connection, where, (*span, after), model):
        changed.append((seq, Change(split(namespace), entry.key, seq, entry)))
    return [change for _, change in sorted(changed, key=lambda each: each[0])]


def _entries(
    connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...], model: Key | None
) -> list[tuple[int, str, Entry]]:
    vectors: dict[int, list[NDArray[np.float32]]] = {}
    known = model and known_model(connection, *model)
    if known:
        for item, blob in connection.execute(
            "SELECT v.item, v.vector FROM items i JOIN vectors v ON v.item = i.id "
            f"WHERE {where} AND v.model = ? ORDER BY v.item, v.part",
            (*arguments, known),
        ):
            vectors.setdefault(item, []).append(np.frombuffer(blob, "<f4"))
    rows = connection.execute(
        "SELECT i.id, i.seq, i.namespace, i.key, i.written, i.expires_at, i.terms, i.question, i.importance "
        f"FROM items i WHERE {where} ORDER BY i.written",
        arguments,
    )
    return [
        (
            seq,
            namespace,
            Entry(
                key,
                written,
                _seconds(expires_at),
                None if terms is None else document_from(terms),
                np.stack(vectors[item]) if item in vectors else None,
                bool(question),
                importance,
            ),
        )
        for item, seq, namespace, key, written, expires_at, terms, question, importance in rows
    ]


def _take_numbers(connection: sqlite3.Connection, count: int) -> int:
    last: int = connection.execute(
        "UPDATE counters SET value = value + ? WHERE name = 'seq' RETURNING value", (count,)
    ).fetchone()[0]
    return last - count + 1


def _names_under(connection: sqlite3.Connection, prefix: Namespace) -> list[str]:
    """Return a prefix's own name, if it holds rows, and all below it in the order of the index.

    Goes from one name to the next along the index, past all the rows in between.
    """
    low, high = prefix_range(prefix)
    names = [name for (name,) in connection.execute(_NAMES, (low, high, high))]
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


def _seconds(expires_at: int | None) -> float:
    return NEVER if expires_at is None else expires_at / MICROSECONDS
