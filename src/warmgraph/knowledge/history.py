"""What memories were before they were changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from langgraph.store.base import BaseStore, GetOp, Item, Op, PutOp

from warmgraph.errors import InvalidArgumentError
from warmgraph.steps import Io, Steps
from warmgraph.store.validity import as_instant, history_namespace

__all__ = ["ROOT", "Ending", "MemoryRevision", "history_of", "put_op", "retire", "revision_key", "submit"]

ROOT = "_warmgraph"
PAGE = 20

Ending: TypeAlias = Literal["changed", "deleted", "merged", "forgotten"]


@dataclass(frozen=True, slots=True)
class MemoryRevision:
    """A memory as it was, or as it is.

    Args:
        key: Its key.
        value: Its value at that time.
        valid_from: From when on it was so, ISO 8601.
        valid_to: Until when; `None` for the memory as it is now.
        ended: What ended it: "changed", "deleted", "merged" into another one that says the same, or "forgotten".
    """

    key: str
    value: dict[str, Any]
    valid_from: str | None
    valid_to: str | None = None
    ended: Ending | None = None


def history_of(store: BaseStore, namespace: tuple[str, ...], key: str) -> Steps[list[MemoryRevision]]:
    """Return all revisions of a memory, the oldest first; the last one is the memory as it is, if it is there."""
    place = history_namespace(namespace)
    found: list[Item] = []
    (item,) = yield from submit(store, [GetOp(namespace, key, refresh_ttl=False)])
    while len(found) % PAGE == 0:
        names = [revision_key(key, number) for number in range(len(found) + 1, len(found) + PAGE + 1)]
        page = yield from submit(store, [GetOp(place, name, refresh_ttl=False) for name in names])
        there = [revision for revision in page if revision is not None]
        if not there:
            break
        found += there
    revisions = [
        MemoryRevision(key, one.value["value"], one.value["valid_from"], one.value["valid_to"], one.value["ended"])
        for one in found
    ]
    if item is not None:
        revisions.append(MemoryRevision(key, item.value, began(item)))
    return revisions


def retire(store: BaseStore, item: Item, now: str, ended: Ending) -> Steps[tuple[PutOp, str, dict[str, Any]]]:
    """Prepare that a memory becomes history.

    Returns:
        What writes it there (it goes into the batch that ends it), the name of the revision, and the memory's value.
    """
    place = history_namespace(tuple(item.namespace))
    last = item.value.get("supersedes")
    number = int(last.rpartition("#")[2]) if isinstance(last, str) and last.rpartition("#")[2].isdecimal() else 0
    taken: Any = True
    while taken is not None:  # a key that was deleted once has revisions of its life before
        number += 1
        (taken,) = yield from submit(store, [GetOp(place, revision_key(item.key, number), refresh_ttl=False)])
    old = dict(item.value)
    # Beside the whole value as it was stands what it is ranked by when somebody asks what was true then.
    revision = {
        **old,
        "key": item.key,
        "number": number,
        "value": old,
        "valid_from": began(item),
        "valid_to": now,
        "ended": ended,
    }
    name = revision_key(item.key, number)
    return put_op(store, place, name, revision, found=True), name, old


def revision_key(key: str, number: int) -> str:
    """Return what a revision goes by."""
    return f"{key}#{number}"


def began(item: Item) -> str:
    """Return since when a memory is as it is."""
    since = item.value.get("valid_from")
    try:
        return as_instant(since).isoformat() if isinstance(since, str) else item.created_at.isoformat()
    except InvalidArgumentError:  # it was never one of ours to read
        return item.created_at.isoformat()


def submit(store: BaseStore, ops: Sequence[Op]) -> Steps[list[Any]]:
    """Have a store perform some operations at once."""
    results: list[Any] = yield Io(partial(store.batch, ops), partial(store.abatch, ops))
    return results


def put_op(store: BaseStore, namespace: tuple[str, ...], key: str, value: dict[str, Any], *, found: bool) -> PutOp:
    """Return what puts a value so that it lives as long as the store's default says: batches know no default.

    Args:
        store: The store.
        namespace: Where to.
        key: Under which key.
        value: The value.
        found: Whether searches shall find it, by its content alone: ids and times are not embedded.
    """
    lives = (store.ttl_config or {}).get("default_ttl")
    return PutOp(namespace, key, value, index=["content"] if found else False, ttl=lives)
