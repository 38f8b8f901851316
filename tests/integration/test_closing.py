"""Closing a store in the middle of work: what was acknowledged is there, and everybody else is told."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warmgraph.errors import StoreClosedError
from warmgraph.store import RoutedStore, WarmStore

NS = ("memories", "ana")
WAIT = 60.0
MAKERS: dict[str, Callable[[Path], Any]] = {"routed": RoutedStore, "warm": WarmStore.open}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_write_is_committed_or_refused(kind: str, tmp_path: Path) -> None:
    """Eight threads write until they are told that the store is closed: exactly what returned is in the file."""
    store = MAKERS[kind](tmp_path / "memory.db")
    acknowledged: list[set[str]] = [set() for _ in range(8)]
    ends: list[BaseException] = []
    begun = threading.Barrier(9)

    def write(n: int) -> None:
        begun.wait(WAIT)
        try:
            for m in range(100_000):
                store.put(NS, f"{n}-{m}", {"content": f"fact {n} {m}"})
                acknowledged[n].add(f"{n}-{m}")
        except BaseException as error:
            ends.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    begun.wait(WAIT)
    while not all(len(keys) > 5 for keys in acknowledged):
        store.get(NS, "0-0")
    store.close()
    for thread in threads:
        thread.join(WAIT)
    assert [StoreClosedError] * 8 == [type(error) for error in ends]
    with RoutedStore(tmp_path / "memory.db") as again:
        assert set().union(*acknowledged) == {item.key for item in again.search(NS, limit=1_000_000)}


@pytest.mark.parametrize("kind", MAKERS)
async def test_awaited_writes_end_when_the_store_is_closed(kind: str, tmp_path: Path) -> None:
    """No await hangs: each write is committed and returns, or raises StoreClosedError and is not there."""
    store = await asyncio.to_thread(MAKERS[kind], tmp_path / "memory.db")
    tasks = [asyncio.ensure_future(store.aput(NS, str(n), {"content": f"fact {n}"})) for n in range(300)]
    await asyncio.sleep(0)
    await store.aclose()
    late = await asyncio.gather(store.aput(NS, "late", {}), store.aget(NS, "1"), return_exceptions=True)
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WAIT)
    assert [StoreClosedError, StoreClosedError] == [type(answer) for answer in late]
    assert {type(None), StoreClosedError} >= {type(answer) for answer in answers}
    written = {str(n) for n, answer in enumerate(answers) if answer is None}
    again = await asyncio.to_thread(RoutedStore, tmp_path / "memory.db")
    assert written == {item.key for item in await again.asearch(NS, limit=1_000)}
    await again.aclose()


def test_a_program_that_forgets_to_close_loses_nothing(tmp_path: Path) -> None:
    """What was acknowledged is in the file when the interpreter ends, and no log is left beside it."""
    program = """
import sys
from warmgraph import WarmStore
store = WarmStore.open(sys.argv[1], ttl={"default_ttl": 60, "sweep_interval_minutes": 60})
for n in range(20):
    store.put(("memories", "ana"), str(n), {"content": f"fact {n}"})
"""
    command = [sys.executable, "-c", program, str(tmp_path / "memory.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    assert ["memory.db"] == [each.name for each in tmp_path.iterdir()]
    with RoutedStore(tmp_path / "memory.db") as store:
        assert 20 == store.stats().items
