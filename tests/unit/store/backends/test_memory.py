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


@pytest.mark.parametrize("dims", [None, 8])
def test_a_prefix_that_was_searched_before_is_searched_as_it_is_now(dims: int | None) -> None:
    """Namespaces that come, go and come again below it, and vectors that move as they become more."""
    index: Any = dims and {"dims": dims, "embed": FakeEmbeddings(dims)}
    store = WarmStore(index=index)

    def found() -> set[str]:
        return {item.key for item in store.search(("user",), query="a dog", limit=1000)}

    assert set() == found()
    for number in range(12):
        store.put(("user", str(number)), f"dog {number}", {"content": f"a dog {number}"})
        assert {f"dog {each}" for each in range(number + 1)} == found()
    for number in range(100):
        store.put(("user", "3"), f"more {number}", {"content": f"another dog {number}"})
        assert f"more {number}" in found()
    for number in range(6):
        store.delete(("user", str(number)), f"dog {number}")
        assert f"dog {number}" not in found()
    store.put(("user", "0"), "again", {"content": "a dog"})
    assert {"again", "dog 6", "more 99"} <= found()
    store._check()


def test_an_index_without_vectors_is_searched_once_it_has_some() -> None:
    """What was searched while a namespace held nothing that is embedded does not hide what comes."""
    store = WarmStore(index={"dims": 8, "embed": FakeEmbeddings(8), "fields": ["content"]})
    store.put(("user", "0"), "k", {"content": "a dog"})
    store.put(("user", "1"), "plain", {"content": "a cat"}, index=False)
    assert "k" == store.search(("user",), query="a bird")[0].key
    store.put(("user", "1"), "bird", {"content": "a bird"})
    assert "bird" == store.search(("user",), query="a bird")[0].key


async def test_a_search_refuses_what_a_batch_refuses() -> None:
    """The short way of a search checks as the long one does, for both kinds of callers."""
    store = WarmStore()
    store.put(ANA, "k", {"content": "x"})
    for wrong in ({"limit": -1}, {"offset": 1.5}, {"query": 7}, {"filter": ["x"]}):
        with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
            store.search(ANA, **wrong)
        with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
            await store.asearch(ANA, **wrong)
    with pytest.raises(InvalidNamespaceError):
        store.search(("a.b",))
    assert ["k"] == [item.key for item in await store.asearch(list(ANA), query="x")]  # type: ignore[arg-type]
    store.close()
    with pytest.raises(StoreClosedError):
        store.search(ANA)
