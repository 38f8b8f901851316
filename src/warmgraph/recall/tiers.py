"""Recall from any `BaseStore`, tier by tier.

A store with a warm tier (`WarmStore`) answers these calls itself. For every other store the warm tier is empty, so a
router falls back, and the long-term tier is the store's own `search`.

`exclude` names memories that are of no use to the caller, such as the messages that stand in the prompt anyway: they
are neither returned nor counted in favour of a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, SearchItem

from warmgraph.clock import SystemClock
from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import PeekRouter, Signals, WarmRouter
from warmgraph.recall.merging import merge_ranked
from warmgraph.steps import Io, Steps, arun, run, shut_off
from warmgraph.store import Recall
from warmgraph.store.crowding import search_exactly
from warmgraph.store.recalling import RecallingStore
from warmgraph.store.validity import AsOf, as_instant, true_now, true_then

__all__ = [
    "arecall",
    "arecall_long_term",
    "arecall_warm",
    "long_term_steps",
    "recall",
    "recall_long_term",
    "recall_warm",
    "warm_steps",
]

Filter: TypeAlias = Mapping[str, Any] | None
Call: TypeAlias = Callable[..., Any]


def recall_warm(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    *,
    limit: int = 10,
    filter: Filter = None,
    exclude: Collection[str] = (),
) -> Recall:
    """Rank the warm tier only, and tell what a router needs to know.

    Args:
        store: Any store.
        namespace: The exact namespace, not a prefix.
        query: What to look for.
        limit: How many memories to return at most.
        filter: As in `BaseStore.search`.
        exclude: Keys that are neither returned nor counted.

    Returns:
        The best warm memories and the signals. Without a warm tier there are none, and the signals say so.

    Raises:
        InvalidArgumentError: `namespace` is empty or `limit` is below 1.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> recall_warm(InMemoryStore(), ("memories", "ana"), "Where do I live?").signals.resident
        False
    """
    _check(namespace, limit)
    return run(warm_steps(store, namespace, query, limit, filter, exclude))


async def arecall_warm(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    *,
    limit: int = 10,
    filter: Filter = None,
    exclude: Collection[str] = (),
) -> Recall:
    """Do what `recall_warm` does, on an event loop."""
    _check(namespace, limit)
    return await arun(warm_steps(store, namespace, query, limit, filter, exclude))


def recall_long_term(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    *,
    limit: int = 10,
    filter: Filter = None,
    exclude: Collection[str] = (),
    as_of: AsOf | None = None,
) -> Recall:
    """Search everything that is stored in a namespace.

    Args:
        store: Any store.
        namespace: The exact namespace, not a prefix.
        query: What to look for.
        limit: How many memories to return at most.
        filter: As in `BaseStore.search`.
        exclude: Keys that are not returned.
        as_of: Recall what was true at this time, by default now.

    Raises:
        InvalidArgumentError: `namespace` is empty or `limit` is below 1.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> store = InMemoryStore()
        >>> store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
        >>> store.put(("memories", "ana", "drafts"), "home", {"content": "elsewhere"})
        >>> [item.value for item in recall_long_term(store, ("memories", "ana"), "Where do I live?").items]
        [{'content': 'I live in Lisbon.'}]
    """
    _check(namespace, limit)
    return run(long_term_steps(store, namespace, query, limit, filter, exclude, as_of))


async def arecall_long_term(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    *,
    limit: int = 10,
    filter: Filter = None,
    exclude: Collection[str] = (),
    as_of: AsOf | None = None,
) -> Recall:
    """Do what `recall_long_term` does, on an event loop."""
    _check(namespace, limit)
    return await arun(long_term_steps(store, namespace, query, limit, filter, exclude, as_of))


def recall(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    *,
    limit: int = 10,
    filter: Filter = None,
    exclude: Collection[str] = (),
    router: WarmRouter | None = None,
    as_of: AsOf | None = None,
) -> Recall:
    """Recall warm first: the warm tier, and the long-term tier when the router says that it is not enough.

    Args:
        store: Any store.
        namespace: The exact namespace, not a prefix.
        query: What to look for.
        limit: How many memories to return at most.
        filter: As in `BaseStore.search`.
        exclude: Keys that are neither returned nor counted.
        router: Decides whether the warm tier is enough; `PeekRouter()` by default.
        as_of: Recall what was true at this time: a datetime, a date, or one of them in ISO 8601. Changed and deleted
            memories are found as they were then. The warm tier knows the present, and is not asked.

    Returns:
        The best memories with the tier they came from and the decision; after a miss the merge of both tiers.

    Raises:
        InvalidArgumentError: `namespace` is empty or `limit` is below 1.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> found = recall(InMemoryStore(), ("memories", "ana"), "Where do I live?")
        >>> found.tier, found.decision.hit
        ('long_term', False)
    """
    _check(namespace, limit)
    return run(_both(store, namespace, query, limit, filter, exclude, router, as_of))


async def arecall(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    *,
    limit: int = 10,
    filter: Filter = None,
    exclude: Collection[str] = (),
    router: WarmRouter | None = None,
    as_of: AsOf | None = None,
) -> Recall:
    """Do what `recall` does, on an event loop."""
    _check(namespace, limit)
    return await arun(_both(store, namespace, query, limit, filter, exclude, router, as_of))


def warm_steps(
    store: BaseStore, namespace: tuple[str, ...], query: str, limit: int, filter: Filter, exclude: Collection[str]
) -> Steps[Recall]:
    """Do what `recall_warm` does, as steps; arguments are taken as checked."""
    own: Call | None = getattr(store, "recall_warm", None)
    if own is None:
        return Recall([], "warm", Signals(None, None, 0, 0, resident=False, can_peek=False))
    aown: Call = store.arecall_warm  # type: ignore[attr-defined]
    found: Recall
    if _is(own, RecallingStore.recall_warm) and _is(aown, RecallingStore.arecall_warm):  # and none of a subclass
        steps: Call = store.recall_warm_steps  # type: ignore[attr-defined]
        found = yield from shut_off(steps(namespace, query, limit, filter, exclude))
        return found
    options = {"limit": limit, "filter": filter, "exclude": exclude}
    found = yield Io(partial(own, namespace, query, **options), partial(aown, namespace, query, **options))
    return found


def long_term_steps(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    limit: int,
    filter: Filter,
    exclude: Collection[str],
    as_of: AsOf | None = None,
) -> Steps[Recall]:
    """Do what `recall_long_term` does, as steps; arguments are taken as checked."""
    own: Call | None = getattr(store, "recall_long_term", None)
    if own is not None:
        aown: Call = store.arecall_long_term  # type: ignore[attr-defined]
        options: dict[str, Any] = {"limit": limit, "filter": filter, "exclude": exclude}
        if as_of is not None:
            options["as_of"] = as_of
        found: Recall = yield Io(partial(own, namespace, query, **options), partial(aown, namespace, query, **options))
        return found
    conditions = dict(filter) if filter is not None else None

    def ask(place: tuple[str, ...], wanted: int) -> Steps[list[SearchItem]]:
        def search(ask: int) -> Steps[Sequence[SearchItem]]:
            found: Sequence[SearchItem] = yield Io(
                partial(store.search, place, query=query, filter=conditions, limit=ask),
                partial(store.asearch, place, query=query, filter=conditions, limit=ask),
            )
            return found

        items = yield from search_exactly(search, place, wanted, len(exclude))
        return [item for item in items if item.key not in exclude][:wanted]

    if as_of is not None:
        return Recall((yield from true_then(ask, namespace, limit, as_instant(as_of), exclude)), "long_term")
    return Recall((yield from true_now(ask, namespace, limit, SystemClock().now())), "long_term")


def _both(
    store: BaseStore,
    namespace: tuple[str, ...],
    query: str,
    limit: int,
    filter: Filter,
    exclude: Collection[str],
    router: WarmRouter | None,
    as_of: AsOf | None,
) -> Steps[Recall]:
    own: Call | None = getattr(store, "recall", None)
    if as_of is not None:  # the warm tier knows the present
        then = yield from long_term_steps(store, namespace, query, limit, filter, exclude, as_of)
        return then
    if own is not None:
        aown: Call = store.arecall  # type: ignore[attr-defined]
        options = {"limit": limit, "filter": filter, "exclude": exclude, "router": router}
        found: Recall = yield Io(partial(own, namespace, query, **options), partial(aown, namespace, query, **options))
        return found
    warm = yield from warm_steps(store, namespace, query, limit, filter, exclude)
    assert warm.signals is not None
    decision = (router or PeekRouter()).decide(warm.signals)
    if decision.hit:
        return replace(warm, decision=decision)
    cold = yield from long_term_steps(store, namespace, query, limit, filter, exclude)
    items = merge_ranked(
        (warm.items, cold.items), limit=limit, key=lambda item: item.key, score=lambda item: item.score
    )
    return Recall(items, "long_term", warm.signals, decision)


def _is(method: Call, of: Call) -> bool:
    return getattr(method, "__func__", None) is of


def _check(namespace: tuple[str, ...], limit: int) -> None:
    if not isinstance(namespace, tuple) or not namespace:
        raise InvalidArgumentError("namespace", expected="a tuple with at least one label", got=namespace)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidArgumentError("limit", expected="an integer >= 1", got=limit)
