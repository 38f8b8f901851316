"""From one version of the tables to the next.

Each step runs in one transaction together with the new version number: a file is at one version or at the next,
whatever happens. Processes that have the file open meanwhile go on reading what they began to read; before their next
write they find the new version and refuse (`schema.check_version`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType

from warmgraph.store.sqlite.tables import ITEMS, MODELS, execute_all, vectors_of, vectors_table

__all__ = ["MIGRATIONS", "migrate"]


_VECTORS_2 = """
CREATE TABLE vectors (
    item   INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    part   INTEGER NOT NULL,
    model  INTEGER NOT NULL REFERENCES models (id),
    vector BLOB    NOT NULL,
    PRIMARY KEY (item, model, part)
) WITHOUT ROWID;
CREATE INDEX vectors_by_model ON vectors (model);
"""
_VECTORS_3 = """
CREATE TABLE vectors (
    item   INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    part   INTEGER NOT NULL,
    model  INTEGER NOT NULL REFERENCES models (id),
    vector BLOB    NOT NULL
);
CREATE UNIQUE INDEX vectors_by_item ON vectors (item, model, part);
CREATE INDEX vectors_by_model ON vectors (model);
"""


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables from a version to the next. Must be called inside a write transaction.

    Args:
        connection: Inside a transaction.
        version: The version that the tables have; a key of `MIGRATIONS`.
    """
    MIGRATIONS[version](connection)


def _vectors_by_model(connection: sqlite3.Connection) -> None:
    """From 1 to 2: an item may have vectors of two models at once, and the file says which model is in use."""
    execute_all(connection, f"ALTER TABLE models RENAME TO models_1;\n{MODELS}")
    connection.execute("INSERT INTO models (id, name, dims) SELECT id, name, dims FROM models_1")
    execute_all(connection, f"ALTER TABLE vectors RENAME TO vectors_1;\n{_VECTORS_2}")
    columns = "item, part, model, vector"
    connection.execute(f"INSERT INTO vectors ({columns}) SELECT {columns} FROM vectors_1")
    connection.execute("DROP TABLE vectors_1")
    connection.execute("DROP TABLE models_1")
    # The model in use is the one that most items were embedded with; of several, the newest.
    connection.execute(
        "INSERT INTO counters SELECT 'model', model FROM vectors GROUP BY model"
        " ORDER BY count(DISTINCT item) DESC, model DESC LIMIT 1"
    )


def _vectors_in_a_table(connection: sqlite3.Connection) -> None:
    """From 2 to 3: vectors lie in a table with a rowid, which takes half the pages.

    And `terms` may name the paths of which the words are to be read, where it held the words before.
    """
    connection.execute("DROP INDEX vectors_by_model")
    execute_all(connection, f"ALTER TABLE vectors RENAME TO vectors_2;\n{_VECTORS_3}")
    columns = "item, part, model, vector"
    connection.execute(f"INSERT INTO vectors ({columns}) SELECT {columns} FROM vectors_2 ORDER BY item, model, part")
    connection.execute("DROP TABLE vectors_2")


def _rows_by_last_write(connection: sqlite3.Connection) -> None:
    """From 3 to 4: a row has the number of its last write, and each model a table of its vectors."""
    execute_all(connection, "ALTER TABLE items RENAME TO items_3;\nALTER TABLE vectors RENAME TO vectors_3;\n")
    for index in ("items_by_key", "items_by_age", "items_by_seq", "items_by_expiry"):
        connection.execute(f"DROP INDEX {index}")
    execute_all(connection, ITEMS)
    columns = "namespace, key, value, created_at, updated_at, ttl, expires_at, paths, terms, question, importance"
    connection.execute(
        f"INSERT INTO items (id, {columns}, renewed)"
        f" SELECT written, {columns}, CASE WHEN seq > written THEN seq END FROM items_3 ORDER BY written"
    )
    for (model,) in connection.execute("SELECT id FROM models").fetchall():
        connection.execute(vectors_table(model))
        parts = connection.execute(
            "SELECT written, vector FROM vectors_3 INDEXED BY vectors_by_item CROSS JOIN items_3 ON id = item"
            " WHERE model = ? ORDER BY item, model, part",  # in the order of that index: nothing is sorted in RAM
            (model,),
        )
        connection.executemany(
            f"INSERT INTO {vectors_of(model)} VALUES (?, ?)",
            ((item, b"".join(part for _, part in group)) for item, group in groupby(parts, key=itemgetter(0))),
        )
    connection.execute("DROP TABLE vectors_3")  # first: nothing refers to the other one any more
    connection.execute("DROP TABLE items_3")


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = MappingProxyType(
    {1: _vectors_by_model, 2: _vectors_in_a_table, 3: _rows_by_last_write}
)
"""The step that leads away from each older version."""
