"""What a `WarmStore` does for a router that learns: hits are compared after the answer, and what it learned is kept."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.warm_facts import ANA, warm_keys
from warmgraph.ranking import CalibratedRouter, RouteDecision, Signals
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings

WORDS = ("bees", "violin", "sailing", "cheese", "chess", "pottery", "tennis", "opera", "jazz", "ferns")


def fill(store: BaseStore) -> None:
    """Write ten memories, of which the store has room for half, and touch them for the first time: that is a miss."""
    for number, word in enumerate(WORDS):
        store.put(ANA, word, {"content": f"note {number}: {word}"})
    if isinstance(store, WarmStore):
        store.recall_warm(ANA, "nothing")


def ask(store: WarmStore, words: Sequence[str], router: Any = None) -> list[str]:
    """Ask for each word; return the tiers that answered."""
    tiers: list[str] = []
    for word in words:
        tiers.append(store.recall(ANA, word, limit=3, router=router).tier)
        assert store.finish_checks(10)
    return tiers


def test_hits_are_compared_and_misses_teach() -> None:
    """A warm word is a hit that is compared in the background, a cold one a miss that is compared at once."""
    router = CalibratedRouter()
    with WarmStore(RoutedStore(":memory:"), capacity=5, eviction="fifo", router=router) as store:
        fill(store)
        cold = next(word for word in WORDS if word not in warm_keys(store))
        assert ["warm", "long_term"] == ask(store, ["ferns", cold])
        stats = store.stats()
        assert stats.router is not None
        assert (2, 1, 2) == stats.router[:3]
        assert (1, 0) == (stats.checks, stats.failed_checks)
        decision = store.recall(ANA, "ferns").decision
        assert decision is not None
        assert decision.signals.loss is not None
        assert 2 == decision.signals.loss.checks  # as many as before this decision


def test_a_comparison_counts_as_no_use_and_as_no_recall() -> None:
    """It moves nothing in the warm tier, and is not among the fallbacks."""
    router = CalibratedRouter(check_share=1.0)
    with WarmStore(RoutedStore(":memory:"), capacity=5, eviction="fifo", router=router) as store:
        fill(store)
        ask(store, ["ferns", "jazz"])
        assert 2 == store.stats().checks
        assert (3, 0) == (store.stats().recalls, store.stats().fallbacks)


def test_without_a_router_that_learns_nothing_is_compared() -> None:
    """The figures say that there is none."""
    with WarmStore(RoutedStore(":memory:"), capacity=5) as store:
        fill(store)
        ask(store, WORDS)
        assert (None, 0) == (store.stats().router, store.stats().checks)


@pytest.mark.parametrize("kind", ["file", "in_memory"])
def test_what_was_learned_survives_a_restart(kind: str, tmp_path: Path) -> None:
    """Closing keeps it, and another router of the same kind goes on from there: before its first decision."""
    foreign = InMemoryStore()

    def open_store(router: CalibratedRouter) -> WarmStore:
        if kind == "file":
            return WarmStore.open(tmp_path / "memory.db", capacity=5, eviction="fifo", router=router)
        return WarmStore(foreign, capacity=5, eviction="fifo", router=router)

    first, second, other = CalibratedRouter(), CalibratedRouter(), CalibratedRouter(max_loss=0.5)
    with open_store(first) as store:
        fill(store)
        ask(store, [*WORDS, *WORDS])
        known = first.stats()
    with open_store(second) as store:
        asked = store.recall(ANA, "ferns").decision
        assert known == second.stats()
        assert asked is not None
        assert asked.signals.loss is not None
        assert known.checks == asked.signals.loss.checks
        assert (first.tau(ANA), first.tau(("new",))) == (second.tau(ANA), second.tau(("new",)))
        assert sorted(WORDS) == sorted(item.key for item in store.search(ANA, limit=100))
        assert all("state" not in item.key for item in store.recall_long_term(ANA, "router state calibrated").items)
    with open_store(other) as store:
        store.recall(ANA, "ferns")
        assert known.checks == other.stats().checks  # another bound, but the same margins


def test_what_was_learned_is_kept_from_time_to_time() -> None:
    """After so many comparisons, without anybody closing the store."""
    long_term = RoutedStore(":memory:")
    router = CalibratedRouter()
    with WarmStore(long_term, capacity=5, eviction="fifo", router=router) as store:
        fill(store)
        ask(store, WORDS * 8)
        kept = long_term.read_state((), router.state_name)
        assert kept is not None
        assert 60 <= sum(kept["checks"].values()) < 80  # the first of the 64 may have been kept with a later one


def test_two_stores_on_a_file_add_up_what_they_learn(tmp_path: Path) -> None:
    """Neither overwrites what the other learned."""
    file = tmp_path / "memory.db"
    routers = [CalibratedRouter(), CalibratedRouter()]
    with WarmStore.open(file) as store:
        fill(store)
    stores = [WarmStore.open(file, capacity=5, router=router) for router in routers]
    for store in stores:
        ask(store, [WORDS[0], *WORDS])
    for store in stores:
        store.close()
    third = CalibratedRouter()
    with WarmStore.open(file, capacity=5, router=third) as store:
        store.recall(ANA, "ferns")
    assert sum(router.stats().recalls for router in routers) - routers[0].stats().recalls <= third.stats().recalls
    assert routers[1].stats().recalls == third.stats().recalls


class Slow(FakeEmbeddings):
    """Embeds queries only when it is let."""

    def __init__(self) -> None:
        super().__init__(8)
        self.let = threading.Event()
        self.let.set()
        self.threads: set[str] = set()

    def embed_query(self, text: str) -> list[float]:
        """Wait, then embed."""
        assert self.let.wait(10)
        self.threads.add(threading.current_thread().name)
        return super().embed_query(text)


def test_an_answer_does_not_wait_for_its_comparison() -> None:
    """Words alone answer; the query is embedded for the comparison, on a thread of its own."""
    embeddings = Slow()
    router = CalibratedRouter()
    index: Any = {"dims": 8, "embed": embeddings}
    with WarmStore(
        RoutedStore(":memory:", index=index), capacity=5, eviction="fifo", router=router, clear_lead=0
    ) as store:
        fill(store)
        embeddings.threads.clear()
        embeddings.let.clear()
        assert "warm" == store.recall(ANA, "ferns").tier
        assert not store.finish_checks(0)
        embeddings.let.set()
        assert store.finish_checks(10)
        assert {"warmgraph-router"} == embeddings.threads


def test_an_event_loop_is_not_blocked() -> None:
    """The state is read in a thread, and hits are compared elsewhere."""

    async def main() -> tuple[int, int]:
        router = CalibratedRouter()
        store = await asyncio.to_thread(WarmStore.open, ":memory:", capacity=5, eviction="fifo", router=router)
        for number, word in enumerate(WORDS):
            await store.aput(ANA, word, {"content": f"note {number}: {word}"})
        for word in WORDS:
            await store.arecall(ANA, word)
        await asyncio.to_thread(store.finish_checks)
        await asyncio.to_thread(store.close)
        return router.stats().recalls, store.stats().checks

    recalls, checks = asyncio.run(main())
    assert recalls >= 9
    assert checks >= 1


class Failing(FakeEmbeddings):
    """Fails from a time on."""

    def __init__(self) -> None:
        super().__init__(8)
        self.fails = False

    def embed_query(self, text: str) -> list[float]:
        """Embed, or fail."""
        if self.fails:
            raise RuntimeError("no model")
        return super().embed_query(text)


def test_a_comparison_that_fails_costs_nothing_but_itself(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted and logged; the next answers come all the same."""
    embeddings = Failing()
    index: Any = {"dims": 8, "embed": embeddings}
    with WarmStore(
        RoutedStore(":memory:", index=index), capacity=5, eviction="fifo", router=CalibratedRouter(), clear_lead=0
    ) as store:
        fill(store)
        embeddings.fails = True
        with caplog.at_level(logging.WARNING):
            assert ["warm"] == ask(store, sorted(warm_keys(store))[:1])
        assert 1 == store.stats().failed_checks
        assert "could not be compared" in caplog.text


