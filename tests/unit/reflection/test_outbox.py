"""A store that keeps what is written to it."""

from __future__ import annotations

from typing import Any

from langgraph.store.memory import InMemoryStore

from warmgraph.reflection.outbox import Outbox, apply_writes, dump_writes, load_writes

NS = ("memories", "ana")


def filled() -> tuple[InMemoryStore, Outbox]:
    """Return a store with three items, and an outbox in which one is changed, one deleted and one added."""
    store = InMemoryStore()
    for key in "abc":
        store.put(NS, key, {"content": key, "n": 1})
    outbox = Outbox(store)
    outbox.put(NS, "a", {"content": "changed", "n": 2})
    outbox.delete(NS, "b")
    outbox.put((*NS, "deep"), "d", {"content": "new", "n": 2})
    return store, outbox


def shown(store: Any, **options: Any) -> dict[str, Any]:
    """Return what a search finds."""
    return {item.key: item.value["content"] for item in store.search(NS, **options)}


def test_an_outbox_reads_as_if_its_writes_were_made() -> None:
    """Get, search with filters and pages, and the list of namespaces; the store itself is as it was."""
    store, outbox = filled()
    changed = outbox.get(NS, "a")
    assert changed is not None
    assert "changed" == changed.value["content"]
    assert outbox.get(NS, "b") is None
    assert {"a": "changed", "c": "c", "d": "new"} == shown(outbox)
    assert {"a": "changed", "d": "new"} == shown(outbox, filter={"n": 2})
    pages = [shown(outbox, limit=2, offset=offset) for offset in (0, 2)]
    assert [2, 1] == [len(page) for page in pages]
    assert {"a", "c", "d"} == {key for page in pages for key in page}
    assert [NS, (*NS, "deep")] == outbox.list_namespaces()
    assert {"a": "a", "b": "b", "c": "c"} == shown(store)


def test_writes_are_applied_once_they_are_read_again() -> None:
    """Written down, read and applied twice, they are what they were."""
    store, outbox = filled()
    for _ in range(2):
        apply_writes(store, load_writes(dump_writes(outbox.writes())))
    assert {"a": "changed", "c": "c", "d": "new"} == shown(store)


async def test_an_outbox_can_be_awaited() -> None:
    """The loop does not wait for the store."""
    _, outbox = filled()
    await outbox.aput(NS, "e", {"content": "e"})
    item = await outbox.aget(NS, "e")
    assert item is not None
    assert "e" == item.value["content"]


def test_what_was_written_is_not_aliased() -> None:
    """A value that is changed afterwards stays as it was written."""
    outbox = Outbox(InMemoryStore())
    value = {"list": ["a"]}
    outbox.put(NS, "k", value)
    value["list"].append("b")
    item = outbox.get(NS, "k")
    assert item is not None
    item.value["list"].append("c")
    assert [{"list": ["a"]}] == [write.value for write in outbox.writes()]
