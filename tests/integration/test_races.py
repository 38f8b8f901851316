"""The interleavings that could leave something stale in the warm tier, each made to happen.

The long-term store is a real one whose calls wait where a test says, so that the order of events is the test's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from langgraph.store.base import GetOp, PutOp, SearchOp

from tests.gated_store import NS, WAIT, GatedStore, value
from warmgraph.store import WarmStore


@pytest.fixture
def behind() -> GatedStore:
    """Make a long-term store that holds one item."""
    store = GatedStore()
    store.inner.put(NS, "k", {"content": "old dog"})
    return store


@pytest.fixture
def store(behind: GatedStore) -> WarmStore:
    """Put a warm tier in front of it, that knows nothing yet."""
    return WarmStore(behind)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Make threads."""
    with ThreadPoolExecutor(8) as made:
        yield made


def assert_tiers_agree(store: WarmStore, behind: GatedStore, expected: str | None) -> None:
    """Compare what is read by key, by search and by recall with what the long-term store holds."""
    assert expected == value(behind.inner)
    assert expected == value(store)
    found = [item.value["content"] for item in store.search(NS)]
    assert ([] if expected is None else [expected]) == found
    for recall in (store.recall_warm, store.recall_long_term):
        for query in ("old dog", "new dog", "newer dog"):
            assert {item.value["content"] for item in recall(NS, query).items} <= {expected}
    if expected is not None:
        assert [expected] == [item.value["content"] for item in store.recall(NS, expected).items]
    store._check()
    assert 0 == len(store._tier._flights)


def put(pool: ThreadPoolExecutor, store: WarmStore, text: str) -> Future[None]:
    """Put in another thread."""
    return pool.submit(store.put, NS, "k", {"content": text})


# -- write against read ----------------------------------------------------------------------------


