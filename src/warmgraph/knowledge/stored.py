"""Access to the memories that a store manager keeps: by key, by search, and what they were before."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.store.base import NOT_PROVIDED, BaseStore, Item, NotProvided, SearchItem
from pydantic import BaseModel

from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge.edits import MemoryChange
from warmgraph.knowledge.history import MemoryRevision, history_of
from warmgraph.knowledge.ledger import created_at, quarantine_of, restore
from warmgraph.knowledge.reflecting import DEFAULT_KEY, Setup
from warmgraph.knowledge.review import Decision, settle
from warmgraph.knowledge.schemas import content_of
from warmgraph.recall.tiers import long_term_steps
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.namespaces import NamespaceTemplate
from warmgraph.store.scopes import namespace_of_call, store_of_call
from warmgraph.store.validity import AsOf

__all__ = ["MemoryItem", "MemorySearchItem", "StoredAccess"]

_logger = logging.getLogger(__name__)
Config = RunnableConfig | None


class MemoryItem(Item):
    """An item whose value is an instance of its schema; else as it was stored, and not `readable` where it should be.

    Attributes:
        readable: Whether the value is what it says it is.
    """

    value: Any
    readable: bool = True

    def dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return _as_dict(super().dict(), self.value)


class MemorySearchItem(SearchItem):
    """A found item, as `MemoryItem`.

    Attributes:
        readable: Whether the value is what it says it is.
    """

    value: Any
    readable: bool = True

    def dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return _as_dict(super().dict(), self.value)


class StoredAccess:
    """What a store manager offers beside extraction. Each call takes the `config` that says whose memories."""

    def __init__(self, setup: Setup, namespace: NamespaceTemplate, store: BaseStore | None) -> None:
        self.setup: Setup = setup
        self.namespace: NamespaceTemplate = namespace
        self._store = store

    @property
    def store(self) -> BaseStore:
        """The store of this call: the given one, else that of the graph that runs."""
        return store_of_call(self._store)

    def get_namespace(self, config: Config = None) -> tuple[str, ...]:
        """Return the namespace of a call."""
        return namespace_of_call(self.namespace, config)

    def get(self, key: str, *, refresh_ttl: bool | None = None, config: Config = None) -> MemoryItem | None:
        """Return a memory; under the key "default" the default while none is stored."""
        return run(self._get(key, refresh_ttl, config))

    async def aget(self, key: str, *, refresh_ttl: bool | None = None, config: Config = None) -> MemoryItem | None:
        """Do what `get` does, on an event loop."""
        return await arun(self._get(key, refresh_ttl, config))

    def search(
        self,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
        as_of: AsOf | None = None,
        config: Config = None,
    ) -> list[MemorySearchItem]:
        """Search memories, as `BaseStore.search`; the default is found while nothing else is.

        With `as_of`, a datetime, a date or one of them in ISO 8601, find what was true at that time.
        """
        return run(self._search(query, filter, limit, offset, refresh_ttl, as_of, config))

    async def asearch(
        self,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
        as_of: AsOf | None = None,
        config: Config = None,
    ) -> list[MemorySearchItem]:
        """Do what `search` does, on an event loop."""
        return await arun(self._search(query, filter, limit, offset, refresh_ttl, as_of, config))

    def put(
        self,
        key: str,
        value: dict[str, Any],
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        config: Config = None,
    ) -> None:
        """Put a value of any format, as `BaseStore.put`."""
        store_of_call(self._store).put(self.get_namespace(config), key, value, index=index, ttl=ttl)

    async def aput(
        self,
        key: str,
        value: dict[str, Any],
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        config: Config = None,
    ) -> None:
        """Do what `put` does, on an event loop."""
        await store_of_call(self._store).aput(self.get_namespace(config), key, value, index=index, ttl=ttl)

    def delete(self, key: str, config: Config = None) -> None:
        """Delete a memory. Its history stays."""
        store_of_call(self._store).delete(self.get_namespace(config), key)

    async def adelete(self, key: str, config: Config = None) -> None:
        """Do what `delete` does, on an event loop."""
        await store_of_call(self._store).adelete(self.get_namespace(config), key)

    def history(self, key: str, *, config: Config = None) -> list[MemoryRevision]:
        """Return all revisions of a memory, the oldest first; the last is the memory as it is, if it is there."""
        return run(history_of(store_of_call(self._store), self.get_namespace(config), key))

    async def ahistory(self, key: str, *, config: Config = None) -> list[MemoryRevision]:
        """Do what `history` does, on an event loop."""
        return await arun(history_of(store_of_call(self._store), self.get_namespace(config), key))

    def undo(self, key: str, *, config: Config = None) -> MemoryRevision | None:
        """Bring back what a memory said before its last change, or before it was deleted.

        Returns:
            The revision that holds again; `None` when there is none to go back to. What it said until now becomes
            history like any other change: undoing twice brings it back.
        """
        return run(self._undo(key, config))

    async def aundo(self, key: str, *, config: Config = None) -> MemoryRevision | None:
        """Do what `undo` does, on an event loop."""
        return await arun(self._undo(key, config))

    def quarantined(self, *, limit: int = 100, config: Config = None) -> list[SearchItem]:
        """Return what is kept aside for review: each value holds `key`, `action`, and the `value` that would be put."""
        return store_of_call(self._store).search(quarantine_of(self.get_namespace(config)), limit=limit)

    async def aquarantined(self, *, limit: int = 100, config: Config = None) -> list[SearchItem]:
        """Do what `quarantined` does, on an event loop."""
        return await store_of_call(self._store).asearch(quarantine_of(self.get_namespace(config)), limit=limit)

    def review(self, id: str, decision: Decision, content: Any = None, *, config: Config = None) -> MemoryChange | None:
        """Decide about a memory that is kept aside: "approve", "edit" (with other content) or "reject".

        Args:
            id: Its key among what `quarantined` returns.
            decision: What to do with it.
            content: The content, for "edit".
            config: Says whose memories.

        Returns:
            What became of it; `None` when it is not there any more.

        Raises:
            InvalidArgumentError: A bad decision, or content of another form than the memory has.
        """
        return run(self._review(id, decision, content, config))

    async def areview(
        self, id: str, decision: Decision, content: Any = None, *, config: Config = None
    ) -> MemoryChange | None:
        """Do what `review` does, on an event loop."""
        return await arun(self._review(id, decision, content, config))

    def _review(self, id: str, decision: Decision, content: Any, config: Config) -> Steps[MemoryChange | None]:
        if decision not in ("approve", "edit", "reject"):
            raise InvalidArgumentError("decision", expected="'approve', 'edit' or 'reject'", got=decision)
        now = self.setup.clock.now().isoformat()
        place, store = self.get_namespace(config), store_of_call(self._store)
        change = yield from settle(store, place, id, decision, now, content)
        return change

    def _undo(self, key: str, config: Config) -> Steps[MemoryRevision | None]:
        now = self.setup.clock.now().isoformat()
        revision = yield from restore(store_of_call(self._store), self.get_namespace(config), key, now)
        return revision

    def _get(self, key: str, refresh_ttl: bool | None, config: Config) -> Steps[MemoryItem | None]:
        namespace, store = self.get_namespace(config), store_of_call(self._store)
        item: Item | None = yield Io(
            partial(store.get, namespace, key, refresh_ttl=refresh_ttl),
            partial(store.aget, namespace, key, refresh_ttl=refresh_ttl),
        )
        if item is None:
            default: MemoryItem | None = self._default(MemoryItem, config) if key == DEFAULT_KEY else None
            return default
        found: MemoryItem = self._read(item, MemoryItem)
        return found

    def _search(
        self,
        query: str | None,
        filter: dict[str, Any] | None,
        limit: int,
        offset: int,
        refresh_ttl: bool | None,
        as_of: AsOf | None,
        config: Config,
    ) -> Steps[list[MemorySearchItem]]:
        namespace, store = self.get_namespace(config), store_of_call(self._store)
        if as_of is not None:
            then = yield from long_term_steps(store, namespace, query or "", offset + limit, filter, (), as_of)
            return [self._read(item, MemorySearchItem, score=item.score) for item in then.items[offset:]]
        asked: dict[str, Any] = {
            "query": query,
            "filter": filter,
            "limit": limit,
            "offset": offset,
            "refresh_ttl": refresh_ttl,
        }
        items: list[SearchItem] = yield Io(
            partial(store.search, namespace, **asked), partial(store.asearch, namespace, **asked)
        )
        found = [self._read(item, MemorySearchItem, score=item.score) for item in items]
        default = None if found else self._default(MemorySearchItem, config)
        return [default] if default is not None else found

    def _read(self, item: Item, kind: type[Any], **more: Any) -> Any:
        value: Any = item.value
        schemas = self.setup.schemas
        named, content = content_of(item.value)
        readable = schemas.fits(item.value)
        if not readable:
            _logger.warning("the memory %r is no %s; it is returned as it was stored", item.key, named)
        elif named in schemas.by_name:
            value = schemas.read(content, named)
        made = datetime.fromisoformat(created_at(item))
        read = kind(
            namespace=item.namespace,
            key=item.key,
            value=value,
            created_at=made,
            updated_at=item.updated_at,
            **more,
        )
        read.readable = readable
        return read

    def _default(self, kind: type[Any], config: Config) -> Any:
        if self.setup.default is None:
            return None
        content = self.setup.default(ensure_config(config))
        now = self.setup.clock.now()
        return kind(
            namespace=self.get_namespace(config), key=DEFAULT_KEY, value=content, created_at=now, updated_at=now
        )


def _as_dict(found: dict[str, Any], value: Any) -> dict[str, Any]:
    return {**found, "value": value.model_dump(mode="json")} if isinstance(value, BaseModel) else found
