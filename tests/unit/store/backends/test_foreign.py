"""Any `BaseStore` behind the warm tier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from langgraph.store.base import BaseStore, GetOp, Op, PutOp, Result, SearchOp, TTLConfig
from langgraph.store.memory import InMemoryStore

from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.backends import ForeignBackend
from warmgraph.testing import FakeEmbeddings, ManualClock

NS = ("memories", "ana")


class Recording(BaseStore):
    """LangGraph's in-memory store, that notes the batches that reach it."""

    def __init__(self, index: Any = None) -> None:
        self.inner = InMemoryStore(index=index)
        self.batches: list[list[Op]] = []

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Note and execute."""
        self.batches.append(list(ops))
        return self.inner.batch(self.batches[-1])

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Note and execute."""
        return self.batch(ops)


class Mortal(Recording):
    """A store whose items expire when it says so, and that sweeps."""

    supports_ttl = True

    def __init__(self, ttl: TTLConfig | None = None) -> None:
        super().__init__()
        self.ttl_config = ttl
        self.swept = 0

    def sweep_ttl(self) -> int:
        """Sweep three items."""
        self.swept += 1
        return 3


class AsyncMortal(Mortal):
    """The same with an async sweep."""

    async def sweep_ttl(self) -> int:  # type: ignore[override]
        """Sweep three items."""
        await asyncio.sleep(0)
        self.swept += 1
        return 3


def ops_of(behind: Recording, kind: type[Any]) -> list[Any]:
    """Return all ops of a kind that reached the store."""
    return [op for batch in behind.batches for op in batch if isinstance(op, kind)]


def test_what_is_warm_costs_the_store_nothing() -> None:
    """After the first touch a hit and a warm get reach nobody."""
    behind = Recording()
    for n in range(5):
        behind.inner.put(NS, str(n), {"content": f"dog number {n}"})
    store = WarmStore(behind)
    assert "long_term" == store.recall(NS, "dog number 3").tier
    behind.batches.clear()
    assert ("warm", "3") == (store.recall(NS, "number 3").tier, store.recall(NS, "number 3").items[0].key)
    assert store.get(NS, "3") is not None
    assert [] == behind.batches


def test_writes_go_through_first(tmp_path: Any) -> None:
    """The store behind has what was put, whatever the tier keeps."""
    behind = Recording()
    store = WarmStore(behind, capacity=1)
    for n in range(3):
        store.put(NS, str(n), {"content": f"dog {n}"})
    store.delete(NS, "0")
    assert {"1", "2"} == {item.key for item in behind.inner.search(NS)}
    assert store.get(NS, "0") is None
    assert {"content": "dog 1"} == (store.get(NS, "1") or pytest.fail("lost")).value


def test_a_large_namespace_is_read_page_by_page() -> None:
    """More items than one page are all indexed, the newest of them warm."""
    behind = Recording()
    behind.inner.batch([PutOp(NS, str(n), {"content": f"fact{n}"}) for n in range(1200)])
    store = WarmStore(behind, capacity=10)
    assert ["7"] == [item.key for item in store.recall(NS, "fact7").items]
    assert 1200 == (store.recall(NS, "fact7").signals or pytest.fail("no signals")).items
    pages = [op for op in ops_of(behind, SearchOp) if op.query is None]
    assert [0, 500, 1000] == [op.offset for op in pages]


def test_a_namespace_that_is_too_large_cannot_be_peeked_into() -> None:
    """Beyond the bound the newest are indexed, and the router is told that it does not see everything."""
    behind = Recording()
    behind.inner.batch([PutOp(NS, str(n), {"content": f"fact{n}"}) for n in range(30)])
    store = WarmStore(behind, capacity=10)
    backend = store._backend
    assert isinstance(backend, ForeignBackend)
    backend._max_indexed = 20
    store.recall(NS, "fact29")
    found = store.recall(NS, "fact29")
    assert found.signals is not None
    assert (False, 20, "long_term") == (found.signals.can_peek, found.signals.items, found.tier)


def test_dense_hits_of_the_store_and_words_of_ours_are_united() -> None:
    """What only the store's vectors find and what only words find are both recalled."""
    index: Any = {"dims": 8, "embed": FakeEmbeddings(8), "fields": ["vector"]}
    behind = Recording(index)
    behind.inner.put(NS, "by vector", {"vector": "find me", "content": "nothing in common"})
    behind.inner.put(NS, "by words", {"vector": "unrelated", "content": "please find the dog"})
    store = WarmStore(behind)
    store.recall(NS, "anything")
    found = store.recall_long_term(NS, "find me").items
    assert {"by vector", "by words"} == {item.key for item in found}
    assert sorted((item.score or 0 for item in found), reverse=True) == [item.score for item in found]


