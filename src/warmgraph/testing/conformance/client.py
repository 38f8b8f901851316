"""One store, called in each of the ways that callers use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

from langgraph.store.base import (
    NOT_PROVIDED,
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    NotProvided,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
)

__all__ = ["MODES", "Client", "Mode"]

Mode: TypeAlias = Literal["sync", "async", "batch", "abatch"]
MODES: tuple[Mode, ...] = get_args(Mode)
Namespace: TypeAlias = tuple[str, ...]


class Client:
    """Calls a store by its methods, their async twins, or ops in `batch` and `abatch`."""

    def __init__(self, store: BaseStore, mode: Mode) -> None:
        self.store = store
        self._mode = mode
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """Close the event loop, not the store."""
        self._runner.close()

    def run(self, ops: Sequence[Op]) -> list[Any]:
        """Execute ops in one batch."""
        if self._mode in ("async", "abatch"):
            return list(self._runner.run(self.store.abatch(ops)))
        return list(self.store.batch(ops))

    def put(
        self,
        namespace: Namespace,
        key: str,
        value: dict[str, Any],
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Write an item."""
        if self._mode in ("batch", "abatch"):
            minutes = self._config.get("default_ttl") if isinstance(ttl, NotProvided) else ttl
            self.run([PutOp(namespace, key, value, index, minutes)])
        else:
            self._call("put", namespace, key, value, index, ttl=ttl)

    def get(self, namespace: Namespace, key: str, *, refresh_ttl: bool | None = None) -> Item | None:
        """Read an item."""
        if self._mode in ("batch", "abatch"):
            found: Item | None = self.run([GetOp(namespace, key, self._refresh(refresh_ttl))])[0]
        else:
            found = self._call("get", namespace, key, refresh_ttl=refresh_ttl)
        return found

    def value(self, namespace: Namespace, key: str) -> dict[str, Any] | None:
        """Read an item's value."""
        item = self.get(namespace, key)
        return None if item is None else item.value

    def delete(self, namespace: Namespace, key: str) -> None:
        """Delete an item."""
        if self._mode in ("batch", "abatch"):
            self.run([PutOp(namespace, key, None)])
        else:
            self._call("delete", namespace, key)

    def search(
        self,
        prefix: Namespace,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> list[SearchItem]:
        """Search under a prefix."""
        if self._mode in ("batch", "abatch"):
            op = SearchOp(prefix, filter, limit, offset, query, self._refresh(refresh_ttl))
            found: list[SearchItem] = self.run([op])[0]
        else:
            found = self._call(
                "search", prefix, query=query, filter=filter, limit=limit, offset=offset, refresh_ttl=refresh_ttl
            )
        return found

    def keys(self, prefix: Namespace, **options: Any) -> list[str]:
        """Search, and return the keys in order."""
        return [item.key for item in self.search(prefix, **options)]

    def list_namespaces(
        self,
        *,
        prefix: Namespace | None = None,
        suffix: Namespace | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Namespace]:
        """List namespaces."""
        if self._mode in ("batch", "abatch"):
            conditions = [MatchCondition("prefix", prefix)] if prefix else []
            conditions += [MatchCondition("suffix", suffix)] if suffix else []
            found: list[Namespace] = self.run([ListNamespacesOp(tuple(conditions), max_depth, limit, offset)])[0]
        else:
            found = self._call(
                "list_namespaces", prefix=prefix, suffix=suffix, max_depth=max_depth, limit=limit, offset=offset
            )
        return found

    @property
    def _config(self) -> Mapping[str, Any]:
        return self.store.ttl_config or {}

    def _refresh(self, given: bool | None) -> bool:
        return bool(self._config.get("refresh_on_read", True)) if given is None else given

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self._mode == "async":
            return self._runner.run(getattr(self.store, f"a{method}")(*args, **kwargs))
        return getattr(self.store, method)(*args, **kwargs)
