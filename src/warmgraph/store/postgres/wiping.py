"""Wiping a schema: what was deleted leaves the files of its tables, and what the planner noted of it."""

from __future__ import annotations

from typing import Any

__all__ = ["wipe"]

_TABLES = ("store", "store_vectors", "warmgraph_changes", "warmgraph_replayed")


def wipe(connection: Any, schema: str) -> list[str]:
    """Rewrite the tables of a schema without what was deleted from them; others wait meanwhile.

    Args:
        connection: An open psycopg connection in autocommit mode.
        schema: The schema, checked.

    Returns:
        What is out of reach from here.
    """
    from psycopg import Error

    left = [
        "PostgreSQL's write-ahead log holds what was written until it is recycled, archives of it and backups longer",
        f"{schema}.warmgraph_changes names the items that changed, without what they say, until it is pruned",
    ]
    for table in _TABLES:
        if connection.execute("SELECT to_regclass(%s) AS found", [f"{schema}.{table}"]).fetchone()["found"] is not None:
            connection.execute(f"VACUUM (FULL, ANALYZE) {schema}.{table}")
    for statement, what in (
        (
            "VACUUM FULL pg_catalog.pg_statistic",
            "statistics of the planner may quote it until the catalogue is vacuumed",
        ),
        ("CHECKPOINT", "files of the old tables go with the next checkpoint"),
    ):
        try:
            connection.execute(statement)
        except Error:  # the role may not
            left.append(what)
    return left