class Broken:
    """A router that learns, and fails whenever it is told something."""

    state_name = "broken"

    def decide(self, signals: Signals) -> RouteDecision:
        """Hit."""
        return RouteDecision(True, 1.0, "always", signals)

    def knows(self, namespace: tuple[str, ...]) -> bool:
        """Know everything."""
        return True

    def _fail(self, *args: object) -> Any:
        raise RuntimeError("it learns nothing")

    restore = note = observe = take_news = give_back = merged = stats = _fail


def test_a_router_that_fails_to_learn_still_answers(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody's own router may fail; the answer does not depend on it."""
    with WarmStore(RoutedStore(":memory:"), capacity=5, eviction="fifo") as store:
        fill(store)
        assert "warm" == store.recall(ANA, "ferns", router=Broken()).tier
        assert "failed to learn" in caplog.text
        store._warm.watch._routers = []  # closing would ask it for news


def test_closing_twice_is_harmless_and_ends_the_thread() -> None:
    """Nothing is compared afterwards, and no thread is left."""
    store = WarmStore.open(":memory:", capacity=5, eviction="fifo", router=CalibratedRouter())
    fill(store)
    store.recall(ANA, "ferns")
    store.close()
    store.close()
    assert "warmgraph-router" not in {thread.name for thread in threading.enumerate()}
