"""All items of a namespace, from any store."""

from __future__ import annotations

from functools import partial
from typing import Any

from langgraph.store.base import BaseStore, SearchItem

from warmgraph.steps import Io, Steps

__all__ = ["list_items"]

PAGE = 500


def list_items(store: BaseStore, namespace: tuple[str, ...]) -> Steps[list[SearchItem]]:
    """Return the items of exactly this namespace, in the store's order, without refreshing their times to live.

    Steps: drive them with `run` or `arun`.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph.steps import run
        >>> store = InMemoryStore()
        >>> store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
        >>> [item.key for item in run(list_items(store, ("memories", "ana")))]
        ['1']
    """
    found: list[SearchItem] = []
    offset = 0
    while True:
        options: dict[str, Any] = {"limit": PAGE, "offset": offset, "refresh_ttl": False}
        page: list[SearchItem] = yield Io(
            partial(store.search, namespace, **options), partial(store.asearch, namespace, **options)
        )
        found += [item for item in page if item.namespace == namespace]
        if len(page) < PAGE:
            return found
        offset += PAGE
