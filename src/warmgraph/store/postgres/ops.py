"""Reads as LangGraph's store understands them, without what it is known to answer otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from langgraph.store.base import GetOp, Op, SearchOp

from warmgraph.store.plan import Get, ListNamespaces, Read

__all__ = ["as_op", "is_plain", "widened"]


def as_op(read: Read) -> Op:
    """Return a read as an op. A search is for all up to the end of its page: pages of a ranking are cut by us.

    A filter that PostgreSQL would judge otherwise than other stores do is left out, and more is looked for.
    """
    if isinstance(read, Get):
        return GetOp(read.namespace, read.key, read.refresh_ttl)
    if isinstance(read, ListNamespaces):
        return read.op
    wanted = read.offset + read.limit if read.limit else 0
    if is_plain(read.filter) or not wanted:
        filter = dict(read.filter) if read.filter and wanted else None
        return SearchOp(read.prefix, filter, wanted, 0, read.query, read.refresh_ttl)
    return SearchOp(read.prefix, None, widened(wanted), 0, read.query, False)


def widened(wanted: int) -> int:
    """Return how many items to ask for, of which some may not match."""
    return max(4 * wanted, 100)


def is_plain(filter: Mapping[str, Any] | None) -> bool:
    """Whether a filter compares nothing but fields with texts, numbers and truth: all stores agree on that.

    Example:
        >>> is_plain({"kind": "fact", "active": True}), is_plain({"price": {"$gt": 9}})
        (True, False)
    """
    return all(
        isinstance(value, (str, bool, int, float))
        and not (isinstance(value, float) and not math.isfinite(value))
        and "\0" not in f"{field}{value}"
        and not any(sign in field for sign in ".$[]{}*")
        for field, value in (filter or {}).items()
    )
