"""Reads and writes of ours as the ops of any other store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.store.base import GetOp, Op, PutOp, SearchOp

from warmgraph.store.plan import Get, ListNamespaces, Put, Read, Search

__all__ = ["filtered_here", "put_op", "read_op"]

# Operators of ours that other stores refuse, or, worse, take for names of fields that nothing has.
_OUR_OPERATORS = frozenset(("$and", "$or", "$not", "$in", "$nin", "$exists"))


def filtered_here(read: Read) -> bool:
    """Whether a search has a filter that other stores do not know, so that what they find is tested here."""
    return isinstance(read, Search) and read.limit > 0 and _uses_our_operators(read.filter)


def _uses_our_operators(filter: Any) -> bool:
    if isinstance(filter, Mapping):
        return any(name in _OUR_OPERATORS or _uses_our_operators(inner) for name, inner in filter.items())
    return isinstance(filter, (list, tuple)) and any(_uses_our_operators(inner) for inner in filter)


def read_op(read: Read) -> Op:
    """Return a read as the op that any store answers."""
    if isinstance(read, Get):
        return GetOp(read.namespace, read.key, read.refresh_ttl)
    if isinstance(read, ListNamespaces):
        return read.op
    filter = dict(read.filter) if read.filter else None
    return SearchOp(read.prefix, filter, read.limit, read.offset, read.query, read.refresh_ttl)


def put_op(put: Put) -> PutOp:
    """Return a write as an op; what shall not be embedded now is not indexed by the other store at all."""
    return PutOp(put.namespace, put.key, put.value, put.index if put.embed else False, put.ttl)
