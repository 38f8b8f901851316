"""The file: its tables, its version, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from warmgraph.errors import StoreCorruptError, StoreVersionError
from warmgraph.store.sqlite.migrations import MIGRATIONS, migrate
from warmgraph.store.sqlite.tables import ITEMS, MODELS, execute_all

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "check_version", "connect", "prepare"]

APPLICATION_ID = 0x77617267  # "warg", in the file's header: what `file` and others tell formats by
SCHEMA_VERSION = max(MIGRATIONS) + 1
MAX_RESTING_LOG = 16 << 20
PAGES_OF_LOG = 3 * (MAX_RESTING_LOG >> 12) // 4  # before they are copied into the file

# Times are microseconds since the epoch. `seq` numbers every change: items that were written since, items whose expiry
# moved since, and `deletions` are the change log from which other processes on the same file learn what happened. A
# namespace is its labels joined by periods, which no label can contain, so all of a prefix lie in one range of the
# index. `counters` also names the model in use: `vectors.py`, which makes the tables of vectors, too.
# Instead of counts `terms` may name the paths where the words are: `rows.terms_of`.
_SCHEMA = f"""{ITEMS}{MODELS}
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


def connect(path: str, *, busy_seconds: float, mode: str = "rw") -> sqlite3.Connection:
    """Open a connection for use on any thread, one at a time. Transactions are begun and ended by hand.

    Args:
        path: The file, or ":memory:".
        busy_seconds: How long to wait for another process that is writing.
        mode: "rwc" makes a file that is missing. Only opening a store does; a reader that finds its file gone must say
            so, not leave an empty one. "ro" writes nothing; "ro&immutable=1" does not even look for writers.
    """
    name = path if path == ":memory:" else f"{Path(path).absolute().as_uri()}?mode={mode}"
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
    """Make the tables of a new file, or bring an old one to the present version.

    Raises:
        StoreCorruptError: The file is a database of something else.
        StoreVersionError: The file was written by a newer warmgraph.
    """
    connection.execute("BEGIN")
    try:
        version = read_version(connection, path)  # before anything is written to what may be somebody else's file
    finally:
        connection.execute("ROLLBACK")
    if version is None:  # free pages can be given back step by step; has to be said before there are any tables
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # A log that one large transaction blew up is cut back when it is begun anew; not to nothing, for commits that make
    # a file grow take the disk several times as long as those that write over what is there.
    connection.execute(f"PRAGMA journal_size_limit = {MAX_RESTING_LOG}")
    # Pages that many commits touch are copied into the file once for all of them.
    connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_OF_LOG}")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA secure_delete = FAST")  # what is deleted is overwritten where that costs no page more
    while version != SCHEMA_VERSION:
        version = _one_step(connection, path)


def read_version(connection: sqlite3.Connection, path: str) -> int | None:
    """Return the version of the tables, `None` where they are still to be made.

    Raises:
        StoreCorruptError: The file is a database of something else.
        StoreVersionError: The file was written by a newer warmgraph.
    """
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if application == APPLICATION_ID and version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"{path} was written by a newer warmgraph (schema {version}, this one knows {SCHEMA_VERSION}): upgrade it"
        )
    if application == APPLICATION_ID and version in (*MIGRATIONS, SCHEMA_VERSION):
        return int(version)
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application or version or tables:
        raise StoreCorruptError(f"{path} is an SQLite database of something else, not of warmgraph")
    return None


def check_version(connection: sqlite3.Connection, path: str) -> None:
    """Raise StoreVersionError if another process brought the file to another version while it was open here."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise StoreVersionError(
            f"{path} was brought to schema {version} by another warmgraph while it was open here (schema"
            f" {SCHEMA_VERSION}): restart this program with that version"
        )


def _one_step(connection: sqlite3.Connection, path: str) -> int:
    """Make the tables, or bring them to the next version, in one transaction; return the version they have then.

    Several processes may open a file at once: one does it, and the others find it done.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = read_version(connection, path)
        if version is None:
            execute_all(connection, _SCHEMA)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            reached = SCHEMA_VERSION
        elif version < SCHEMA_VERSION:
            migrate(connection, version)
            reached = version + 1
        else:
            reached = version
        connection.execute(f"PRAGMA user_version = {reached}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return reached
