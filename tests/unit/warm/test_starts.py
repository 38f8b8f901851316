"""Writes in the order in which they began."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from warmgraph.store import WarmStore
from warmgraph.warm import Starts

WAIT = 30.0
NS = ("memories", "ana")


def test_of_two_writes_the_one_that_began_later_counts() -> None:
    """Whichever arrives first, and for each key by itself."""
    starts = Starts()
    first, second = starts.begin(), starts.begin()
    assert starts.lands("a", first)
    assert starts.lands("a", second)
    assert starts.lands("b", second)
    assert not starts.lands("b", first)
    assert starts.lands("c", first)
    starts.end(first)
    starts.end(second)
    assert starts.lands("b", starts.begin())


def test_nothing_is_held_at_rest() -> None:
    """What landed is forgotten when nothing is under way that could be older."""
    starts = Starts()
    slow = starts.begin()
    for n in range(10):
        number = starts.begin()
        starts.lands(n, number)
        starts.end(number)
    starts.end(slow)
    starts.end(slow)
    assert 0 == len(starts)


def test_under_constant_traffic_only_what_may_matter_is_held() -> None:
    """When there is always a write under way, those that are older than all of them are forgotten."""
    starts = Starts()
    number = starts.begin()
    for n in range(5000):
        following = starts.begin()
        starts.lands(n, number)
        starts.end(number)
        number = following
    assert len(starts) < 1100


@pytest.mark.parametrize("deletes", [True, False])
async def test_a_cancelled_write_does_not_undo_a_later_one(deletes: bool) -> None:
    """A put that was given up while it was being embedded is not done after a write that was acknowledged since."""
    arrived, release, done = threading.Event(), threading.Event(), threading.Event()

    def embed(texts: list[str]) -> list[list[float]]:
        if texts == ["slow"]:
            arrived.set()
            assert release.wait(WAIT)
        return [[1.0, 0.0] for _ in texts]

    class Store(WarmStore):
        def _steps(self, plan: Any) -> Any:
            try:
                return (yield from super()._steps(plan))
            finally:
                if release.is_set():
                    done.set()

    index: Any = {"dims": 2, "embed": embed, "fields": ["text"]}
    store = Store(index=index)
    write = asyncio.ensure_future(store.aput(NS, "k", {"text": "slow"}))
    assert await asyncio.to_thread(arrived.wait, WAIT)
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    if deletes:
        await store.adelete(NS, "k")
    else:
        await store.aput(NS, "k", {"text": "quick"})
    release.set()
    assert await asyncio.to_thread(done.wait, WAIT)
    assert ([] if deletes else ["quick"]) == [item.value["text"] for item in store.search(NS)]
    store._check()