def test_filters_that_the_store_does_not_know_are_answered_here() -> None:
    """`$and`, `$in` and the like work on any store, with pages and with a query."""
    index: Any = {"dims": 8, "embed": FakeEmbeddings(8), "fields": ["content"]}
    behind = Recording(index)
    behind.inner.batch([PutOp(NS, str(n), {"content": f"fact {n}", "n": n}) for n in range(300)])
    store = WarmStore(behind)
    even = {"n": {"$in": list(range(0, 300, 2))}}
    pages = [[item.key for item in store.search(NS, filter=even, limit=60, offset=offset)] for offset in (0, 60, 120)]
    assert [60, 60, 30] == [len(page) for page in pages]
    assert {str(n) for n in range(0, 300, 2)} == {key for page in pages for key in page}
    found = store.search(NS, query="fact 8", filter={"$and": [even, {"$not": {"n": 0}}]}, limit=3)
    assert "8" == found[0].key
    assert 3 == len(found)
    assert ["8"] == [item.key for item in store.search(NS, query="fact 8", filter={"$or": [{"n": 8}]})]
    got, searched = store.batch([GetOp(NS, "7"), SearchOp(NS, {"n": {"$exists": False}})])
    assert ({"content": "fact 7", "n": 7}, []) == (getattr(got, "value", None), searched)


def test_values_that_json_cannot_hold_are_read_all_the_same() -> None:
    """Other programs may have put anything into their store."""
    behind = Recording()
    behind.inner.put(NS, "odd", {"content": "a dog", "tags": {1, 2}, "tuple": (1, [2])})
    store = WarmStore(behind)
    assert ["odd"] == [item.key for item in store.recall(NS, "dog").items]
    item = store.get(NS, "odd")
    assert item is not None
    assert {"content": "a dog", "tags": {1, 2}, "tuple": (1, [2])} == item.value
    item.value["tuple"][1].append(3)
    assert (1, [2]) == (store.get(NS, "odd") or pytest.fail("lost")).value["tuple"]


def test_items_of_a_store_with_times_to_live_are_believed_for_a_minute() -> None:
    """Nobody says when an item that was found expires; afterwards it is cold, and no hit pretends otherwise."""
    clock = ManualClock()
    behind = Mortal()
    behind.inner.put(NS, "k", {"content": "dog"})
    store = WarmStore(behind, clock=clock)
    store.recall(NS, "dog")
    assert ("warm", ["k"]) == (store.recall(NS, "dog").tier, [item.key for item in store.recall(NS, "dog").items])
    clock.advance(minutes=2)
    behind.inner.delete(NS, "k")  # as expiry does
    found = store.recall(NS, "dog")
    assert ("long_term", []) == (found.tier, found.items)
    assert store.get(NS, "k") is None


def test_a_get_that_refreshes_goes_to_the_store() -> None:
    """Only the store behind can move an expiry; a get that does not ask for it stays warm."""
    clock = ManualClock()
    behind = Mortal(ttl={"default_ttl": 5})
    store = WarmStore(behind, clock=clock)
    store.put(NS, "k", {"content": "dog"})
    behind.batches.clear()
    clock.advance(minutes=3)
    assert store.get(NS, "k") is not None
    assert [GetOp(NS, "k", True)] == ops_of(behind, GetOp)
    assert store.get(NS, "k", refresh_ttl=False) is not None
    assert 1 == len(behind.batches)
    assert store.supports_ttl
    assert {"default_ttl": 5} == store.ttl_config


def test_sweeping_is_left_to_the_store() -> None:
    """`sweep_ttl` is handed on where there is one, sync or async, and is nothing elsewhere."""
    behind = Mortal()
    assert 3 == WarmStore(behind).sweep_ttl()
    assert 3 == asyncio.run(WarmStore(behind).asweep_ttl())
    assert 3 == asyncio.run(WarmStore(AsyncMortal()).asweep_ttl())
    assert 2 == behind.swept
    assert 0 == WarmStore(Recording()).sweep_ttl()


def test_indexes_are_kept_for_so_many_namespaces() -> None:
    """The index of the least recently used namespace is dropped, and read again when it is needed."""
    behind = Recording()
    for user in "abc":
        behind.inner.put(("m", user), "k", {"content": f"dog of {user}"})
    store = WarmStore(behind, max_namespaces=2)
    for user in "abcabc":
        assert ["k"] == [item.key for item in store.recall(("m", user), f"dog {user}").items]
        store._check()
    backend = store._backend
    assert isinstance(backend, ForeignBackend)
    assert 2 == len(backend._indexes)


def test_the_store_behind_stays_open() -> None:
    """Closing the warm tier closes nothing that was handed in."""
    with RoutedStore(":memory:") as routed:
        wrapped = Recording()
        wrapped.inner = routed  # type: ignore[assignment]
        with WarmStore(wrapped) as store:
            store.put(NS, "k", {"content": "dog"})
        assert routed.get(NS, "k") is not None


async def test_async_callers_use_the_stores_async_form() -> None:
    """On a loop the store's own `abatch` is awaited."""
    calls: list[str] = []

    class Async(Recording):
        """Says which of its forms is used."""

        def batch(self, ops: Iterable[Op]) -> list[Result]:
            """Note the sync form."""
            calls.append("batch")
            return self.inner.batch(ops)

        async def abatch(self, ops: Iterable[Op]) -> list[Result]:
            """Note the async form."""
            calls.append("abatch")
            return await self.inner.abatch(ops)

    store = WarmStore(Async())
    await store.aput(NS, "k", {"content": "dog"})
    await store.aget(NS, "other")
    await store.asearch(NS, query="dog")
    await store.arecall(NS, "dog")
    assert {"abatch"} == set(calls)
