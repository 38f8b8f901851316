"""The interleavings that could leave something stale in the warm tier before our own file, each made to happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.gated_store import NS, WAIT, Gate, value
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.sqlite.rows import Row


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Make threads."""
    with ThreadPoolExecutor(8) as made:
        yield made


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
