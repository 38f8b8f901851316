"""From a summary to what it was made from, and back to the words that were said.

Every memory that was made from others names their keys in `meta.sources`. What was said lies, word for word, in an
archive of ours beside the namespace, each record under the key that it had, with that key in `key` as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchItem

from warmgraph.knowledge.history import submit
from warmgraph.steps import Steps, arun, run
from warmgraph.store.warm_store import WarmStore

__all__ = ["archive_namespace", "asources_of", "follow_sources", "named_sources", "sources_of"]

MOST_SOURCES = 200  # that are read for one question


def archive_namespace(namespace: tuple[str, ...]) -> tuple[str, ...]:
    """Return where the sources of the summaries of a namespace lie.

    Example:
        >>> archive_namespace(("memories", "ana"))
        ('_warmgraph', 'archive', '2', 'memories', 'ana')
    """
    return ("_warmgraph", "archive", str(len(namespace)), *namespace)


def named_sources(value: Mapping[str, Any]) -> list[str]:
    """Return the keys of what a memory was made from."""
    meta = value.get("meta")
    sources = meta.get("sources") if isinstance(meta, Mapping) else None
    return [key for key in sources if isinstance(key, str)] if isinstance(sources, list | tuple) else []


def sources_of(
    store: BaseStore, namespace: tuple[str, ...], items: Sequence[Item], query: str | None = None, *, limit: int = 10
) -> list[SearchItem]:
    """Follow the links of memories to what they were made from.

    Args:
        store: The store.
        namespace: The namespace of the memories.
        items: Memories, such as a recall found, the best first. Those without sources stand for themselves.
        query: What was asked: the sources are ranked for it. Without, they come in the order of the memories.
        limit: How many to return at most.

    Example:
        >>> from datetime import timedelta
        >>> from warmgraph.knowledge import create_consolidator
        >>> from warmgraph.recall import recall
        >>> from warmgraph.store import MemoryRecord, WarmStore
        >>> store, ana = WarmStore(), ("memories", "ana")
        >>> said = ["I bought a bike.", "It is green.", "The brakes squeak.", "I will oil the chain on Sunday."]
        >>> for position, text in enumerate(said):
        ...     record = MemoryRecord(content=text, role="user", thread_id="1", position=position)
        ...     store.put(ana, str(position), record.to_value(), index=["content"])
        >>> done = create_consolidator(namespace=ana, store=store, older_than=timedelta(0)).invoke({})
        >>> found = recall(store, ana, "When do I oil the chain?").items
        >>> [item.value["kind"] for item in found], len(store.search(ana))
        (['Summary'], 1)
        >>> [item.value["content"] for item in sources_of(store, ana, found, "When do I oil the chain?", limit=1)]
        ['I will oil the chain on Sunday.']
    """
    return run(follow_sources(store, namespace, items, query, limit))


async def asources_of(
    store: BaseStore, namespace: tuple[str, ...], items: Sequence[Item], query: str | None = None, *, limit: int = 10
) -> list[SearchItem]:
    """Do what `sources_of` does, on an event loop."""
    return await arun(follow_sources(store, namespace, items, query, limit))


def follow_sources(
    store: BaseStore, namespace: tuple[str, ...], items: Sequence[Item], query: str | None, limit: int
) -> Steps[list[SearchItem]]:
    """Do what `sources_of` does, as steps."""
    found: dict[str, SearchItem] = {}
    names: dict[str, None] = {}
    for item in items:
        sources = named_sources(item.value)
        names.update(dict.fromkeys(sources or [item.key]))
        if not sources:
            found[item.key] = _as_found(namespace, item.key, item)
    wanted = [key for key in names if key not in found][:MOST_SOURCES]
    place = archive_namespace(namespace)
    archived = yield from submit(store, [GetOp(place, key, refresh_ttl=False) for key in wanted])
    # A summary of summaries, and one that was cut short while it was written: its sources are where they were.
    missing = [key for key, item in zip(wanted, archived, strict=True) if item is None]
    present = yield from submit(store, [GetOp(namespace, key, refresh_ttl=False) for key in missing])
    for key, item in [*zip(wanted, archived, strict=True), *zip(missing, present, strict=True)]:
        if item is not None:
            found[key] = _as_found(namespace, key, item)
    ordered = [found[key] for key in names if key in found]
    return ordered[:limit] if query is None else _ranked(namespace, ordered, query)[:limit]


def _ranked(namespace: tuple[str, ...], items: Sequence[SearchItem], query: str) -> list[SearchItem]:
    """Rank a few items by their words, with all that a recall makes of them; those with none in common come last."""
    by_key = {item.key: item for item in items}
    with WarmStore(capacity=max(len(items), 1)) as ranker:
        ranker.batch([PutOp(namespace, item.key, item.value, index=["content"]) for item in items])
        best = ranker.recall_long_term(namespace, query, limit=max(len(items), 1)).items
    for item in best:
        by_key[item.key].score = item.score
    return [*(by_key.pop(item.key) for item in best), *by_key.values()]


def _as_found(namespace: tuple[str, ...], key: str, item: Item) -> SearchItem:
    value = {name: what for name, what in item.value.items() if name != "key" or item.namespace[:1] != ("_warmgraph",)}
    return SearchItem(namespace, key, value, item.created_at, item.updated_at)
