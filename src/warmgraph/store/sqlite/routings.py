"""Rotation and cells of large namespaces, kept in the file: opening it makes none anew.

They say nothing that the vectors do not: a row that is missing, damaged or of another model is made again.
"""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
from typing import TypeAlias

from warmgraph.errors import InvalidArgumentError
from warmgraph.index import Routing
from warmgraph.store.sqlite.rows import joined
from warmgraph.store.sqlite.vectors import Key

__all__ = ["ROUTING", "forget_routings", "keep_routing", "routing_of"]

logger: logging.Logger = logging.getLogger(__name__)

Namespace: TypeAlias = tuple[str, ...]
ROUTING = "routing"
"""What a routing goes by in the table `state`."""


def keep_routing(connection: sqlite3.Connection, namespace: Namespace, model: Key, dims: int, data: bytes) -> None:
    """Keep the routing of a namespace, unless that is empty by now.

    Args:
        connection: Inside a write transaction.
        namespace: The namespace.
        model: What its vectors are of.
        dims: Their length.
        data: What `Routing.to_bytes` returned.
    """
    value = json.dumps({"model": model[0], "dims": dims, "data": base64.b64encode(data).decode("ascii")})
    connection.execute(
        "INSERT OR REPLACE INTO state SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM items WHERE namespace = ?)",
        (joined(namespace), ROUTING, value, joined(namespace)),
    )


def routing_of(connection: sqlite3.Connection, namespace: Namespace, model: Key | None) -> Routing | None:
    """Return the routing of a namespace for vectors of a model, `None` where there is none."""
    found = connection.execute(
        "SELECT value FROM state WHERE namespace = ? AND name = ?", (joined(namespace), ROUTING)
    ).fetchone()
    if found is None or model is None:
        return None
    try:
        held = json.loads(found[0])
        if held["model"] != model[0] or model[1] not in (None, held["dims"]):
            return None
        return Routing.from_bytes(base64.b64decode(held["data"]), held["dims"])
    except (ValueError, KeyError, TypeError, InvalidArgumentError) as error:
        logger.warning("the routing of %s is damaged, and is made anew: %s", joined(namespace), error)
        return None


def forget_routings(connection: sqlite3.Connection, namespaces: set[str]) -> None:
    """Delete what is kept of namespaces, by their names in the file, that hold no item any more."""
    connection.executemany(
        "DELETE FROM state WHERE namespace = ? AND name = ? AND NOT EXISTS (SELECT 1 FROM items WHERE namespace = ?)",
        [(name, ROUTING, name) for name in namespaces],
    )
