"""What an erasure needs of a store: all that it holds under a prefix, deletions, and the disk wiped behind them."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from langgraph.store.base import BaseStore, ListNamespacesOp, MatchCondition, PutOp, SearchItem, SearchOp

from warmgraph.steps import Io, Steps

__all__ = ["Held", "Rows", "Scrubbed", "StoreRows"]

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]
PAGE = 500
DELETED_AT_ONCE = 500


class Held(NamedTuple):
    """An item of a store.

    Args:
        namespace: Its namespace.
        key: Its key.
        value: Its value; `None` for one that is damaged and cannot be read.
        ttl: Minutes that it lives, where the store tells.
    """

    namespace: Namespace
    key: str
    value: dict[str, Any] | None
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What became of the disk.

    Args:
        bytes_before: Size of the file and its log before.
        bytes_after: The same afterwards.
        left: What could not be wiped, with the reason.
        again: Whether it may be wiped later, by another call.
    """

    bytes_before: int = 0
    bytes_after: int = 0
    left: tuple[str, ...] = ()
    again: bool = False


class Rows(ABC):
    """Everything that a store holds, expired and damaged items included where it can tell of them."""

    store: BaseStore

    @abstractmethod
    def under(self, prefix: Namespace) -> Steps[list[Held]]:
        """Return what lies in a namespace and below it."""

    @abstractmethod
    def namespaces(self, prefix: Namespace) -> Steps[list[Namespace]]:
        """Return the namespaces at a prefix and below it."""

    @abstractmethod
    def delete(self, places: Iterable[Place]) -> Steps[None]:
        """Delete items, from all tiers and indexes."""

    def put(self, items: Iterable[Held], *, found: bool) -> Steps[None]:
        """Write items.

        Args:
            items: The items.
            found: Whether searches shall find them.
        """
        index: Any = ["content"] if found else False
        ops = [PutOp(each.namespace, each.key, each.value, index, each.ttl) for each in items]
        if ops:
            yield Io(partial(self.store.batch, ops), partial(self.store.abatch, ops))

    def forget_state(self, prefix: Namespace, telling_of: Collection[str] | None = None) -> Steps[int]:
        """Delete what a store keeps about a namespace outside of its items, and return how many entries that were.

        Args:
            prefix: The namespace, with all below it.
            telling_of: Only entries that hold one of these texts, in whatever case; `None` for all.
        """
        return 0
        yield  # a generator that waits for nothing

    @abstractmethod
    def scrub(self, rewrite: bool) -> Steps[Scrubbed]:
        """Leave nothing of what was deleted on the disk, in logs, or in caches of embeddings."""


class StoreRows(Rows):
    """Any `BaseStore`, by its contract.

    A store that keeps a file may have a method `scrub`, or a coroutine method of that name, which wipes what it
    deleted and returns a list of what it could not. Without one the report says that the disk was not wiped.

    Args:
        store: The store that is written to: deletions go through its tiers.
        behind: The store that keeps the items, if that is another one.
        wiped: Whether nothing of a deletion stays behind by itself, as in RAM.
    """

    def __init__(self, store: BaseStore, behind: BaseStore | None = None, *, wiped: bool = False) -> None:
        self.store = store
        self._behind = store if behind is None else behind
        self._wiped = wiped

    def under(self, prefix: Namespace) -> Steps[list[Held]]:
        """Sweep what has expired, then read page by page."""
        yield from _sweep(self._behind)
        lives = (self._behind.ttl_config or {}).get("default_ttl")
        found: dict[Place, Held] = {}
        offset = 0
        while True:
            op = SearchOp(prefix, limit=PAGE, offset=offset, refresh_ttl=False)
            (page,) = yield Io(partial(self._behind.batch, [op]), partial(self._behind.abatch, [op]))
            items: Sequence[SearchItem] = page
            for item in items:
                place = tuple(item.namespace), item.key
                found[place] = Held(*place, dict(item.value), lives)
            if len(items) < PAGE:
                return list(found.values())
            offset += PAGE

    def namespaces(self, prefix: Namespace) -> Steps[list[Namespace]]:
        """List page by page."""
        found: list[Namespace] = []
        while True:
            op = ListNamespacesOp((MatchCondition("prefix", prefix),), limit=PAGE, offset=len(found))
            (page,) = yield Io(partial(self._behind.batch, [op]), partial(self._behind.abatch, [op]))
            found += [tuple(each) for each in page]
            if len(page) < PAGE:
                return found

    def delete(self, places: Iterable[Place]) -> Steps[None]:
        """Delete through the store, whose warm tier and indexes follow."""
        ops = [PutOp(namespace, key, None) for namespace, key in places]
        for at in range(0, len(ops), DELETED_AT_ONCE):
            some = ops[at : at + DELETED_AT_ONCE]
            yield Io(partial(self.store.batch, some), partial(self.store.abatch, some))

    def scrub(self, rewrite: bool) -> Steps[Scrubbed]:
        """Let the store wipe its disk, if it can."""
        _forget_queries(self.store)
        scrub = getattr(self._behind, "scrub", None)
        if scrub is None:
            kind = type(self._behind).__name__
            return Scrubbed(left=() if self._wiped else (f"{kind} cannot wipe what it deleted from its disk",))
        left = yield _call(scrub)
        return Scrubbed(left=tuple(left or ()))


def _sweep(store: BaseStore) -> Steps[None]:
    sweep = getattr(store, "sweep_ttl", None)
    if sweep is not None:
        yield _call(sweep)


def _call(method: Any) -> Io:
    async def acall() -> Any:
        return await method()

    return Io(method, acall if inspect.iscoroutinefunction(method) else None)


def _forget_queries(store: BaseStore) -> None:
    forget = getattr(store, "forget_queries", None)
    if forget is not None:
        forget()
