"""`WarmStore`: what is warm, for how long, and what others write."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.warm_facts import ANA, FACTS, fill, warm_keys
from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import LexicalScorer
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ManualClock
from warmgraph.warm import ImportanceOf

# -- writing through, evicting ---------------------------------------------------------------------


def test_what_is_written_is_in_the_long_term_store_at_once(tmp_path: Path) -> None:
    """A put that returned is durable; eviction only cools."""
    with RoutedStore(tmp_path / "memory.db") as routed:
        store = WarmStore(routed, capacity=2)
        fill(store)
        assert 2 == len(warm_keys(store))
        assert set(FACTS) == {item.key for item in routed.search(ANA)}
        assert [{"content": text} for text in FACTS.values()] == [
            (store.get(ANA, key) or pytest.fail("missing")).value for key in FACTS
        ]
        store.delete(ANA, "dog")
        assert routed.get(ANA, "dog") is None


def test_without_a_long_term_store_what_is_evicted_is_gone() -> None:
    """A short-term buffer forgets, from every view at once."""
    store = WarmStore(capacity=2, eviction="fifo")
    fill(store)
    assert store.get(ANA, "home") is None
    assert ["sport", "trip"] == [item.key for item in store.search(ANA)]
    assert {"sport", "trip"} == {item.key for item in store.search(ANA, query="Lisbon")}
    assert [] == store.recall(ANA, "Lisbon").items
    assert 4 == store.stats().evictions
    store._check()


@pytest.mark.parametrize("eviction", ["fifo", "lru", "lfu", "sieve", "importance"])
def test_every_policy_keeps_the_bound(eviction: str) -> None:
    """Capacity holds under writes and reads of all kinds."""
    store = WarmStore(capacity=8, eviction=eviction)
    for n in range(60):
        store.put(ANA, str(n % 23), {"content": f"fact {n}"})
        store.get(ANA, str((n * 7) % 23))
        store.recall(ANA, f"fact {n - 3}", limit=2)
        store._check()
    assert 8 == store.stats().items == len(store.search(ANA, limit=100))


def test_reads_of_every_kind_count_as_use() -> None:
    """Under lru, what was read by get, search or recall stays."""
    store = WarmStore(capacity=4, eviction="lru")
    fill(store, {"a": "one", "b": "two", "c": "three", "d": "four"})
    store.get(ANA, "a")
    store.search(ANA, filter={"content": "two"})
    store.recall(ANA, "three")
    store.put(ANA, "e", {"content": "five"})
    assert {"a", "b", "c", "e"} == warm_keys(store)


def test_a_policy_of_ones_own_may_be_given() -> None:
    """A factory that takes the capacity makes a policy for each namespace."""
    made: list[int] = []

    class Newest:
        """Throws out what came last."""

        def __init__(self, capacity: int) -> None:
            made.append(capacity)
            self.keys: list[str] = []

        def add(self, key: str) -> None:
            """Note it."""
            self.keys.append(key)

        def touch(self, key: str) -> None:
            """Ignore it."""

        def discard(self, key: str) -> None:
            """Forget it."""
            self.keys = [each for each in self.keys if each != key]

        def victim(self, importance: ImportanceOf) -> str:
            """Name the newest."""
            return self.keys[-1]

    store = WarmStore(capacity=2, eviction=Newest)
    fill(store)
    assert {"home", "sport"} == warm_keys(store)  # the new one comes in, and the newest of the others goes
    assert made.count(2) == 1


def test_important_items_stay_longer(tmp_path: Path) -> None:
    """An importance in the record outweighs age, in the tier and at the first touch after a start."""
    with WarmStore.open(tmp_path / "memory.db", capacity=3) as store:
        store.put(ANA, "key", {"content": "allergic to peanuts", "importance": 1.0})
        for n in range(5):
            store.put(ANA, str(n), {"content": f"small talk {n}", "importance": 0.0})
        assert "key" in warm_keys(store)
    with WarmStore.open(tmp_path / "memory.db", capacity=3) as store:
        store.recall(ANA, "anything")
        assert {"key", "4", "3"} == warm_keys(store)


def test_namespaces_in_ram_are_bounded(tmp_path: Path) -> None:
    """The least recently used namespace leaves RAM, not the file."""
    with WarmStore.open(tmp_path / "memory.db", max_namespaces=2) as store:
        for user in ("a", "b", "c"):
            store.put(("m", user), "k", {"content": user})
        assert 2 == store.stats().namespaces
        assert [{"content": user} for user in "abc"] == [
            (store.get(("m", user), "k") or pytest.fail("missing")).value for user in "abc"
        ]
        assert [("m", "a"), ("m", "b"), ("m", "c")] == store.list_namespaces()
        store._check()


def test_bytes_in_ram_are_bounded(tmp_path: Path) -> None:
    """Items beyond the bound are cold; one that is larger than everything is never warm."""
    with WarmStore.open(tmp_path / "memory.db", max_bytes=5_000) as store:
        for n in range(20):
            store.put(ANA, str(n), {"content": "x" * 500})
        assert store.stats().bytes <= 5_000
        kept = warm_keys(store)
        store.put(ANA, "huge", {"content": "x" * 10_000})
        assert kept == warm_keys(store)
        assert 10_000 == len((store.get(ANA, "huge") or pytest.fail("missing")).value["content"])
        store._check()


def test_figures_add_up(tmp_path: Path) -> None:
    """`stats` counts reads, hits, recalls, fallbacks and evictions."""
    with WarmStore.open(tmp_path / "memory.db", capacity=2, eviction="fifo") as store:
        fill(store)
        store.get(ANA, "sport")
        store.get(ANA, "home")
        store.recall(ANA, "chess")
        store.recall(ANA, "chess")
        figures = store.stats()
        assert (2, 1, 2, 1) == (figures.items, figures.namespaces, figures.gets, figures.get_hits)
        assert (2, 2) == (figures.recalls, figures.fallbacks + 1)
        assert figures.evictions >= 4
        assert figures.bytes > 0


# -- times to live ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_recall_lets_what_it_returns_live_on(kind: str, tmp_path: Path) -> None:
    """A recalled item starts its time anew, in both tiers; the others do not."""
    clock = ManualClock()
    ttl: Any = {"default_ttl": 10}
    store = (
        WarmStore(ttl=ttl, clock=clock) if kind == "memory" else WarmStore.open(tmp_path / "m.db", ttl=ttl, clock=clock)
    )
    with store:
        fill(store, {"dog": "a dog", "cat": "a cat"})
        for _ in range(4):
            clock.advance(minutes=6)
            assert ["dog"] == [item.key for item in store.recall(ANA, "dog").items]
        assert ["dog"] == [item.key for item in store.search(ANA)]
        clock.advance(minutes=11)
        assert [] == store.recall(ANA, "dog").items
        assert [] == store.search(ANA)
        store._check()


def test_recalls_do_not_refresh_where_the_store_says_so() -> None:
    """`refresh_on_read=False` holds for recalls."""
    clock = ManualClock()
    store = WarmStore(ttl={"default_ttl": 10, "refresh_on_read": False}, clock=clock)
    fill(store, {"dog": "a dog"})
    clock.advance(minutes=6)
    assert ["dog"] == [item.key for item in store.recall(ANA, "dog").items]
    clock.advance(minutes=6)
    assert [] == store.recall(ANA, "dog").items


def test_an_expired_item_is_neither_warm_nor_cold() -> None:
    """Signals do not count what has expired."""
    clock = ManualClock()
    store = WarmStore(clock=clock)
    store.put(ANA, "short", {"content": "dog"}, ttl=1)
    store.put(ANA, "long", {"content": "dog"})
    clock.advance(minutes=2)
    found = store.recall(ANA, "dog")
    assert found.signals is not None
    assert (["long"], 1, 1) == ([item.key for item in found.items], found.signals.warm_items, found.signals.items)
    assert 1 == store.stats().items


def test_a_sweep_frees_memory() -> None:
    """What has expired takes no place in RAM after `sweep_ttl`."""
    clock = ManualClock()
    store = WarmStore(ttl={"default_ttl": 1}, clock=clock)
    fill(store)
    clock.advance(minutes=2)
    assert len(FACTS) == store.sweep_ttl()
    assert (0, 0, 0) == (store.stats().items, store.stats().bytes, store.stats().namespaces)
    store._check()


# -- one file, several views -----------------------------------------------------------------------


def test_writes_past_the_warm_tier_are_seen(tmp_path: Path) -> None:
    """Whoever writes to the long-term store directly, in this process, leaves nothing stale in the tier."""
    with RoutedStore(tmp_path / "memory.db") as routed:
        one, other = WarmStore(routed), WarmStore(routed)
        one.put(ANA, "k", {"n": 1})
        routed.put(ANA, "k", {"n": 2})
        assert {"n": 2} == (one.get(ANA, "k") or pytest.fail("missing")).value
        one.put(ANA, "k", {"n": 3})
        other.put(ANA, "k", {"n": 4})
        assert {"n": 4} == (one.get(ANA, "k") or pytest.fail("missing")).value
        other.delete(ANA, "k")
        assert one.get(ANA, "k") is None
        one._check()
        other._check()


def test_two_warm_tiers_on_one_store_have_their_own_bits(tmp_path: Path) -> None:
    """Each tier's signals speak of its own warm items."""
    with RoutedStore(tmp_path / "memory.db") as routed:
        small, large = WarmStore(routed, capacity=1), WarmStore(routed, capacity=100)
        fill(routed)
        for _ in range(2):
            counts = [
                (store.recall_warm(ANA, "dog").signals or pytest.fail("missing")).warm_items for store in (small, large)
            ]
            assert [1, 6] == counts


