"""Tables that both a new file and a migrated one get, word for word."""

from __future__ import annotations

import sqlite3

__all__ = ["ITEMS", "MODELS", "execute_all", "vectors_of", "vectors_table"]

# An item that is written again gets a new row: so the number of a row says when it was written, the change log needs no
# index of its own, and `items_by_age`, where equal names stand in the order of these numbers, no further column.
ITEMS = """
CREATE TABLE items (
    id         INTEGER PRIMARY KEY,          -- the number of its last write: newest first, whatever clocks say
    namespace  TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    value      TEXT    NOT NULL,             -- JSON
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ttl        REAL,                         -- minutes
    expires_at INTEGER,
    paths      TEXT,                         -- JSON: the `index` argument of the put
    terms      TEXT,                         -- JSON: own and extra term counts, thread, position; NULL: not indexed
    question   INTEGER NOT NULL DEFAULT 0,
    importance REAL,
    renewed    INTEGER                       -- the number of the change that moved its expiry last
);
CREATE UNIQUE INDEX items_by_key ON items (namespace, key);
CREATE INDEX items_by_age ON items (namespace);
CREATE INDEX items_by_renewal ON items (renewed) WHERE renewed IS NOT NULL;
CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
"""

MODELS = """
CREATE TABLE models (
    id     INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL,
    dims   INTEGER NOT NULL,
    fields TEXT,                             -- JSON: the paths that it embeds by default; NULL: not known
    UNIQUE (name, dims, fields)
);
"""


def vectors_of(model: int) -> str:
    """Return the name of the table that holds a model's vectors."""
    return f"vectors_{model:d}"


def vectors_table(model: int) -> str:
    """Return the statement that makes the table of a model's vectors.

    A table for each model: with the item as the number of the row it needs no index, and an item has vectors of two
    models only while it is being embedded anew.
    """
    return f"""
CREATE TABLE {vectors_of(model)} (
    item   INTEGER PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
    vector BLOB NOT NULL                     -- float32, little-endian; one after the other where it has several texts
);
"""


def execute_all(connection: sqlite3.Connection, script: str) -> None:
    """Execute statements within the transaction that is open, which `executescript` would end."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement)
