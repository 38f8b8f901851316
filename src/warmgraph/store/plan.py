"""A batch, checked and sorted out before anything is touched."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    Op,
    PutOp,
    SearchOp,
    TTLConfig,
    validate_op_namespace,
)

from warmgraph.errors import InvalidArgumentError
from warmgraph.store.filters import Predicate, compile_filter
from warmgraph.store.recalls import Dropped
from warmgraph.store.values import freeze_value

__all__ = [
    "Get",
    "ListNamespaces",
    "Plan",
    "Put",
    "Read",
    "Search",
    "WordsPut",
    "check_count",
    "check_namespace",
    "check_put",
    "check_search",
    "recall_search",
]

Namespace: TypeAlias = tuple[str, ...]

_STRING = frozenset((str,))

# Minutes: 19,000 years, of which the microseconds still fit into the file's integers.
MAX_TTL = 1e10


class Get(NamedTuple):
    """Read one item."""

    namespace: Namespace
    key: str
    refresh_ttl: bool = True


class Search(NamedTuple):
    """Rank the items under a prefix."""

    prefix: Namespace
    query: str | None = None
    matches: Predicate | None = None
    limit: int = 10
    offset: int = 0
    refresh_ttl: bool = True
    filter: Mapping[str, Any] | None = None
    exclude: frozenset[str] = frozenset()
    dropped: list[Dropped] | None = None  # takes what scored well enough and is left out


class ListNamespaces(NamedTuple):
    """List namespaces; the original op, checked."""

    op: ListNamespacesOp


class WordsPut(PutOp):
    """A put whose vectors are made later: the item is kept, and found by its words until then.

    For `batch` and `abatch` of our stores, where the model that embeds is away. A file's items without vectors get them
    with the next write that embeds, or from `RoutedStore.reembed`. For any other store it is a plain `PutOp`.

    Example:
        >>> WordsPut(("memories", "ana"), "home", {"content": "I live in Lisbon."}).key
        'home'
    """

    __slots__ = ()


class Put(NamedTuple):
    """Write one item, or delete it when there is no value."""

    namespace: Namespace
    key: str
    value: dict[str, Any] | None
    index: Literal[False] | list[str] | None = None  # type: ignore[assignment]
    ttl: float | None = None
    embed: bool = True  # False: its vectors are made later


Read: TypeAlias = Get | Search | ListNamespaces


@dataclass(slots=True)
class Plan:
    """What a batch wants: reads by position, then writes, the last of an item only.

    Reads see the state before the batch, as in LangGraph's own stores.
    """

    size: int = 0
    reads: dict[int, Read] = field(default_factory=dict)
    writes: dict[tuple[Namespace, str], Put] = field(default_factory=dict)

    @classmethod
    def of(cls, ops: Iterable[Op]) -> Plan:
        """Check all ops and sort them.

        Raises:
            InvalidNamespaceError: A namespace holds what it must not.
            InvalidArgumentError: Any other argument is not what it has to be. Nothing has been done yet.
        """
        plan = cls()
        for op in ops:
            _add(plan, op)
            plan.size += 1
        return plan


def check_count(argument: str, count: object, *, least: int) -> int:
    """Return a count, or raise InvalidArgumentError."""
    if isinstance(count, bool) or not isinstance(count, int) or count < least:
        raise InvalidArgumentError(argument, expected=f"an integer >= {least}", got=count)
    return count


def check_namespace(namespace: object) -> Namespace:
    """Return a namespace as a tuple of valid labels, or raise InvalidNamespaceError."""
    if isinstance(namespace, str) or not isinstance(namespace, (tuple, list)):
        raise InvalidArgumentError("namespace", expected="a tuple of strings", got=namespace)
    try:
        return _valid(tuple(namespace))
    except TypeError:  # a label that cannot even be a key of the cache
        return _check_labels(tuple(namespace))


def _check_labels(labels: Namespace) -> Namespace:
    validate_op_namespace(GetOp(labels, ""))
    return tuple(_check_text("namespace", label) for label in labels)


# A program uses a few namespaces over and over. Refusals are not remembered.
_valid = lru_cache(maxsize=4096)(_check_labels)


def recall_search(
    namespace: object,
    query: object,
    limit: object,
    filter: Mapping[str, Any] | None,
    ttl_config: TTLConfig | None,
    exclude: Collection[str] = (),
) -> Search:
    """Check the arguments of a recall, and return them as a search of one namespace."""
    if not isinstance(query, str):
        raise InvalidArgumentError("query", expected="a string", got=query)
    labels = check_namespace(namespace)
    if not labels:
        raise InvalidArgumentError("namespace", expected="at least one label", got=namespace)
    return Search(
        labels,
        query=query,
        matches=None if filter is None else compile_filter(filter),
        limit=check_count("limit", limit, least=0),
        refresh_ttl=ttl_config is None or ttl_config.get("refresh_on_read", True),
        filter=filter,
        exclude=_check_keys(exclude),
    )


def _add(plan: Plan, op: Op) -> None:
    if isinstance(op, PutOp):
        put = check_put(*op)
        if isinstance(op, WordsPut):
            put = put._replace(embed=False)
        place = put.namespace, put.key
        if plan.writes:
            plan.writes.pop(place, None)  # the last one of an item wins, in the last one's place
        plan.writes[place] = put
    elif isinstance(op, GetOp):
        plan.reads[plan.size] = Get(check_namespace(op.namespace), _check_key(op.key), op.refresh_ttl)
    elif isinstance(op, SearchOp):
        plan.reads[plan.size] = check_search(*op)
    elif isinstance(op, ListNamespacesOp):
        plan.reads[plan.size] = _list(op)
    else:
        raise InvalidArgumentError("ops", expected="GetOp, PutOp, SearchOp or ListNamespacesOp", got=op)


def check_put(namespace: object, key: object, value: object, index: object = None, ttl: object = None) -> Put:
    """Check the arguments of a `PutOp`, and return them as a write.

    Raises:
        InvalidNamespaceError: The namespace is none.
        InvalidArgumentError: Any other argument is not what it has to be.
    """
    labels = check_namespace(namespace)
    if type(key) is not str or not key.isascii():
        key = _check_key(key)
    if value is None:
        return Put(labels, key, None)
    if not labels:
        raise InvalidNamespaceError("Namespace cannot be empty.")
    # The root label "langgraph" is refused by `put`; whoever calls `batch` may use it, as in LangGraph's own stores.
    paths: Literal[False] | list[str] | None = None
    if index is False:
        paths = False
    elif index is not None:
        if isinstance(index, str) or not isinstance(index, (list, tuple)) or not _all_strings(index):
            raise InvalidArgumentError("index", expected="None, False or a list of paths", got=index)
        paths = list(index)
    return Put(labels, key, freeze_value(value), paths, None if ttl is None else _check_ttl(ttl))


def check_search(
    prefix: object,
    filter: Mapping[str, Any] | None = None,
    limit: object = 10,
    offset: object = 0,
    query: object = None,
    refresh_ttl: bool = True,
) -> Search:
    """Check the arguments of a `SearchOp`, and return them as a read.

    Raises:
        InvalidNamespaceError: The prefix is none.
        InvalidArgumentError: Any other argument is not what it has to be.
    """
    if query is not None and not isinstance(query, str):
        raise InvalidArgumentError("query", expected="a string or None", got=query)
    return Search(
        check_namespace(prefix),
        query or None,
        compile_filter(filter),
        check_count("limit", limit, least=0),
        check_count("offset", offset, least=0),
        refresh_ttl,
        filter,
    )


def _list(op: ListNamespacesOp) -> ListNamespaces:
    validate_op_namespace(op)
    check_count("limit", op.limit, least=0)
    check_count("offset", op.offset, least=0)
    if op.max_depth is not None:
        check_count("max_depth", op.max_depth, least=1)
    for condition in op.match_conditions or ():
        for label in condition.path:
            _check_text("match_conditions", label)
        if condition.match_type not in ("prefix", "suffix"):
            raise InvalidArgumentError("match_type", expected="'prefix' or 'suffix'", got=condition.match_type)
    return ListNamespaces(op)


def _check_keys(keys: Collection[str]) -> frozenset[str]:
    if isinstance(keys, str) or not _all_strings(keys):
        raise InvalidArgumentError("exclude", expected="a collection of keys", got=keys)
    return frozenset(keys)


def _all_strings(given: Iterable[object]) -> bool:
    return _STRING.issuperset(map(type, given)) or all(isinstance(each, str) for each in given)


def _check_key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidArgumentError("key", expected="a string", got=key)
    return _check_text("key", key)


def _check_text(argument: str, text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            expected = "text that UTF-8 can hold (no lone surrogates)"
            raise InvalidArgumentError(argument, expected=expected, got=text) from None
    return text if type(text) is str else str.__str__(text)


def _check_ttl(ttl: object) -> float:
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or not math.isfinite(ttl) or ttl < 0:
        raise InvalidArgumentError("ttl", expected="minutes >= 0, or None", got=ttl)
    return min(float(ttl), MAX_TTL)
