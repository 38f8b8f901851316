"""Whose vectors the file holds: the model in use, and the way from one to another.

Each model has a table of its own. `counters` names two of them: 'model' is in use, 'next_model' is the one that the
items are being embedded with. Items have vectors of both until every one has those of the next; then one transaction
makes that the model in use.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.store.sqlite.inserts import insert_rows
from warmgraph.store.sqlite.rows import Row, split
from warmgraph.store.sqlite.tables import execute_all, vectors_of, vectors_table

__all__ = [
    "Lacking",
    "Model",
    "add_vectors",
    "begin_model",
    "count_without",
    "drop_others",
    "items_without",
    "known_model",
    "model_in_use",
    "models_of",
    "note_model",
    "read_vectors",
    "switch_model",
    "write_vectors",
]

Key: TypeAlias = tuple[str, int | None]  # name and dimensions; unknown dimensions are those used last
DROPPED_AT_ONCE = 2_000  # vectors; a transaction of some 10 ms


@dataclass(frozen=True, slots=True)
class Model:
    """What makes vectors.

    Args:
        name: Its fingerprint.
        dims: Length of its vectors.
        fields: The paths that were embedded by default, where the file knows them.
    """

    name: str
    dims: int
    fields: tuple[str, ...] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.name} ({self.dims} dimensions)"


@dataclass(frozen=True, slots=True)
class Lacking:
    """An item that has no vector of a model.

    Args:
        id: The number of its last write: a vector that was made of an older value is not kept.
        row: Namespace, key and value.
        paths: The `index` argument of its put, as JSON.
    """

    id: int
    row: Row
    paths: str | None


def model_in_use(connection: sqlite3.Connection, counter: str = "model") -> Model | None:
    """Return the model that the file's vectors are of, or with "next_model" the one that is to replace it.

    `None` where there is none, or where it has no vector left.
    """
    found = connection.execute(
        "SELECT id, name, dims, fields FROM models WHERE id = (SELECT value FROM counters WHERE name = ?)", (counter,)
    ).fetchone()
    if found is None or not _has_vectors(connection, found[0]):
        return None
    return Model(found[1], found[2], None if found[3] is None else tuple(json.loads(found[3])))


def known_model(connection: sqlite3.Connection, name: str, dims: int | None) -> tuple[int, int] | None:
    """Return the number and the dimensions of a model, `None` where the file does not know it."""
    found = connection.execute(
        "SELECT id, dims FROM models WHERE name = ? AND dims = coalesce(?, dims)"
        " ORDER BY id = (SELECT value FROM counters WHERE name = 'model') DESC, id DESC LIMIT 1",
        (name, dims),
    ).fetchone()
    return None if found is None else (found[0], found[1])


def note_model(connection: sqlite3.Connection, model: Model) -> int:
    """Return the number of a model, noted if it is new; it is in use from now on if no other has a vector."""
    found = connection.execute(
        "SELECT id, id = (SELECT value FROM counters WHERE name = 'model') AS used FROM models"
        " WHERE name = ? AND dims = ? ORDER BY used DESC, id DESC LIMIT 1",
        (model.name, model.dims),
    ).fetchone()
    if found is not None and found[1]:
        return int(found[0])
    number = _add(connection, model) if found is None else int(found[0])
    in_use = _in_use(connection)
    if in_use is None or (in_use != number and not _has_vectors(connection, in_use)):
        _set(connection, "model", number)
    return number


def write_vectors(connection: sqlite3.Connection, model: int, items: Iterable[tuple[int, NDArray[np.float32]]]) -> None:
    """Give items their vectors of one model: for each its row number and an array of shape (parts, dims), float32."""
    blobs = [(item, bytearray(np.ascontiguousarray(rows, "<f4").tobytes())) for item, rows in items]
    insert_rows(connection, vectors_of(model), "(?, ?)", blobs)


def read_vectors(blob: bytes, dims: int) -> NDArray[np.float32]:
    """Return the vectors of an item as an array of shape (parts, dims), float32."""
    return np.frombuffer(blob, "<f4").reshape(-1, dims)


def begin_model(connection: sqlite3.Connection, model: Model) -> int:
    """Note the model that the items will be embedded with, and return its number.

    The same model is another one when it is to embed other fields: its vectors lie beside the old ones until all are
    there.
    """
    fields = json.dumps(model.fields)
    found = connection.execute(
        "SELECT id FROM models WHERE name = ? AND dims = ? AND coalesce(fields, ?) = ? ORDER BY fields IS NULL LIMIT 1",
        (model.name, model.dims, fields, fields),
    ).fetchone()
    number = _add(connection, model) if found is None else int(found[0])
    connection.execute("UPDATE models SET fields = ? WHERE id = ?", (fields, number))
    if number != _in_use(connection):
        _set(connection, "next_model", number)
    return number


def items_without(
    connection: sqlite3.Connection, model: int, after: int, until: int, limit: int, now: int
) -> list[Lacking]:
    """Return searchable items without a vector of a model, from behind one row number up to another; see `Lacking`."""
    rows = connection.execute(
        "SELECT id, paths, namespace, key, value, created_at, updated_at, ttl, expires_at FROM items i"
        " WHERE id > ? AND id <= ? AND terms IS NOT NULL AND (expires_at IS NULL OR expires_at > ?)"
        f" AND NOT EXISTS (SELECT 1 FROM {vectors_of(model)} WHERE item = i.id) ORDER BY id LIMIT ?",
        (after, until, now, limit),
    )
    return [Lacking(number, Row(split(namespace), *row), paths) for number, paths, namespace, *row in rows]


def count_without(connection: sqlite3.Connection, model: int, now: int) -> int:
    """Return how many items have vectors, but none of a model."""
    others = [f"SELECT item FROM {vectors_of(other)}" for other in models_of(connection) if other != model]
    if not others:
        return 0
    found = connection.execute(
        f"SELECT count(*) FROM items i WHERE id IN ({' UNION '.join(others)}) AND terms IS NOT NULL"
        " AND (expires_at IS NULL OR expires_at > ?)"
        f" AND NOT EXISTS (SELECT 1 FROM {vectors_of(model)} WHERE item = i.id)",
        (now,),
    ).fetchone()
    return int(found[0])


def add_vectors(connection: sqlite3.Connection, model: int, made: Sequence[tuple[Lacking, NDArray[np.float32]]]) -> int:
    """Add vectors to items that nobody has written since, and return how many items that were."""
    added = 0
    for lacking, vectors in made:
        same = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?)"
            f" AND NOT EXISTS (SELECT 1 FROM {vectors_of(model)} WHERE item = ?)",
            (lacking.id, lacking.id),
        ).fetchone()[0]
        if same:
            write_vectors(connection, model, [(lacking.id, vectors)])
            added += 1
    return added


def switch_model(connection: sqlite3.Connection, model: int) -> None:
    """Put a model in use. The caller lets all indexes in RAM be read anew."""
    _set(connection, "model", model)
    connection.execute("DELETE FROM counters WHERE name = 'next_model'")


def drop_others(connection: sqlite3.Connection, model: int) -> int:
    """Delete some of the vectors that are not of a model, and return how many; 0 when there are no more."""
    for other in models_of(connection):
        if other == model:
            continue
        table = vectors_of(other)
        dropped = connection.execute(
            f"DELETE FROM {table} WHERE item IN (SELECT item FROM {table} LIMIT ?)", (DROPPED_AT_ONCE,)
        ).rowcount
        if dropped:
            return int(dropped)
        connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM models WHERE id = ?", (other,))
    return 0


def models_of(connection: sqlite3.Connection) -> list[int]:
    """Return the numbers of all models that the file knows."""
    return [number for (number,) in connection.execute("SELECT id FROM models ORDER BY id")]


def _add(connection: sqlite3.Connection, model: Model) -> int:
    row = (model.name, model.dims, None if model.fields is None else json.dumps(model.fields))
    connection.execute("INSERT INTO models (name, dims, fields) VALUES (?, ?, ?)", row)
    number: int = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
    execute_all(connection, vectors_table(number))
    return number


def _in_use(connection: sqlite3.Connection) -> int | None:
    found = connection.execute("SELECT value FROM counters WHERE name = 'model'").fetchone()
    return None if found is None else int(found[0])


def _has_vectors(connection: sqlite3.Connection, model: int) -> bool:
    found = connection.execute(f"SELECT EXISTS (SELECT 1 FROM {vectors_of(model)})").fetchone()
    return bool(found[0])


def _set(connection: sqlite3.Connection, counter: str, value: int) -> None:
    connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (counter, value))
