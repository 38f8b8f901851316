"""Telling routers that learn what became of their decisions: on stores that compare answers, nothing on others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, SearchItem

from warmgraph.ranking import RouteDecision, WarmRouter
from warmgraph.steps import Io, Steps

__all__ = ["learns", "prepare_steps", "tell_hit", "tell_miss"]

Call: TypeAlias = Callable[..., Any]


def learns(router: WarmRouter) -> bool:
    """Whether a router wants to hear what became of its decisions."""
    return hasattr(router, "observe")


def prepare_steps(store: BaseStore, router: WarmRouter, namespace: tuple[str, ...]) -> Steps[None]:
    """Let a router that learns take what the store kept of a namespace, as steps."""
    own: Call | None = getattr(store, "prepare_router", None)
    if own is not None and learns(router):
        aown: Call = store.aprepare_router  # type: ignore[attr-defined]
        yield Io(partial(own, router, namespace), partial(aown, router, namespace))


def tell_hit(
    store: BaseStore,
    router: WarmRouter,
    decision: RouteDecision,
    query: str,
    keys: Iterable[str],
    *,
    limit: int,
    exclude: Collection[str],
) -> None:
    """Tell a router of its hit; the store compares the answer in the background."""
    own: Call | None = getattr(store, "tell_hit", None)
    if own is not None:
        own(router, decision, query, keys, limit=limit, exclude=exclude)


def tell_miss(
    store: BaseStore,
    router: WarmRouter,
    decision: RouteDecision,
    keys: Collection[str],
    found: Iterable[SearchItem],
) -> None:
    """Tell a router of its miss, with what a hit would have answered and what the long-term tier did."""
    own: Call | None = getattr(store, "tell_miss", None)
    if own is not None:
        own(router, decision, keys, found)
