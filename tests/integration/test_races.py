"""The interleavings that could leave something stale in the warm tier, each made to happen.

The long-term store is a real one whose calls wait where a test says, so that the order of events is the test's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, GetOp, Op, PutOp, Result, SearchOp
from langgraph.store.memory import InMemoryStore

from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.sqlite.rows import Row

NS = ("memories", "ana")
WAIT = 30.0


class Gate:
    """A place where one call waits until a test lets it go on."""

    def __init__(self, applies: Callable[[Sequence[Op]], bool], *, after: bool) -> None:
        self.applies = applies
        self.after = after
        self._arrived = threading.Event()
        self._opened = threading.Event()

    def wait_for_arrival(self) -> None:
        """Wait until a call stands at the gate."""
        assert self._arrived.wait(WAIT)

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()

    def pass_through(self) -> None:
        """Stand at the gate."""
        self._arrived.set()
        assert self._opened.wait(WAIT)


class GatedStore(BaseStore):
    """LangGraph's in-memory store, with gates before and after what it does."""

    def __init__(self) -> None:
        self.inner = InMemoryStore()
        self.gates: list[Gate] = []
        self.broken = False

    @contextmanager
    def gate(self, kind: type[Any], *, after: bool = False) -> Iterator[Gate]:
        """Hold the next call with an op of a kind, before or after it was done; open the gate at the end."""
        gate = Gate(lambda ops: any(isinstance(op, kind) for op in ops), after=after)
        self.gates.append(gate)
        try:
            yield gate
        finally:
            gate.open()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops, waiting at the gates."""
        ops = list(ops)
        held = next((gate for gate in self.gates if gate.applies(ops)), None)
        if held is not None:
            self.gates.remove(held)
        if held is not None and not held.after:
            held.pass_through()
        if self.broken:
            raise ConnectionError("the store is away")
        results = self.inner.batch(ops)
        if held is not None and held.after:
            held.pass_through()
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops without blocking the event loop."""
        return await asyncio.to_thread(self.batch, list(ops))


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


def value(store: BaseStore) -> str | None:
    """Return what a store holds."""
    item = store.get(NS, "k")
    return None if item is None else item.value["content"]


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


# -- our own file behind the tier ------------------------------------------------------------------


class HeldFile(RoutedStore):
    """A `RoutedStore` whose reads for the warm tier wait, after they have read."""

    gate: Gate | None = None

    def fetch(self, namespace: tuple[str, ...], keys: Sequence[str]) -> dict[str, Row]:
        """Read rows, then wait."""
        rows = super().fetch(namespace, keys)
        gate, self.gate = self.gate, None
        if gate is not None:
            gate.pass_through()
        return rows


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HeldFile]:
    """Open a file that holds one item."""
    with HeldFile(tmp_path / "memory.db") as made:
        made.put(NS, "k", {"content": "old dog"})
        yield made


Writer = Callable[[HeldFile, WarmStore, Path], None]


def by_the_tier(file: HeldFile, store: WarmStore, path: Path) -> None:
    """Write through the warm tier."""
    store.put(NS, "k", {"content": "new dog"})


def past_the_tier(file: HeldFile, store: WarmStore, path: Path) -> None:
    """Write to the long-term store of this process."""
    file.put(NS, "k", {"content": "new dog"})


def by_another_process(file: HeldFile, store: WarmStore, path: Path) -> None:
    """Write through a second store on the file, and let this one hear of it."""
    with RoutedStore(path) as other:
        other.put(NS, "k", {"content": "new dog"})
    file.follow()


def by_another_process_and_then_by_us(file: HeldFile, store: WarmStore, path: Path) -> None:
    """Hear of the other process because of a write of our own to something else."""
    with RoutedStore(path) as other:
        other.put(NS, "k", {"content": "new dog"})
    store.put(NS, "else", {"content": "cat"})


@pytest.mark.parametrize("write", [by_the_tier, past_the_tier, by_another_process, by_another_process_and_then_by_us])
def test_a_row_that_was_overtaken_on_its_way_is_not_kept(
    file: HeldFile, tmp_path: Path, pool: ThreadPoolExecutor, write: Writer
) -> None:
    """Whoever writes while a first touch reads, the old row does not become warm."""
    store = WarmStore(file)
    file.gate = gate = Gate(lambda ops: True, after=True)
    recall = pool.submit(store.recall, NS, "old dog")
    gate.wait_for_arrival()
    write(file, store, tmp_path / "memory.db")
    gate.open()
    recall.result(WAIT)
    assert "new dog" == value(store)
    assert ["k"] == [item.key for item in store.recall(NS, "new").items]
    assert [] == store.recall(NS, "old").items
    store._check()
    file._check()


def test_a_write_that_another_process_overtakes_is_not_kept(file: HeldFile, tmp_path: Path) -> None:
    """Our value was committed, then theirs; ours must not become warm although it lands later."""
    store = WarmStore(file)
    with RoutedStore(tmp_path / "memory.db") as other:
        original = file._indexes._apply

        def overtaken(changes: Any) -> None:
            original(changes)
            if [change.key for change in changes] == ["k"] and not done:
                done.append(1)
                other.put(NS, "k", {"content": "newer dog"})
                file._indexes._follow()

        done: list[int] = []
        file._indexes._apply = overtaken  # type: ignore[method-assign]
        store.put(NS, "k", {"content": "new dog"})
        file._indexes._apply = original  # type: ignore[method-assign]
    assert [1] == done
    assert "newer dog" == value(store)
    store._check()


async def test_a_cancelled_write_to_the_file_is_whole_or_not_at_all(file: HeldFile) -> None:
    """A write that waits in the queue is withdrawn; one that has begun is finished. Either way nothing is stale."""
    store = WarmStore(file)
    await store.aput(NS, "k", {"content": "old dog"})
    gate = Gate(lambda ops: True, after=False)
    file._database.call(gate.pass_through)
    await asyncio.to_thread(gate.wait_for_arrival)
    tasks = [asyncio.create_task(store.aput(NS, "k", {"content": f"dog {n}"})) for n in range(3)]
    await asyncio.to_thread(lambda: None)  # each task has come as far as the queue
    assert 1 == len(store._tier._flights)
    for task in tasks:
        task.cancel()
    assert [True] * 3 == [
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*tasks, return_exceptions=True)
    ]
    gate.open()
    await store.aput(NS, "other", {"content": "cat"})
    assert 0 == len(store._tier._flights)
    item = await store.aget(NS, "k")
    assert item is not None
    assert "old dog" == item.value["content"]
    await asyncio.to_thread(store._check)
    await asyncio.to_thread(file._check)
