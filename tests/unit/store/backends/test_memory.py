"""A store in RAM alone: short ways that check as long ones do, and what its vectors take."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import InvalidNamespaceError

from warmgraph.errors import InvalidArgumentError, StoreClosedError
from warmgraph.store import WarmStore
from warmgraph.testing import FakeEmbeddings, ManualClock

ANA = ("memories", "ana")


def test_put_refuses_what_a_batch_refuses() -> None:
    """The short way in RAM checks as the long way does, and takes the default time to live."""
    clock = ManualClock()
    store = WarmStore(ttl={"default_ttl": 5}, clock=clock)
    for namespace in ((), ("langgraph", "a"), ("a", ""), ("a.b",), ("a", 1)):
        with pytest.raises(InvalidNamespaceError):
            store.put(namespace, "k", {"content": "x"})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="ttl"):
        store.put(ANA, "k", {"content": "x"}, ttl=-1)
    with pytest.raises(InvalidArgumentError, match="index"):
        store.put(ANA, "k", {"content": "x"}, "content")  # type: ignore[arg-type]
    assert [] == store.search(())

    store.put(ANA, "brief", {"content": "x"})
    store.put(ANA, "lasting", {"content": "x"}, ttl=None)
    store.put(list(ANA), "listed", {"content": "x"}, ttl=9)  # type: ignore[arg-type]
    clock.advance(minutes=6)
    assert {"lasting", "listed"} == {item.key for item in store.search(ANA, refresh_ttl=False)}
    store.close()
    with pytest.raises(StoreClosedError):
        store.put(ANA, "k", {"content": "x"})


def test_vectors_of_dropped_namespaces_take_no_room() -> None:
    """The arena of a memory-only store grows with its namespaces, and is given back with them."""
    index: Any = {"dims": 8, "embed": FakeEmbeddings(8)}
    store = WarmStore(index=index, max_namespaces=3)
    assert 0 == store.stats().arena_bytes
    for number in range(500):
        store.put(("user", str(number)), "k", {"content": f"text {number}"})
    assert 4096 * (8 * 4 + 8 + 4) == store.stats().arena_bytes
    for number in range(497, 500):
        store.delete(("user", str(number)), "k")
    assert 0 == store.stats().arena_bytes
