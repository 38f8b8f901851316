"""Rows as they are: with what LangGraph's store does not tell, the number of the change, the expiry and the vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["StoredRow", "prefix_of", "read_newest", "read_rows"]

Namespace: TypeAlias = tuple[str, ...]


class StoredRow(NamedTuple):
    """An item in the database.

    Args:
        key: Its key.
        value: Its value.
        created_at: When it was first written.
        updated_at: When it was written last.
        expires_at: When it expires; `None` for never.
        ttl: Minutes to live since its last use; `None` for ever.
        version: The number of its last change.
        vectors: Array of shape (m, dims), float32; `None` for none.
    """

    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    ttl: float | None
    version: int
    vectors: NDArray[np.float32] | None = None


_COLUMNS = "s.key, s.value, s.created_at, s.updated_at, s.expires_at, s.ttl_minutes, s.version"
_VECTORS = (
    ", (SELECT array_agg(vector_send(v.embedding::vector) ORDER BY v.field_name) FROM store_vectors v "
    "WHERE v.prefix = s.prefix AND v.key = s.key) AS vectors"
)
_LIVE = "(s.expires_at IS NULL OR s.expires_at > now())"


def prefix_of(namespace: Namespace) -> str:
    """Return a namespace as LangGraph's tables hold it."""
    return ".".join(namespace)


def read_rows(connection: Any, namespace: Namespace, keys: Sequence[str], *, vectors: bool) -> dict[str, StoredRow]:
    """Read items by key; those that are missing or expired are left out.

    Args:
        connection: An open connection that finds the tables.
        namespace: Their namespace.
        keys: Their keys.
        vectors: Whether to read their vectors as well.
    """
    text = f"SELECT {_COLUMNS}{_VECTORS if vectors else ''} FROM store s WHERE s.prefix = %s AND s.key = ANY(%s) AND "
    found = connection.execute(text + _LIVE, [prefix_of(namespace), list(keys)])
    return {row.key: row for row in map(_row, found)}


def read_newest(connection: Any, namespace: Namespace, page: int, *, vectors: bool) -> Iterator[list[StoredRow]]:
    """Yield pages of all items of a namespace, the newest first.

    An item that is written meanwhile may come twice, or not at all.
    """
    text = f"SELECT {_COLUMNS}{_VECTORS if vectors else ''} FROM store s WHERE s.prefix = %s AND {_LIVE}"
    order = " ORDER BY s.version DESC LIMIT %s"
    prefix, below = prefix_of(namespace), None
    while True:
        if below is None:
            found = connection.execute(text + order, [prefix, page])
        else:
            found = connection.execute(text + " AND s.version < %s" + order, [prefix, below, page])
        rows = list(map(_row, found))
        if rows:
            yield rows
        if len(rows) < page:
            return
        below = rows[-1].version


def _row(row: Any) -> StoredRow:
    sent = row.get("vectors")
    vectors = None
    if sent:  # each begins with two numbers of two bytes: its length, and one that means nothing
        vectors = np.stack([np.frombuffer(each, ">f4", offset=4) for each in sent]).astype(np.float32)
    ttl = row["ttl_minutes"]
    return StoredRow(
        row["key"],
        row["value"],
        row["created_at"],
        row["updated_at"],
        row["expires_at"],
        None if ttl is None else float(ttl),
        row["version"],
        vectors,
    )
