"""A page of a ranking, from RAM."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.index import NamespaceIndex
from warmgraph.store.backends.base import Place
from warmgraph.store.plan import Search
from warmgraph.store.search import Query, note_dropped, rank
from warmgraph.store.values import copy_value
from warmgraph.warm import WarmTier

__all__ = ["WarmPage", "warm_page"]

Namespace: TypeAlias = tuple[str, ...]


class WarmPage(NamedTuple):
    """Items, and which of them are worth renewing.

    Args:
        items: The page.
        renewable: Items whose expiry a use moves, with the time in seconds since the epoch at which they would expire.
        complete: Whether nothing on its way was cold; else a colder tier may answer otherwise.
    """

    items: list[SearchItem]
    renewable: dict[Place, float]
    complete: bool


def warm_page(
    tier: WarmTier,
    indexes: Sequence[tuple[Namespace, NamespaceIndex]],
    search: Search,
    query: Query | None,
    now: float,
    *,
    above: float | None = None,
) -> WarmPage:
    """Rank whole namespaces, and take the page's items from the tier.

    Args:
        tier: The warm items.
        indexes: The namespaces.
        search: Says which page, and which items match.
        query: What to rank by; `None` for the newest first.
        now: Seconds since the epoch.
        above: Leaves out items whose score is not higher.
    """
    found: list[SearchItem] = []
    renewable: dict[Place, float] = {}
    complete = True
    if not search.limit:
        return WarmPage(found, renewable, complete)
    matches, skip = search.matches, search.offset
    ranking = rank(
        indexes,
        query,
        now=now,
        wanted=search.offset + search.limit,
        above=above,
        exclude=search.exclude,
        varied=above is not None and matches is None,
        dropped=search.dropped,
    )
    while len(found) < search.limit and (places := list(islice(ranking, skip + search.limit - len(found)))):
        for place, item in zip(places, tier.get_all(places, now), strict=True):
            namespace, key, score = place
            if item is None:
                complete = False  # gone since it was ranked, or cold
            elif matches is not None and not matches(item.value):
                note_dropped(search, place, "filter")
            elif skip:
                skip -= 1
            else:
                value = copy_value(item.value)
                found.append(SearchItem(namespace, key, value, item.created_at, item.updated_at, score))
                if item.ttl is not None and item.worth_renewing(now):
                    renewable[namespace, key] = item.expires
    return WarmPage(found, renewable, complete)
