"""Writes that waited in an outbox, made when the database is back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from warmgraph.store.plan import Put
from warmgraph.store.postgres.outbox import Waiting
from warmgraph.store.postgres.rows import prefix_of

__all__ = ["replay"]

logger: logging.Logger = logging.getLogger(__name__)


def replay(connection: Any, schema: str, waiting: Waiting, write: Callable[[Any, Sequence[Put]], None]) -> None:
    """Write a batch that waited, once, without what somebody else has written since.

    Args:
        connection: An open connection that finds the tables.
        schema: Where they are.
        waiting: The batch.
        write: Writes it on a connection.
    """
    with connection.transaction():
        new = connection.execute(
            f"INSERT INTO {schema}.warmgraph_replayed (id, queued_at) VALUES (%s, %s) "
            "ON CONFLICT DO NOTHING RETURNING id",
            [waiting.id, waiting.at],
        ).fetchone()
        if new is None:
            return  # it was written, and the process ended before it could say so
        puts = [put for put in waiting.puts if not _overtaken(connection, schema, put, waiting.at)]
        if len(puts) < len(waiting.puts):
            dropped = len(waiting.puts) - len(puts)
            logger.warning("%d writes that waited are dropped: others have written these items since", dropped)
        if puts:
            write(connection, puts)


def _overtaken(connection: Any, schema: str, put: Put, at: float) -> bool:
    """Whether an item was written after a moment, other than by what had waited for longer."""
    found = connection.execute(
        f"SELECT 1 FROM {schema}.warmgraph_changes c WHERE c.at > to_timestamp(%s) AND c.prefix = %s AND c.key = %s "
        f"AND NOT EXISTS (SELECT 1 FROM {schema}.warmgraph_replayed r WHERE r.txid = c.txid AND r.queued_at <= %s) "
        "LIMIT 1",
        [at, prefix_of(put.namespace), put.key, at],
    ).fetchone()
    return found is not None
