"""The file: its tables, its version, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from warmgraph.errors import StoreCorruptError, StoreVersionError

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "connect", "prepare"]

APPLICATION_ID = 0x77617267  # "warg", in the file's header: what `file` and others tell formats by
SCHEMA_VERSION = 1

# Times are microseconds since the epoch. `seq` numbers every change; with `deletions` it is the change log from which
# other processes on the same file learn what happened. A namespace is its labels joined by periods, which no label
# can contain, so all of a prefix lie in one range of the index.
_SCHEMA = """
CREATE TABLE items (
    id         INTEGER PRIMARY KEY,
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
    written    INTEGER NOT NULL,             -- `seq` of its last write: newest first, whatever clocks say
    seq        INTEGER NOT NULL              -- of its last change, a moved expiry included
);
CREATE UNIQUE INDEX items_by_key ON items (namespace, key);
CREATE INDEX items_by_age ON items (namespace, written);
CREATE INDEX items_by_seq ON items (seq);
CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE vectors (
    item   INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    part   INTEGER NOT NULL,                 -- an item with several texts has several vectors
    model  INTEGER NOT NULL REFERENCES models (id),
    vector BLOB    NOT NULL,                 -- float32, little-endian
    PRIMARY KEY (item, part)
) WITHOUT ROWID;

CREATE TABLE models (
    id   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL,
    dims INTEGER NOT NULL,
    UNIQUE (name, dims)
);

CREATE TABLE deletions (
    seq       INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    key       TEXT NOT NULL
);

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters VALUES ('seq', 0);

CREATE TABLE state (                         -- what warmgraph keeps for itself; never recalled
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,                 -- JSON
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
"""


def connect(path: str, *, busy_seconds: float, create: bool = False) -> sqlite3.Connection:
    """Open a connection for use on any thread, one at a time. Transactions are begun and ended by hand.

    Args:
        path: The file, or ":memory:".
        busy_seconds: How long to wait for another process that is writing.
        create: Whether to make a file that is missing. Only opening a store does; a reader that finds its file gone
            must say so, not leave an empty one.
    """
    name = path if path == ":memory:" else f"{Path(path).absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(name, timeout=busy_seconds, isolation_level=None, check_same_thread=False, uri=True)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -16000")  # KiB
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, path: str, synchronous: str) -> None:
    """Make the tables of a new file, or check that an old one is ours and of a version that we know.

    Raises:
        StoreCorruptError: The file is a database of something else.
        StoreVersionError: The file was written by a newer warmgraph.
    """
    connection.execute("BEGIN")
    try:
        _is_new(connection, path)  # before anything is written to what may be somebody else's file
    finally:
        connection.execute("ROLLBACK")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("BEGIN IMMEDIATE")  # two processes may open a new file at once: one makes the tables
    try:
        _prepare(connection, path)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    if not _is_new(connection, path):
        return
    for statement in _SCHEMA.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _is_new(connection: sqlite3.Connection, path: str) -> bool:
    """Tell whether the tables are still to be made; raise if the file is not one that we can use."""
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if application == APPLICATION_ID and version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"{path} was written by a newer warmgraph (schema {version}, this one knows {SCHEMA_VERSION}): upgrade it"
        )
    if application == APPLICATION_ID and version == SCHEMA_VERSION:
        return False
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application or version or tables:
        raise StoreCorruptError(f"{path} is an SQLite database of something else, not of warmgraph")
    return True
