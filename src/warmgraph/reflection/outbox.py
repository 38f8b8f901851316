"""A store that keeps what is written to it until it is told to let go: how a job's writes happen once."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
)

from warmgraph.reflection.submissions import dumps, loads
from warmgraph.store.filters import compile_filter
from warmgraph.store.namespaces import page_of

__all__ = ["Outbox", "apply_writes", "dump_writes", "load_writes"]


class Outbox(BaseStore):
    """Reads another store as if the writes that wait here had been made. Thread-safe as far as that store is.

    What a job wrote is first noted in the queue, as a whole, and only then applied: a job that fails or is killed has
    written nothing, and one that is killed while its writes are applied has the same writes applied again.

    The other store is only ever asked through its sync methods, on a thread without an event loop: so one that is
    bound to a loop serves jobs that run elsewhere. New items are not ranked; a search appends them.

    Args:
        inner: The store.
    """

    def __init__(self, inner: BaseStore) -> None:
        self.inner: BaseStore = inner
        self.supports_ttl: bool = inner.supports_ttl
        self.ttl_config: TTLConfig | None = inner.ttl_config
        self._writes: dict[tuple[tuple[str, ...], str], PutOp] = {}

    def writes(self) -> list[PutOp]:
        """Return what waits, one write for each key, in the order of the first."""
        return list(self._writes.values())

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Answer reads, before the writes of the same batch, and keep the writes."""
        ops = list(ops)
        asked = [self._widened(op) for op in ops if not isinstance(op, PutOp)]
        answers = iter(_batch(self.inner, asked)) if asked else iter(())
        results = [None if isinstance(op, PutOp) else self._patched(op, next(answers)) for op in ops]
        for op in ops:
            if isinstance(op, PutOp):
                kept = op if op.value is None else op._replace(value=copy.deepcopy(op.value))
                self._writes[(tuple(op.namespace), op.key)] = kept
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do as `batch` does, without blocking the event loop."""
        ops = list(ops)
        return await asyncio.to_thread(self.batch, ops)

    def _widened(self, op: Op) -> Op:
        waiting = len(self._writes)
        if waiting and isinstance(op, SearchOp | ListNamespacesOp):
            return op._replace(limit=op.offset + op.limit + waiting, offset=0)
        return op

    def _patched(self, op: Op, answer: Any) -> Result:
        if not self._writes:
            return cast(Result, answer)
        if isinstance(op, GetOp):
            write = self._writes.get((tuple(op.namespace), op.key))
            kept: Result = answer if write is None else _item(write, answer)
            return kept
        if isinstance(op, SearchOp):
            return self._searched(op, answer)
        if isinstance(op, ListNamespacesOp):
            added = {place for (place, _), write in self._writes.items() if write.value is not None}
            whole = op._replace(limit=len(added), offset=0)
            found = sorted({*answer, *page_of(added, whole)} if added else answer)
            return found[op.offset : op.offset + op.limit]
        return cast(Result, answer)

    def _searched(self, op: SearchOp, answer: Sequence[SearchItem]) -> list[SearchItem]:
        prefix = tuple(op.namespace_prefix)
        matches = compile_filter(op.filter)
        waiting = {where: write for where, write in self._writes.items() if where[0][: len(prefix)] == prefix}
        found = []
        for item in answer:
            write = waiting.pop((tuple(item.namespace), item.key), None)
            if write is None:
                found.append(item)
            elif write.value is not None and (matches is None or matches(write.value)):
                found.append(_item(write, item, item.score))
        for write in waiting.values():
            if write.value is not None and (matches is None or matches(write.value)):
                found.append(_item(write, None))
        return found[op.offset : op.offset + op.limit]


def apply_writes(store: BaseStore, writes: Sequence[PutOp]) -> None:
    """Apply writes to a store, from a thread without an event loop."""
    if writes:
        _batch(store, list(writes))


def dump_writes(writes: Sequence[PutOp]) -> bytes:
    """Write writes down."""
    return dumps([[list(each.namespace), each.key, each.value, each.index, each.ttl] for each in writes])


def load_writes(written: bytes) -> list[PutOp]:
    """Read them again."""
    return [PutOp(tuple(place), key, value, index, ttl) for place, key, value, index, ttl in loads(written)]


def _batch(store: BaseStore, ops: list[Op]) -> list[Result]:
    try:
        return store.batch(ops)
    except NotImplementedError:  # a store with async methods only
        return asyncio.run(store.abatch(ops))


def _item(write: PutOp, before: Item | None, score: float | None = None) -> Any:
    if write.value is None:
        return None
    now = datetime.now(UTC)
    return SearchItem(
        namespace=tuple(write.namespace),
        key=write.key,
        value=copy.deepcopy(dict(write.value)),
        created_at=before.created_at if before is not None else now,
        updated_at=now,
        score=score,
    )
