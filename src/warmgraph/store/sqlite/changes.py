"""Numbered changes: what indexes and other processes hear of a write."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

from warmgraph.index import Entry
from warmgraph.store.sqlite.rows import MICROSECONDS

__all__ = ["KEPT_DELETIONS", "Change", "ChangeListener", "forget_history", "last_seq", "seconds_of", "take_numbers"]

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]
NEVER = float("inf")

KEPT_DELETIONS = 10_000
"""Changes that the log of deletions reaches back."""


class Change(NamedTuple):
    """What happened to one item: it was written (`entry` says how it is indexed), is gone, or lives longer.

    `seq` is the number of the change; changes of one item have growing numbers. Times are microseconds.
    """

    namespace: Namespace
    key: str
    seq: int
    entry: Entry | None = None
    gone: bool = False
    created_at: int = 0
    updated_at: int = 0
    expires_at: int | None = None


class ChangeListener(Protocol):
    """Is told of changes that somebody else made, on whatever thread; must not wait for the disk."""

    def changed(self, changes: list[Change]) -> None:
        """Hear of changes, before they are acknowledged to whoever made them in this process."""
        ...

    def forgotten(self) -> None:
        """Hear that anything may have changed."""
        ...

    def renewed(self, places: Sequence[Place], now: float) -> None:
        """Hear that items were read in this process and live for their whole time again, from `now` (seconds)."""
        ...


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the number of the last change."""
    seq: int = connection.execute("SELECT value FROM counters WHERE name = 'seq'").fetchone()[0]
    return seq


def take_numbers(connection: sqlite3.Connection, count: int) -> int:
    """Take the numbers of so many changes and return the first."""
    last: int = connection.execute(
        "UPDATE counters SET value = value + ? WHERE name = 'seq' RETURNING value", (count,)
    ).fetchone()[0]
    return last - count + 1


def forget_history(connection: sqlite3.Connection) -> None:
    """Let every process read its indexes anew: the change log no longer reaches back to what any of them knows."""
    take_numbers(connection, KEPT_DELETIONS + 1)
    connection.execute("DELETE FROM deletions")


def seconds_of(expires_at: int | None) -> float:
    """Return an expiry in seconds since the epoch; inf for never."""
    return NEVER if expires_at is None else expires_at / MICROSECONDS
