"""Inserting many rows by few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

__all__ = ["insert_rows"]

# A statement is kept for each number of rows up to this one, for each table: SQLite's module keeps 128.
ROWS_AT_ONCE = 32


def insert_rows(connection: sqlite3.Connection, into: str, values: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows.

    `executemany` lets other threads run after each row, and has to wait for its turn again where there are any.

    Args:
        connection: Inside a write transaction.
        into: The table, and its columns.
        values: What a row is made of, such as "(?, ?)".
        rows: As many numbers, texts or bytearrays a row. Python's sqlite3 asks for an adapter of everything else, which
            takes it ten times as long as to hand over a number: 1 us for `None` or bytes, 2 us for a bool.
    """
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        connection.execute(_statement(into, values, len(some)), list(chain.from_iterable(some)))


@lru_cache(maxsize=4 * ROWS_AT_ONCE)
def _statement(into: str, values: str, rows: int) -> str:
    return f"INSERT INTO {into} VALUES {', '.join([values] * rows)}"
