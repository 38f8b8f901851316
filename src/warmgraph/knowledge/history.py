"""What memories were before they were changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from langgraph.store.base import BaseStore, GetOp, Item, Op, PutOp, SearchItem

from warmgraph.steps import Io, Steps
from warmgraph.store.namespaces import encode_label

__all__ = ["ROOT", "MemoryRevision", "forget_history", "history_of", "put_op", "retire", "submit"]

ROOT = "_warmgraph"
PAGE = 100


@dataclass(frozen=True, slots=True)
class MemoryRevision:
    """A memory as it was, or as it is.

    Args:
        key: Its key.
        value: Its value at that time.
        valid_from: From when on it was so, ISO 8601.
        valid_to: Until when; `None` for the memory as it is now.
        ended: What ended it: "changed" or "deleted".
    """

    key: str
    value: dict[str, Any]
    valid_from: str | None
    valid_to: str | None = None
    ended: Literal["changed", "deleted"] | None = None


def history_of(store: BaseStore, namespace: tuple[str, ...], key: str) -> Steps[list[MemoryRevision]]:
    """Return all revisions of a memory, the oldest first; the last one is the memory as it is, if it is there."""
    place = _place(namespace, key)
    found: list[SearchItem] = []
    while True:
        page: list[SearchItem] = yield Io(
            partial(store.search, place, limit=PAGE, offset=len(found)),
            partial(store.asearch, place, limit=PAGE, offset=len(found)),
        )
        found += page
        if len(page) < PAGE:
            break
    found.sort(key=lambda item: int(item.value["number"]))
    revisions = [
        MemoryRevision(key, item.value["value"], item.value["valid_from"], item.value["valid_to"], item.value["ended"])
        for item in found
    ]
    (item,) = yield from submit(store, [GetOp(namespace, key, refresh_ttl=False)])
    if item is not None:
        revisions.append(MemoryRevision(key, item.value, began(item)))
    return revisions


def retire(
    store: BaseStore, item: Item, now: str, ended: Literal["changed", "deleted"]
) -> Steps[tuple[PutOp, str, dict[str, Any]]]:
    """Prepare that a memory becomes history.

    Returns:
        What writes it there (it goes into the batch that ends it), the name of the revision, and the memory's value.
    """
    place = _place(tuple(item.namespace), item.key)
    last = item.value.get("supersedes")
    number = int(last.rpartition("#")[2]) if isinstance(last, str) and last.rpartition("#")[2].isdecimal() else 0
    taken: Any = True
    while taken is not None:  # a key that was deleted once has revisions of its life before
        number += 1
        (taken,) = yield from submit(store, [GetOp(place, str(number), refresh_ttl=False)])
    old = dict(item.value)
    revision = {"number": number, "value": old, "valid_from": began(item), "valid_to": now, "ended": ended}
    return put_op(store, place, str(number), revision, found=False), f"{item.key}#{number}", old


def forget_history(store: BaseStore, namespace: tuple[str, ...], key: str) -> Steps[int]:
    """Delete all that a memory was before, and return how many revisions that were."""
    place, forgotten = _place(namespace, key), 0
    while True:
        page: list[SearchItem] = yield Io(
            partial(store.search, place, limit=PAGE), partial(store.asearch, place, limit=PAGE)
        )
        if not page:
            return forgotten
        yield from submit(store, [PutOp(tuple(item.namespace), item.key, None) for item in page])
        forgotten += len(page)


def began(item: Item) -> str:
    """Return since when a memory is as it is."""
    since = item.value.get("valid_from")
    return since if isinstance(since, str) else item.created_at.isoformat()


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


def _place(namespace: tuple[str, ...], key: str) -> tuple[str, ...]:
    # The depth keeps the history of ("a",), "b" apart from that of ("a", "b"): searches take prefixes.
    return (ROOT, "history", str(len(namespace)), *namespace, f"key:{encode_label(key)}")
