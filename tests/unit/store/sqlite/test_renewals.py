"""Renewals of times to live: by this process or another one, and what happens when one fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ManualClock

NS = ("memories", "ana")
TTL: Any = {"default_ttl": 10, "refresh_on_read": True}


@pytest.fixture
def clock() -> ManualClock:
    """Make a clock that all stores of a test read."""
    return ManualClock()


@pytest.fixture
def open_store(tmp_path: Path, clock: ManualClock) -> Callable[[], WarmStore]:
    """Open the same file again and again, as processes do."""
    return lambda: WarmStore.open(tmp_path / "memory.db", ttl=TTL, clock=clock)


def test_a_renewal_elsewhere_keeps_items_warm(open_store: Callable[[], WarmStore], clock: ManualClock) -> None:
    """An item that another process read lives longer here too, without leaving the warm tier or the index."""
    with open_store() as here, open_store() as there:
        here.put(NS, "k", {"content": "a dog"})
        assert ["k"] == [item.key for item in here.recall(NS, "dog").items]
        clock.advance(minutes=6)
        assert there.get(NS, "k") is not None
        there.put(("memories", "bob"), "x", {})  # behind the renewal in the queue
        clock.advance(minutes=6)  # beyond the first expiry
        hits = here.stats().get_hits
        assert here.get(NS, "k", refresh_ttl=False) is not None
        assert hits + 1 == here.stats().get_hits
        assert ["k"] == [item.key for item in here.recall_warm(NS, "dog").items]
        here._check()
        clock.advance(minutes=60)
        assert here.get(NS, "k") is None


def test_a_write_elsewhere_still_drops_what_is_warm(open_store: Callable[[], WarmStore], clock: ManualClock) -> None:
    """A value that was changed and then read there is not taken for a mere renewal."""
    with open_store() as here, open_store() as there:
        here.put(NS, "k", {"content": "a dog"})
        assert here.recall(NS, "dog").items
        there.put(NS, "k", {"content": "a cat"})
        clock.advance(minutes=6)
        assert there.get(NS, "k") is not None
        there.put(("memories", "bob"), "x", {})
        item = here.get(NS, "k")
        assert item is not None
        assert {"content": "a cat"} == item.value
        here._check()


def test_a_renewal_that_fails_is_told(tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """The read is answered, the failure is logged and counted, and the item expires when it would have."""
    with RoutedStore(tmp_path / "memory.db", ttl=TTL, clock=clock) as store:
        store.put(NS, "k", {"content": "a dog"})
        clock.advance(minutes=6)
        database = store._database
        database.maintain(lambda c: c.execute("PRAGMA query_only = ON")).result()
        with caplog.at_level(logging.WARNING):
            assert store.get(NS, "k") is not None
            database.maintain(lambda c: c.execute("PRAGMA query_only = OFF")).result()
        assert 1 == store.stats().failed_renewals
        assert "times to live of 1 items could not be renewed" in caplog.text
        clock.advance(minutes=6)
        assert store.get(NS, "k") is None
        store.put(NS, "k", {"content": "again"})
        clock.advance(minutes=6)
        assert store.get(NS, "k") is not None
        clock.advance(minutes=6)
        assert store.get(NS, "k") is not None
        assert 1 == store.stats().failed_renewals
