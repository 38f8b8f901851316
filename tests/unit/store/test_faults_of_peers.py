"""The faults that were measured in WarmMemory's store, shown absent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from warmgraph.prebuilt import create_memory_agent
from warmgraph.store import WarmStore
from warmgraph.testing import FakeEmbeddings, ManualClock

ANA = ("memories", "ana")


@pytest.mark.parametrize("on_file", [False, True])
def test_parity_a_eight_threads_of_a_hundred_puts_keep_all_eight_hundred(tmp_path: Path, on_file: bool) -> None:
    """WarmMemory kept 175 of them."""
    store = WarmStore.open(tmp_path / "a.db", capacity=1_000) if on_file else WarmStore(capacity=1_000)
    with store:

        def write(thread: int) -> None:
            for n in range(100):
                store.put(ANA, f"{thread}-{n}", {"content": f"note {n} of {thread}"})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        expected = {f"{thread}-{n}" for thread in range(8) for n in range(100)}
        assert expected == {item.key for item in store.search(ANA, limit=1_000)}
        store._check()


@pytest.mark.parametrize("eviction", ["lru", "lfu", "sieve", "importance"])
def test_parity_a_a_read_counts_as_use(eviction: str) -> None:
    """What is read again and again stays when others have to go."""
    store = WarmStore(capacity=20, eviction=eviction)
    store.put(ANA, "read", {"content": "x"})
    for n in range(100):
        store.put(ANA, str(n), {"content": "x"})
        assert store.get(ANA, "read") is not None


def test_parity_a_what_is_not_to_be_indexed_is_not_found_by_a_query() -> None:
    """`index=False` is honoured: the item comes last, without a score."""
    store = WarmStore(index={"embed": FakeEmbeddings(8), "dims": 8})
    store.put(ANA, "hidden", {"content": "Lisbon"}, index=False)
    store.put(ANA, "found", {"content": "Porto"})
    answers = [(item.key, item.score is None) for item in store.search(ANA, query="Lisbon")]
    assert [("found", False), ("hidden", True)] == answers


def test_parity_a_an_item_lives_as_long_as_it_was_told_to() -> None:
    """A time to live is honoured, by get and by search."""
    clock = ManualClock()
    store = WarmStore(clock=clock)
    store.put(ANA, "short", {"content": "x"}, ttl=1)
    clock.advance(minutes=2)
    assert store.get(ANA, "short") is None
    assert [] == store.search(ANA)


def test_parity_a_what_is_returned_does_not_alias_what_is_stored() -> None:
    """Changing an answer, or what was put, changes nothing in the store."""
    store = WarmStore()
    value = {"content": "x", "tags": ["a"]}
    store.put(ANA, "k", value)
    value["tags"].append("b")  # type: ignore[attr-defined]
    for found in (store.get(ANA, "k"), *store.search(ANA), *store.recall(ANA, "x").items):
        assert found is not None
        assert {"content": "x", "tags": ["a"]} == found.value
        found.value["tags"].append("c")
    assert json.dumps({"content": "x", "tags": ["a"]}) == json.dumps(store.search(ANA)[0].value)


def test_parity_a_the_number_of_namespaces_is_bounded() -> None:
    """The least recently used ones leave RAM."""
    store = WarmStore(max_namespaces=10)
    for n in range(100):
        store.put(("memories", str(n)), "k", {"content": "x"})
    assert (10, 10) == (store.stats().namespaces, store.stats().items)
    assert store.get(("memories", "99"), "k") is not None


def test_parity_a_keys_do_not_begin_again_after_a_restart(tmp_path: Path) -> None:
    """Each message has a key of its own, so a second process overwrites nothing of the first."""
    for number in range(2):
        with WarmStore.open(tmp_path / "a.db") as store:
            agent = create_memory_agent("offline", store=store)
            said = [("user", f"Note number {number}.")]
            agent.invoke({"messages": said}, {"configurable": {"user_id": "ana", "thread_id": str(number)}})
    with WarmStore.open(tmp_path / "a.db") as store:
        notes = [item.value["content"] for item in store.search(ANA, filter={"role": "user"})]
    assert ["Note number 0.", "Note number 1."] == sorted(notes)
