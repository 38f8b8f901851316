"""Memories as the page shows them, and what it does to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, Item, SearchItem

from warmgraph.clock import Clock, SystemClock
from warmgraph.erasure import aforget
from warmgraph.errors import InvalidArgumentError
from warmgraph.index import NamespaceIndex
from warmgraph.knowledge import MemoryRevision, Provenance
from warmgraph.knowledge.history import history_of
from warmgraph.knowledge.ledger import Write, commit, restore
from warmgraph.knowledge.schemas import content_of
from warmgraph.recall import arecall
from warmgraph.server.inspector.access import Viewer
from warmgraph.steps import arun
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.namespaces import RESERVED_ROOTS

__all__ = ["Memories"]

Namespace: TypeAlias = tuple[str, ...]
Json: TypeAlias = dict[str, Any]

NAMESPACES = 500
PROVENANCE = ("author", "role", "trust", "thread_id", "message_id", "said_at", "supersedes", "valid_from", "valid_to")


class Memories:
    """What a store holds, for somebody who looks at it. Everything is JSON, and everything is checked.

    Args:
        store: The store.
        clock: Tells the time of edits.

    Example:
        >>> import asyncio
        >>> store = WarmStore()
        >>> store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
        >>> page = asyncio.run(Memories(store).page(Viewer(), ("memories", "ana")))
        >>> [(item["content"], item["tier"]) for item in page["items"]]
        [('I live in Lisbon.', 'warm')]
    """

    def __init__(self, store: BaseStore, *, clock: Clock | None = None) -> None:
        self.store: BaseStore = store
        self._clock: Clock = clock or SystemClock()

    async def namespaces(self, viewer: Viewer) -> Json:
        """Return the namespaces that somebody may see, with the number of memories where that is known."""
        found: dict[Namespace, None] = {}
        for prefix in viewer.prefixes:
            names = await self.store.alist_namespaces(prefix=prefix or None, limit=NAMESPACES + 1)
            found.update(dict.fromkeys(tuple(name) for name in names if not name or name[0] not in RESERVED_ROOTS))
        listed = [{"namespace": list(name), "items": self._count(name)} for name in islice(found, NAMESPACES)]
        return {"namespaces": listed, "more": len(found) > NAMESPACES}

    async def page(self, viewer: Viewer, namespace: Namespace, *, offset: int = 0, limit: int = 50) -> Json:
        """Return memories of a namespace and those below it, the newest first.

        Raises:
            NotYoursError: The namespace is not the viewer's.
        """
        viewer.check(namespace)
        offset, limit = _count("offset", offset, 0, 10_000_000), _count("limit", limit, 1, 200)
        index = await asyncio.to_thread(self.index_of, namespace)
        found = await self.store.asearch(namespace, limit=limit + 1, offset=offset, refresh_ttl=False)
        return {
            "items": self._shown(found[:limit]),
            "more": len(found) > limit,
            "total": None if index is None else len(index),
        }

    async def recall(self, viewer: Viewer, namespace: Namespace, query: str, *, limit: int = 20) -> Json:
        """Return what a recall finds, and how: its tier, and what the router decided.

        Raises:
            NotYoursError: The namespace is not the viewer's.
        """
        viewer.check(namespace)
        began = asyncio.get_running_loop().time()
        answer = await arecall(self.store, namespace, query[:4_000], limit=_count("limit", limit, 1, 100))
        took = (asyncio.get_running_loop().time() - began) * 1000
        decision, signals = answer.decision, answer.signals
        return {
            "items": self._shown(answer.items),
            "tier": answer.tier,
            "milliseconds": took,
            "decision": None
            if decision is None
            else {"hit": decision.hit, "confidence": decision.confidence, "reason": decision.reason},
            "signals": None
            if signals is None
            else {"best_warm": signals.best_warm, "best_cold": signals.best_cold, "warm_items": signals.warm_items},
        }

    async def memory(self, viewer: Viewer, namespace: Namespace, key: str) -> Json | None:
        """Return one memory with what it was before; `None` when there is none, and never was.

        Raises:
            NotYoursError: The namespace is not the viewer's.
        """
        viewer.check(namespace)
        revisions = await arun(history_of(self.store, namespace, key))
        item = await self.store.aget(namespace, key, refresh_ttl=False)
        if item is None and not revisions:
            return None
        return {
            "item": None if item is None else self._shown([item])[0],
            "history": [_revision(each) for each in revisions if each.ended is not None],
        }

    async def edit(self, viewer: Viewer, namespace: Namespace, key: str, content: Any, base: Any) -> str:
        """Change what a memory says. What it said before becomes history.

        Args:
            viewer: Who does.
            namespace: Where it is.
            key: Its key.
            content: What it says from now on: a text, or an object where it is one.
            base: What it said when it was shown; fields that others changed since are kept.

        Returns:
            What became of it: "changed", "unchanged", or "rejected" when it is not there any more.

        Raises:
            NotYoursError: The namespace is not the viewer's.
            InvalidArgumentError: The content is empty, or of another kind than it was.
        """
        viewer.check(namespace)
        item = await self.store.aget(namespace, key, refresh_ttl=False)
        if item is None:
            return "rejected"
        kind, current = content_of(item.value)
        if "content" not in item.value or type(content) is not type(current) or not content:
            raise InvalidArgumentError("content", expected="not empty, and of the kind that it was", got=type(content))
        source = Provenance(role="user", trust=1.0, said_at=self._now())
        write = Write(
            "update", source, key, kind or "Memory", content, base if base is not None else current, plain=kind is None
        )
        ledger = await arun(commit(self.store, namespace, [write], None))
        return ledger.changes[0].action

    async def undo(self, viewer: Viewer, namespace: Namespace, key: str) -> bool:
        """Make a memory again what it was before its last change. False when it never was anything else.

        Raises:
            NotYoursError: The namespace is not the viewer's.
        """
        viewer.check(namespace)
        return await arun(restore(self.store, namespace, key, self._now())) is not None

    async def forget(self, viewer: Viewer, namespace: Namespace, key: str) -> None:
        """Erase a memory, all that it was before, and what was made from it.

        Raises:
            NotYoursError: The namespace is not the viewer's.
        """
        viewer.check(namespace)
        await aforget(self.store, namespace, key)

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock.now().timestamp()

    def index_of(self, namespace: Namespace) -> NamespaceIndex | None:
        """Return the index of a namespace, where the store has one of its own. Waits for the disk."""
        store = self.store.long_term if isinstance(self.store, WarmStore) else self.store
        return store.load_index(namespace) if isinstance(store, RoutedStore) else None

    def _count(self, namespace: Namespace) -> int | None:
        store = self.store.long_term if isinstance(self.store, WarmStore) else self.store
        index = store.index_of(namespace) if isinstance(store, RoutedStore) else None
        return None if index is None else len(index)

    def _shown(self, items: list[SearchItem] | list[Item]) -> list[Json]:
        warm: dict[Namespace, frozenset[str]] = {}
        if isinstance(self.store, WarmStore):
            warm = {place: self.store.warm_keys(place) for place in {tuple(item.namespace) for item in items}}
        return [_item(item, warm.get(tuple(item.namespace))) for item in items]

    def _now(self) -> str:
        return self._clock.now().isoformat()


def _item(item: Item, warm: frozenset[str] | None) -> Json:
    value: Mapping[str, Any] = item.value
    kind, content = content_of(value)
    return {
        "namespace": list(item.namespace),
        "key": item.key,
        "kind": kind,
        "content": content,
        "editable": "content" in value and isinstance(content, (str, Mapping)),
        "category": value.get("category"),
        "importance": value.get("importance"),
        "provenance": {name: value[name] for name in PROVENANCE if value.get(name) is not None},
        "created_at": _time(item.created_at),
        "updated_at": _time(item.updated_at),
        "tier": "long_term" if warm is None or item.key not in warm else "warm",
        "score": getattr(item, "score", None),
    }


def _revision(revision: MemoryRevision) -> Json:
    return {
        "content": content_of(revision.value)[1],
        "valid_from": revision.valid_from,
        "valid_to": revision.valid_to,
        "ended": revision.ended,
    }


def _time(when: datetime) -> str:
    return when.isoformat()


def _count(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise InvalidArgumentError(name, expected=f"an integer from {least} to {most}", got=value)
    return value