def test_a_first_touch_that_a_write_overtakes_keeps_the_new_value(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """The row was read before the write and arrives after it."""
    with behind.gate(GetOp, after=True) as reading:
        recall = pool.submit(store.recall, NS, "old dog")
        reading.wait_for_arrival()
        store.put(NS, "k", {"content": "new dog"})
    recall.result(WAIT)
    assert_tiers_agree(store, behind, "new dog")


def test_a_first_touch_beside_a_write_believes_nothing_that_it_read(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """The write began first and ended first; the read began in between and saw the old value."""
    with behind.gate(PutOp) as writing, behind.gate(GetOp, after=True) as reading:
        write = put(pool, store, "new dog")
        writing.wait_for_arrival()
        recall = pool.submit(store.recall, NS, "old dog")
        reading.wait_for_arrival()
        writing.open()
        write.result(WAIT)
        reading.open()
        recall.result(WAIT)
    assert_tiers_agree(store, behind, "new dog")


def test_a_first_touch_that_a_deletion_overtakes_brings_nothing_back(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """What was read before its deletion is neither warm nor indexed after it."""
    for held, after in ((SearchOp, True), (GetOp, True)):
        behind.inner.put(NS, "k", {"content": "old dog"})
        store = WarmStore(behind)
        with behind.gate(held, after=after) as reading:
            recall = pool.submit(store.recall, NS, "old dog")
            reading.wait_for_arrival()
            store.delete(NS, "k")
        recall.result(WAIT)
        assert_tiers_agree(store, behind, None)


def test_a_write_while_the_index_is_read_is_in_the_index(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """The pages of a namespace were read before the write, and are indexed after it."""
    with behind.gate(SearchOp, after=True) as reading:
        recall = pool.submit(store.recall, NS, "old dog")
        reading.wait_for_arrival()
        store.put(NS, "k", {"content": "new dog"})
        store.put(NS, "other", {"content": "another animal"})
    recall.result(WAIT)
    assert ["other"] == [item.key for item in store.recall(NS, "animal").items]
    store.delete(NS, "other")
    assert_tiers_agree(store, behind, "new dog")


def test_a_promotion_that_a_write_overtakes_is_dropped(behind: GatedStore, pool: ThreadPoolExecutor) -> None:
    """What a miss found is not made warm when it was written in the meantime."""
    store = WarmStore(behind, capacity=1, eviction="fifo", promote=True)
    store.put(NS, "z", {"content": "cat"})
    store.recall(NS, "cat")
    with behind.gate(GetOp, after=True) as reading:
        recall = pool.submit(store.recall_long_term, NS, "old dog")
        reading.wait_for_arrival()
        store.put(NS, "k", {"content": "new dog"})
    recall.result(WAIT)
    store.delete(NS, "z")
    assert_tiers_agree(store, behind, "new dog")


def test_a_read_by_key_beside_a_write_returns_old_or_new_and_keeps_neither(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """While a write is on its way its item is read from the long-term store."""
    store.put(NS, "k", {"content": "old dog"})
    with behind.gate(PutOp) as writing:
        write = put(pool, store, "new dog")
        writing.wait_for_arrival()
        assert "old dog" == value(store)
        writing.open()
        write.result(WAIT)
    assert_tiers_agree(store, behind, "new dog")


# -- write against write ---------------------------------------------------------------------------


def test_of_two_writes_the_last_one_in_the_long_term_store_counts(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """The first write is held up, the second is through: the first one's value is what remains."""
    with behind.gate(PutOp) as first:
        slow = put(pool, store, "newer dog")
        first.wait_for_arrival()
        store.put(NS, "k", {"content": "new dog"})
        first.open()
        slow.result(WAIT)
    assert_tiers_agree(store, behind, "newer dog")


def test_two_writes_that_land_in_the_wrong_order_leave_nothing_stale(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """The second write read back its own value, then the first was written, then the second landed."""
    with behind.gate(PutOp) as first, behind.gate(GetOp, after=True) as second_read_back:
        slow = put(pool, store, "newer dog")
        first.wait_for_arrival()
        quick = put(pool, store, "new dog")
        second_read_back.wait_for_arrival()
        first.open()
        slow.result(WAIT)
        second_read_back.open()
        quick.result(WAIT)
    assert_tiers_agree(store, behind, "newer dog")


def test_a_deletion_beside_a_write(store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor) -> None:
    """Whichever reaches the long-term store last is what is read, recalled and found."""
    with behind.gate(PutOp) as writing:
        write = put(pool, store, "new dog")
        writing.wait_for_arrival()
        store.delete(NS, "k")
        writing.open()
        write.result(WAIT)
    assert_tiers_agree(store, behind, "new dog")
    with behind.gate(PutOp) as deleting:
        deletion = pool.submit(store.delete, NS, "k")
        deleting.wait_for_arrival()
        store.put(NS, "k", {"content": "newer dog"})
        deleting.open()
        deletion.result(WAIT)
    assert_tiers_agree(store, behind, None)


# -- eviction, failure, cancellation ---------------------------------------------------------------


def test_an_item_evicted_while_it_is_written_is_what_was_written(behind: GatedStore, pool: ThreadPoolExecutor) -> None:
    """Neither evicting its neighbours nor dropping its namespace confuses a write."""
    store = WarmStore(behind, capacity=1, max_namespaces=1)
    store.put(NS, "k", {"content": "old dog"})
    with behind.gate(PutOp) as writing:
        write = put(pool, store, "new dog")
        writing.wait_for_arrival()
        store.put(NS, "neighbour", {"content": "cat"})
        store.put(("memories", "bob"), "k", {"content": "cat"})
        store._check()
        writing.open()
        write.result(WAIT)
    store.delete(NS, "neighbour")
    assert_tiers_agree(store, behind, "new dog")


def test_a_failed_write_leaves_the_item_cold_and_true(store: WarmStore, behind: GatedStore) -> None:
    """The error is raised, and what is read afterwards is what the long-term store holds."""
    store.put(NS, "k", {"content": "new dog"})
    behind.broken = True
    with pytest.raises(ConnectionError, match="away"):
        store.put(NS, "k", {"content": "newer dog"})
    behind.broken = False
    assert [] == store._tier.warm_keys(NS)
    assert_tiers_agree(store, behind, "new dog")


def test_a_write_that_was_done_although_it_failed_is_seen(
    store: WarmStore, behind: GatedStore, pool: ThreadPoolExecutor
) -> None:
    """The connection broke after the long-term store had written: nobody knows, so it is asked."""
    store.put(NS, "k", {"content": "new dog"})
    with behind.gate(PutOp, after=True) as written:
        write = put(pool, store, "newer dog")
        written.wait_for_arrival()
        behind.broken = True
    write.result(WAIT)  # written, though it could not be read back
    behind.broken = False
    assert [] == store._tier.warm_keys(NS)
    assert_tiers_agree(store, behind, "newer dog")


async def test_a_cancelled_write_leaves_nothing_warm_before_it_is_over(store: WarmStore, behind: GatedStore) -> None:
    """The caller gives up while the long-term store writes; what is read afterwards is what was written."""
    await store.aput(NS, "k", {"content": "new dog"})
    with behind.gate(PutOp) as writing:
        task = asyncio.create_task(store.aput(NS, "k", {"content": "newer dog"}))
        await asyncio.to_thread(writing.wait_for_arrival)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [] == store._tier.warm_keys(NS)
        item = await store.aget(NS, "k")
        assert item is not None
        assert "new dog" == item.value["content"]
        backend: Any = store._backend
        (unfinished,) = backend._writing
        writing.open()
        await unfinished
    await asyncio.to_thread(assert_tiers_agree, store, behind, "newer dog")


async def test_a_cancelled_first_touch_leaves_no_operation_under_way(store: WarmStore, behind: GatedStore) -> None:
    """A recall that was given up while it read its rows can be asked again."""
    with behind.gate(GetOp) as reading:
        task = asyncio.create_task(store.arecall(NS, "old dog"))
        await asyncio.to_thread(reading.wait_for_arrival)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert 0 == len(store._tier._flights)
    await asyncio.to_thread(assert_tiers_agree, store, behind, "old dog")


# -- no lock is held while the long-term store works -----------------------------------------------


@pytest.mark.parametrize("held", [PutOp, GetOp, SearchOp])
def test_nobody_waits_for_somebody_elses_disk(behind: GatedStore, pool: ThreadPoolExecutor, held: type[Any]) -> None:
    """While a call hangs in the long-term store, reads and writes of everything else go on."""
    store = WarmStore(behind)
    store.put(("memories", "bob"), "k", {"content": "cat"})
    store.recall(("memories", "bob"), "cat")
    with behind.gate(held) as gate:
        hanging = put(pool, store, "new dog") if held is PutOp else pool.submit(store.recall, NS, "old dog")
        gate.wait_for_arrival()

        def everything_else() -> None:
            assert store.get(("memories", "bob"), "k") is not None
            assert "warm" == store.recall(("memories", "bob"), "cat").tier
            store.put(("memories", "bob"), "new", {"content": "bird"})
            store.put(NS, "neighbour", {"content": "bird"})
            assert store.stats().items >= 2

        pool.submit(everything_else).result(WAIT)
    hanging.result(WAIT)
    store._check()
