"""`WarmStore`: what recalls find, in which tier, and who decides."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.warm_facts import ANA, FACTS, fill, warm_keys
from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import PeekRouter, RouteDecision, Signals
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings


class Router:
    """A router that has made up its mind."""

    def __init__(self, hit: bool) -> None:
        self.hit = hit

    def decide(self, signals: Signals) -> RouteDecision:
        """Decide as told."""
        return RouteDecision(self.hit, 1.0, "told so", signals)


# -- recalls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index", [None, {"dims": 64, "embed": HashingEmbeddings(64)}, {"dims": 8, "embed": FakeEmbeddings(8)}]
)
def test_a_recall_finds_what_the_words_say(index: Any) -> None:
    """The best memory comes first, with a score, in the warm tier and in the long-term tier."""
    store = WarmStore(index=index)
    fill(store)
    for recall in (store.recall_warm, store.recall_long_term, store.recall):
        found = recall(ANA, "What is the dog called?", limit=3).items
        assert "dog" == found[0].key
        assert {"content": FACTS["dog"]} == found[0].value
        assert (found[0].score or 0) > 0
        assert len(found) <= 3


def test_a_recall_returns_nothing_that_nothing_speaks_for() -> None:
    """Unlike a search, a recall leaves out what shares no word with the query."""
    store = WarmStore()
    fill(store)
    assert ["dog"] == [item.key for item in store.recall(ANA, "dog").items]
    assert [] == store.recall(ANA, "quantum chromodynamics").items
    assert [] == store.recall(ANA, "").items
    assert [] == store.recall(("memories", "nobody"), "dog").items
    assert [] == store.recall(ANA, "dog", limit=0).items


def test_a_recall_is_of_one_namespace() -> None:
    """What lies below is another namespace."""
    store = WarmStore()
    fill(store)
    store.put((*ANA, "drafts"), "k", {"content": "dog dog dog"})
    assert ["dog"] == [item.key for item in store.recall(ANA, "dog").items]
    assert ["k"] == [item.key for item in store.recall((*ANA, "drafts"), "dog").items]
    with pytest.raises(InvalidArgumentError, match="namespace"):
        store.recall((), "dog")


def test_a_filter_holds_in_both_tiers() -> None:
    """Recalls take the filters of searches."""
    store = WarmStore()
    for key, kind in (("a", "x"), ("b", "y")):
        store.put(ANA, key, {"content": "a dog", "kind": kind})
    for recall in (store.recall_warm, store.recall_long_term, store.recall):
        assert ["b"] == [item.key for item in recall(ANA, "dog", filter={"kind": "y"}).items]


def test_recalled_values_are_nobodys_but_the_callers() -> None:
    """Changing what a recall returned changes nothing in the store."""
    store = WarmStore()
    fill(store)
    for recall in (store.recall_warm, store.recall_long_term):
        recall(ANA, "dog").items[0].value["content"] = "changed"
    assert {"content": FACTS["dog"]} == store.recall(ANA, "dog").items[0].value


async def test_the_async_twins_do_the_same(tmp_path: Path) -> None:
    """Every recall has a twin for event loops."""
    async with await asyncio.to_thread(WarmStore.open, tmp_path / "memory.db") as store:
        await store.aput(ANA, "dog", {"content": FACTS["dog"]})
        first = await store.arecall(ANA, "dog")
        assert ("long_term", "first touch of this namespace") == (
            first.tier,
            (first.decision or pytest.fail("missing")).reason,
        )
        for twin in (store.arecall, store.arecall_warm, store.arecall_long_term):
            assert ["dog"] == [item.key for item in (await twin(ANA, "dog")).items]


# -- tiers, signals, routers -----------------------------------------------------------------------


def test_the_first_touch_after_a_start_is_a_miss_and_loads_the_namespace(tmp_path: Path) -> None:
    """A store that was opened anew knows nothing; one recall later the best items are warm."""
    with WarmStore.open(tmp_path / "memory.db") as store:
        fill(store)
    with WarmStore.open(tmp_path / "memory.db", capacity=4) as store:
        assert set() == warm_keys(store)
        first = store.recall(ANA, "dog")
        assert first.signals is not None
        assert ("long_term", False, False) == (
            first.tier,
            first.signals.resident,
            first.decision and first.decision.hit,
        )
        assert ["dog"] == [item.key for item in first.items]
        assert 4 == len(warm_keys(store))
        assert {"trip", "sport"} <= warm_keys(store)
        second = store.recall(ANA, "chess in the park")
        assert second.signals is not None
        assert ("warm", True, 4, 6) == (
            second.tier,
            second.signals.resident,
            second.signals.warm_items,
            second.signals.items,
        )
        store._check()


@pytest.mark.parametrize("eviction", ["fifo", "lru", "lfu", "sieve"])
def test_a_first_touch_loads_what_the_policy_would_have_kept(eviction: str, tmp_path: Path) -> None:
    """By recency alone importance loads nothing, and what was just read is no newer than what was written since."""
    with WarmStore.open(tmp_path / "memory.db") as store:
        for key in "abcd":
            store.put(ANA, key, {"content": key, "importance": 1.0 if key == "a" else 0.0})
    with WarmStore.open(tmp_path / "memory.db", capacity=4, eviction=eviction) as store:
        store.put(ANA, "e", {"content": "e"})
        store.recall(ANA, "anything")
        assert {"b", "c", "d", "e"} == warm_keys(store)
        for key, oldest in zip("fgh", "bcd", strict=True):
            store.put(ANA, key, {"content": key})
            assert oldest not in warm_keys(store)
            assert "e" in warm_keys(store)
        store._check()


def test_a_first_touch_evicts_what_is_worth_less_than_what_it_loads(tmp_path: Path) -> None:
    """What was written since the start stays warm only as long as nothing in the file is worth more."""
    with WarmStore.open(tmp_path / "memory.db") as store:
        store.put(ANA, "vital", {"content": "allergic to peanuts", "importance": 1.0})
    with WarmStore.open(tmp_path / "memory.db", capacity=3) as store:
        for n in range(3):
            store.put(ANA, str(n), {"content": f"small talk {n}", "importance": 0.0})
        store.recall(ANA, "anything")
        assert {"vital", "1", "2"} == warm_keys(store)
        store._check()


def test_the_peek_compares_warm_items_with_cold_ones(tmp_path: Path) -> None:
    """A query about something cold is a miss, although the warm tier has an answer of its own."""
    with WarmStore.open(tmp_path / "memory.db", capacity=2, eviction="fifo") as store:
        store.put(ANA, "cold", {"content": "Bruno the dog likes chess"})
        store.put(ANA, "warm1", {"content": "chess"})
        store.put(ANA, "warm2", {"content": "violins"})
        store.recall(ANA, "anything")
        missed = store.recall(ANA, "Bruno the dog")
        assert missed.signals is not None
        assert ("long_term", ["cold"]) == (missed.tier, [item.key for item in missed.items])
        assert (missed.signals.best_cold or 0) > (missed.signals.best_warm or 0)
        assert (2, 3) == (missed.signals.warm_items, missed.signals.items)
        hit = store.recall(ANA, "violins")
        assert ("warm", ["warm2"]) == (hit.tier, [item.key for item in hit.items])


def test_a_router_of_ones_own_decides(tmp_path: Path) -> None:
    """A router given to the store, or to one recall, is asked instead."""
    with WarmStore.open(tmp_path / "memory.db", router=Router(hit=True)) as store:
        fill(store)
        assert "warm" == store.recall(ANA, "dog").tier
        assert "long_term" == store.recall(ANA, "dog", router=Router(hit=False)).tier
        assert isinstance(WarmStore().router, PeekRouter)


def test_with_a_filter_cold_items_cannot_be_judged(tmp_path: Path) -> None:
    """The peek sees words, not values: with a filter it is a hit only when nothing is cold."""
    with WarmStore.open(tmp_path / "memory.db", capacity=2, eviction="fifo") as store:
        fill(store)
        store.recall(ANA, "chess")
        cold = store.recall(ANA, "chess in the park", filter={"content": FACTS["sport"]})
        assert cold.signals is not None
        assert ("long_term", False, ["sport"]) == (cold.tier, cold.signals.can_peek, [item.key for item in cold.items])
    store = WarmStore()
    fill(store)
    assert "warm" == store.recall(ANA, "chess in the park", filter={"content": FACTS["sport"]}).tier


def test_being_warm_changes_no_answer(tmp_path: Path) -> None:
    """Search, get and the long-term recall answer alike with a tier of one item, of many, and without one."""
    with RoutedStore(tmp_path / "memory.db") as routed:
        fill(routed)
        expected = routed.recall_long_term(ANA, "old violins and chess").items
        for capacity in (1, 3, 100):
            store = WarmStore(routed, capacity=capacity)
            store.recall(ANA, "warm it up")
            assert expected == store.recall_long_term(ANA, "old violins and chess").items
            assert routed.search(ANA, query="train") == store.search(ANA, query="train")
            assert [routed.get(ANA, key) for key in FACTS] == [store.get(ANA, key) for key in FACTS]
            store._check()


def test_promotion_makes_warm_what_the_long_term_tier_found(tmp_path: Path) -> None:
    """With `promote`, a miss warms what it returns; by default it does not."""
    for promote in (False, True):
        with WarmStore.open(tmp_path / f"{promote}.db", capacity=2, eviction="lru", promote=promote) as store:
            fill(store)
            store.recall(ANA, "warm it up")
            assert {"trip", "sport"} == warm_keys(store)
            assert ["dog"] == [item.key for item in store.recall(ANA, "dog").items]
            assert promote == ("dog" in warm_keys(store))
            store._check()


def test_nothing_is_embedded_where_words_are_clear() -> None:
    """A recall embeds its query when the best warm items are close, or where the store is told to embed all."""
    embeddings = FakeEmbeddings(8)
    index: Any = {"dims": 8, "embed": embeddings, "fields": ["content"]}
    store = WarmStore(index=index)
    store.put(ANA, "dog", {"content": "My dog is called Bruno."})
    store.put(ANA, "work", {"content": "I repair violins."})
    assert ["dog"] == [item.key for item in store.recall(ANA, "a dog called Bruno").items if (item.score or 0) > 0.2]
    assert [] == embeddings.queries
    store.put(ANA, "dog2", {"content": "Our dog is called Rex."})
    store.recall(ANA, "a dog called what?")
    assert ["a dog called what?"] == embeddings.queries
    store.recall(ANA, "a dog called what?")
    store.search(ANA, query="a dog called what?")
    assert 1 == len(embeddings.queries)
    eager = WarmStore(index=index, clear_lead=2)
    eager.put(ANA, "dog", {"content": "My dog is called Bruno."})
    eager.recall(ANA, "a dog called Bruno")
    assert "a dog called Bruno" == embeddings.queries[-1]


@pytest.mark.parametrize("lead", [-0.1, float("nan"), "0.1", None, True])
def test_a_lead_that_means_nothing_is_refused(lead: Any) -> None:
    """`clear_lead` is a number of at least 0."""
    with pytest.raises(InvalidArgumentError, match="clear_lead"):
        WarmStore(clear_lead=lead)