def test_writes_of_another_process_are_seen(tmp_path: Path) -> None:
    """A second store on the file, as in another process, is followed before every read if so wished."""
    with WarmStore.open(tmp_path / "m.db") as store, RoutedStore(tmp_path / "m.db") as other:
        fill(store)
        store.recall(ANA, "warm it up")
        other.put(ANA, "dog", {"content": "My dog is called Rex."})
        other.delete(ANA, "home")
        other.put(ANA, "new", {"content": "I bought a telescope."})
        assert "My dog is called Rex." == (store.get(ANA, "dog") or pytest.fail("missing")).value["content"]
        assert store.get(ANA, "home") is None
        assert ["new"] == [item.key for item in store.recall(ANA, "telescope").items]
        assert [] == store.recall(ANA, "Bruno").items
        assert {"home"} not in [{item.key} for item in store.recall(ANA, "Lisbon").items]
        store._check()


def test_a_scorer_of_ones_own_ranks_recalls() -> None:
    """The scorer that was given is the one that ranks, with what it needs."""

    class Reversed(LexicalScorer):
        """Likes what others do not."""

        def score(self, candidates: Any) -> Any:
            """Turn scores round."""
            return 1 - candidates.lexical

    store = WarmStore(scorer=Reversed())
    fill(store, {"dog": "dog dog", "cat": "cat"})
    assert "cat" == store.recall_long_term(ANA, "dog").items[0].key


