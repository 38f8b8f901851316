"""Tables that both a new file and a migrated one get, word for word."""

from __future__ import annotations

import sqlite3

__all__ = ["MODELS", "VECTORS", "execute_all"]

MODELS = """
CREATE TABLE models (
    id     INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL,
    dims   INTEGER NOT NULL,
    fields TEXT,                             -- JSON: the paths that it embeds by default; NULL: not known
    UNIQUE (name, dims, fields)
);
"""

# An item has vectors of two models only while it is being embedded anew. With a rowid: the rows of a table without one
# lie in an index, where a vector of 384 numbers takes a page of its own; here two of them share one.
VECTORS = """
CREATE TABLE vectors (
    item   INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    part   INTEGER NOT NULL,                 -- an item with several texts has several vectors
    model  INTEGER NOT NULL REFERENCES models (id),
    vector BLOB    NOT NULL                  -- float32, little-endian
);
CREATE UNIQUE INDEX vectors_by_item ON vectors (item, model, part);
CREATE INDEX vectors_by_model ON vectors (model);
"""


def execute_all(connection: sqlite3.Connection, script: str) -> None:
    """Execute statements within the transaction that is open, which `executescript` would end."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement)
