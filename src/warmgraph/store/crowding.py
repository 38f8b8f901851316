"""Searching exactly one namespace of a store whose searches take prefixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langgraph.store.base import SearchItem

from warmgraph.steps import Steps

__all__ = ["search_exactly"]

# However much is excluded, a recall asks for at most this many items more: a long thread must not turn a search
# for ten memories into one for hundreds.
MAX_EXTRA = 64
# Items of namespaces below the one asked for are left out. When they crowd out what was asked for, the search is
# widened this many times, fourfold each time.
WIDENINGS = 3


def search_exactly(
    search: Callable[[int], Steps[Sequence[SearchItem]]], namespace: tuple[str, ...], limit: int, excluded: int = 0
) -> Steps[list[SearchItem]]:
    """Search one namespace, wider as long as namespaces below it crowd it out.

    Args:
        search: Searches by prefix for at most so many items.
        namespace: The namespace whose items are wanted.
        limit: How many are wanted.
        excluded: How many items the caller will leave out; so many more are looked for, within bounds.

    Returns:
        Items of that namespace alone, best first: at least `limit` and what may be left out, if there are so many.
    """
    wanted = ask = limit + min(excluded, MAX_EXTRA)
    here: list[SearchItem] = []
    for _ in range(WIDENINGS + 1):
        found = yield from search(ask)
        here = [item for item in found if tuple(item.namespace) == namespace]
        if len(here) >= wanted or len(found) < ask:
            break
        ask *= 4
    return here