def test_a_store_shows_what_it_is(tmp_path: Path) -> None:
    """The representation names file and capacity."""
    with WarmStore.open(tmp_path / "m.db", capacity=7) as store:
        assert f"WarmStore(RoutedStore({str(tmp_path / 'm.db')!r}), capacity=7)" == repr(store)


def test_a_query_that_names_nothing_recalls_what_says_most() -> None:
    """A query such as "What do you know about me?" is answered with statements, the most telling first."""
    store = WarmStore()
    store.put(ANA, "asked", {"content": "Where do I live?"})
    store.put(ANA, "told", {"content": "My sister plays the violin in an orchestra in Porto."})
    assert ["told"] == [item.key for item in store.recall(ANA, "What do you know about me?").items]
    assert ["told"] == [item.key for item in store.recall_long_term(ANA, "Who am I?").items]
    assert [] == store.recall(ANA, "🙂").items


@pytest.mark.parametrize("backend", ["memory", "file", "foreign"])
def test_excluded_keys_are_neither_returned_nor_counted(backend: str, tmp_path: Path) -> None:
    """What the caller has already is left out of the answer, and of what the router compares."""
    made = {
        "memory": lambda: WarmStore(),
        "file": lambda: WarmStore.open(tmp_path / "memory.db"),
        "foreign": lambda: WarmStore(InMemoryStore()),
    }
    with made[backend]() as store:
        store.put(ANA, "1", {"content": "The violin is old."})
        store.put(ANA, "2", {"content": "The old violin was my aunt's."})
        for recall in (store.recall_warm, store.recall_long_term, store.recall):
            assert ["2"] == [item.key for item in recall(ANA, "violin", exclude=["1"]).items]
        signals = store.recall_warm(ANA, "violin", exclude={"1", "2"}).signals
        assert signals is not None
        assert (0, None) == (signals.items, signals.best_warm)
        with pytest.raises(InvalidArgumentError, match="exclude"):
            store.recall(ANA, "violin", exclude="1")


@pytest.mark.parametrize("open_store", [WarmStore.open, RoutedStore])
def test_a_store_that_is_forgotten_closes_its_file(tmp_path: Path, open_store: Callable[[Path], BaseStore]) -> None:
    """Whoever drops a store without closing it is left without its thread, and without a connection to its file."""
    path = tmp_path / "memory.db"
    store = open_store(path)
    store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
    assert store.search(("memories", "ana"), query="Lisbon")
    del store
    gc.collect()
    assert [] == [thread.name for thread in threading.enumerate() if thread.name.endswith(str(path))]
    assert ["memory.db"] == sorted(each.name for each in tmp_path.iterdir())
