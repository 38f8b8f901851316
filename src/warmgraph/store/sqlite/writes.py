"""Writes into the file: rows, vectors and the change log, in few statements however many items there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import Entry
from warmgraph.store.sqlite.changes import KEPT_DELETIONS, Change, seconds_of, take_numbers
from warmgraph.store.sqlite.inserts import insert_rows
from warmgraph.store.sqlite.routings import forget_routings
from warmgraph.store.sqlite.rows import MICROSECONDS, Pending, joined
from warmgraph.store.sqlite.vectors import Model, note_model, write_vectors

__all__ = ["apply_writes"]

Namespace: TypeAlias = tuple[str, ...]

KEYS_AT_ONCE = 500
"""Keys looked up by one statement."""

PRUNED_EVERY = 256
"""Numbers between two prunings of the change log."""

# What is absent goes in as a text that it can never be: `inserts` says why.
_ABSENT = ""
_ITEMS = (
    "items (id, namespace, key, value, created_at, updated_at, question, ttl, expires_at, paths, terms, importance)"
)
_VALUES = "(?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''))"


class _Standing(NamedTuple):
    """The row that an item has already."""

    id: int
    created_at: int
    expires_at: int | None


def apply_writes(connection: sqlite3.Connection, writes: Sequence[Pending], model: Model | None) -> list[Change]:
    """Write rows and vectors, number the changes, and return them in order.

    Args:
        connection: Inside a write transaction.
        writes: At most one for each item.
        model: What made the vectors.
    """
    first = take_numbers(connection, len(writes))
    standing = _standing(connection, writes)
    rows: list[tuple[Any, ...]] = []
    embedded: list[tuple[int, NDArray[np.float32]]] = []
    deletions: list[tuple[int, str, str]] = []
    changes: list[Change] = []
    for number, write in enumerate(writes, start=first):
        # All fields at once and by position: one by one and by name takes 1 us of the 10 that an item takes here.
        labels, key, now, value, ttl, paths, terms, document, question, importance, vectors = write
        namespace, old = joined(labels), standing.get((labels, key)) if standing else None
        if value is None:
            if old is not None:
                deletions.append((number, namespace, key))
            changes.append(Change(labels, key, number, gone=True))
            continue
        expires_at = None if ttl is None else now + round(ttl * 60 * MICROSECONDS)
        gone = old is None or (old.expires_at is not None and old.expires_at <= now)
        created_at = now if old is None or gone else old.created_at
        rows.append(
            (
                number,
                namespace,
                key,
                value,
                created_at,
                now,
                1 if question else 0,
                _ABSENT if ttl is None else ttl,
                _ABSENT if expires_at is None else expires_at,
                _ABSENT if paths is None else paths,
                _ABSENT if terms is None else terms,
                _ABSENT if importance is None else importance,
            )
        )
        if vectors is not None and len(vectors):
            embedded.append((number, vectors))
        entry = Entry(key, number, seconds_of(expires_at), document, vectors, question, importance)
        changes.append(Change(labels, key, number, entry, False, created_at, now, expires_at))
    if standing:  # with their vectors
        connection.executemany("DELETE FROM items WHERE id = ?", [(each.id,) for each in standing.values()])
    if rows:
        insert_rows(connection, _ITEMS, _VALUES, rows)
    if embedded:
        assert model is not None
        write_vectors(connection, note_model(connection, model), embedded)
    if deletions:
        connection.executemany("INSERT INTO deletions VALUES (?, ?, ?)", deletions)
        forget_routings(connection, {namespace for _, namespace, _ in deletions})
    if first // PRUNED_EVERY != (first + len(writes)) // PRUNED_EVERY:
        connection.execute("DELETE FROM deletions WHERE seq <= ?", (first - KEPT_DELETIONS,))
    return changes


def _standing(connection: sqlite3.Connection, writes: Iterable[Pending]) -> dict[tuple[Namespace, str], _Standing]:
    found: dict[tuple[Namespace, str], _Standing] = {}
    for namespace, group in groupby(writes, key=lambda write: write.namespace):
        keys = [write.key for write in group]
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = connection.execute(
                f"SELECT key, id, created_at, expires_at FROM items WHERE namespace = ? AND key IN ({marks})",
                (joined(namespace), *some),
            )
            found.update(((namespace, key), _Standing(*row)) for key, *row in rows)
    return found
