"""What warmgraph keeps for itself beside the items: JSON by namespace and name, never searched or recalled."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

__all__ = ["Merge", "merge_state", "read_state"]

Namespace: TypeAlias = tuple[str, ...]
Merge: TypeAlias = Callable[[object, object], object]


def read_state(connection: sqlite3.Connection, namespace: Namespace, name: str) -> Any:
    """Return what is kept under a name; `None` where there is nothing, or nothing that can be read."""
    row = connection.execute(
        "SELECT value FROM state WHERE namespace = ? AND name = ?", (".".join(namespace), name)
    ).fetchone()
    try:
        return None if row is None else json.loads(row[0])
    except ValueError:
        return None


def merge_state(
    connection: sqlite3.Connection, name: str, news: Mapping[Namespace, object], merge: Merge
) -> dict[Namespace, object]:
    """Merge news into what is kept under a name, within the transaction, and return what is kept then."""
    merged = {namespace: merge(read_state(connection, namespace, name), new) for namespace, new in news.items()}
    connection.executemany(
        "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT (namespace, name) DO UPDATE SET value = excluded.value",
        [(".".join(namespace), name, json.dumps(value)) for namespace, value in merged.items()],
    )
    return merged
