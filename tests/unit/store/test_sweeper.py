"""The sweeper: a thread of the store's own, that ends with it and never takes it down."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import InvalidArgumentError
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.sweeper import Sweeper
from warmgraph.testing import ManualClock

NS = ("memories", "ana")
WAIT = 30.0
NOW = 1e-5  # minutes: less than a millisecond
KINDS = ["memory only", "routed", "routed in memory", "warm over a file", "warm over a routed store"]
Store = WarmStore | RoutedStore


class Rounds:
    """A store that is swept by an event and not by the clock."""

    def __init__(self) -> None:
        self.swept = threading.Semaphore(0)
        self.error: Exception | None = None

    def sweep_ttl(self) -> int:
        """Count a round."""
        self.swept.release()
        if self.error is not None:
            raise self.error
        return 1


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Store]:
    """Make stores that read the time from a clock."""

    def made(kind: str, **ttl: Any) -> Store:
        options: dict[str, Any] = {"ttl": {"default_ttl": 1, **ttl}, "clock": ManualClock()}
        if kind == "memory only":
            return WarmStore(**options)
        if kind.startswith("routed"):
            return RoutedStore(":memory:" if "memory" in kind else tmp_path / "m.db", **options)
        if kind == "warm over a file":
            return WarmStore.open(tmp_path / "m.db", **options)
        return WarmStore(RoutedStore(tmp_path / "m.db", **options))

    return made


def routed_of(store: Store) -> RoutedStore | None:
    """Return the file's store, if there is one."""
    return (
        store
        if isinstance(store, RoutedStore)
        else store.long_term
        if isinstance(store.long_term, RoutedStore)
        else None
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_interval_in_the_configuration_starts_it(kind: str, make: Callable[..., Store]) -> None:
    """Expired items are deleted without anybody asking, and closing ends the thread."""
    store = make(kind, sweep_interval_minutes=NOW)
    clock = store.clock
    assert isinstance(clock, ManualClock)
    thread = store.ttl_sweeper._run.thread
    assert thread is not None
    assert thread.daemon
    store.put(NS, "k", {"content": "dog"})
    clock.advance(minutes=2)
    until = store.ttl_sweeper.rounds + 2
    rounds = threading.Event()
    while store.ttl_sweeper.rounds < until:
        rounds.wait(0.001)
    clock.advance(minutes=-2)  # where it is gone it does not come back
    assert store.get(NS, "k") is None
    routed = routed_of(store)
    store.close()
    if routed is not None:
        routed.close()
    thread.join(WAIT)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_started_and_stopped_by_hand(kind: str, make: Callable[..., Store]) -> None:
    """As in LangGraph's stores: a future that is done at the end, and True when it has stopped."""
    store = make(kind)
    assert not store.ttl_sweeper.running
    assert store.stop_ttl_sweeper()
    future = store.start_ttl_sweeper(60)
    again = store.start_ttl_sweeper(60)
    assert (False, False, True) == (future.done(), again.done(), store.ttl_sweeper.running)
    assert store.stop_ttl_sweeper(timeout=WAIT)
    assert (None, None) == (future.result(WAIT), again.result(WAIT))
    third = store.start_ttl_sweeper()
    store.close()
    (routed_of(store) or store).close()
    assert third.result(WAIT) is None


def test_cancelling_the_future_ends_it() -> None:
    """The thread ends, and a new one can be started."""
    store = Rounds()
    sweeper = Sweeper(store)
    future, other = sweeper.start(60), sweeper.start(60)
    thread = sweeper._run.thread
    assert thread is not None
    assert future.cancel()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert other.result(WAIT) is None
    assert not sweeper.running
    assert not sweeper.start(60).done()
    assert sweeper.stop(WAIT)


def test_a_store_without_times_to_live_has_none() -> None:
    """Its future is done at once, and no thread was started; a bad interval is refused everywhere."""
    store = WarmStore()
    before = threading.active_count()
    future: Future[None] = store.start_ttl_sweeper(1)
    assert (True, None, before) == (future.done(), future.result(), threading.active_count())
    for bad in (0, -1, True, "5", float("nan"), float("inf")):
        with pytest.raises(InvalidArgumentError, match="sweep_interval_minutes"):
            store.start_ttl_sweeper(bad)  # type: ignore[arg-type]


def test_a_round_that_fails_is_counted_and_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    """The error is in the log with its trace, and the next round comes."""
    store = Rounds()
    store.error = OSError("the disk is full")
    sweeper = Sweeper(store)
    sweeper.start(NOW)
    for _ in range(3):
        assert store.swept.acquire(timeout=WAIT)
    store.error = None
    for _ in range(3):
        assert store.swept.acquire(timeout=WAIT)
    assert sweeper.stop(WAIT)
    assert 2 <= sweeper.failures < sweeper.rounds
    assert "the disk is full" in caplog.text


def test_a_forgotten_store_is_not_kept_alive(tmp_path: Path) -> None:
    """Without `close` too, the store is collected, its threads end and its file is closed."""
    store = RoutedStore(tmp_path / "m.db", ttl={"sweep_interval_minutes": 60})
    store.put(NS, "k", {"content": "dog"})
    thread, writer, gone = store.ttl_sweeper._run.thread, store._database._writer, weakref.ref(store)
    assert thread is not None
    assert writer is not None
    del store
    gc.collect()
    assert gone() is None
    thread.join(WAIT)
    writer._thread.join(WAIT)
    assert (False, False) == (thread.is_alive(), writer._thread.is_alive())
    assert ["m.db"] == [each.name for each in tmp_path.iterdir()]


def test_a_foreign_store_without_times_to_live_is_not_swept() -> None:
    """Only a store that can expire items has a sweeper."""
    assert WarmStore(InMemoryStore()).start_ttl_sweeper(1).done()


def test_figures_count_rounds(tmp_path: Path) -> None:
    """`stats` tells how often it swept, and how often that failed."""
    ttl: Any = {"sweep_interval_minutes": NOW}
    with RoutedStore(tmp_path / "m.db", ttl=ttl) as store:
        waiting = threading.Event()
        while not store.stats().sweeps:
            waiting.wait(0.001)
        assert 0 == store.stats().failed_sweeps
