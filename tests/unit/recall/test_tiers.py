"""Recall on any store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import RouteDecision, Signals
from warmgraph.recall import recall, recall_long_term, recall_warm
from warmgraph.store import WarmStore

Call = Callable[..., Any]

ANA = ("memories", "ana")
FACTS = {
    "home": "I live in Lisbon, near the river.",
    "dog": "My dog is called Bruno.",
    "work": "I repair old violins for a living.",
    "food": "I am allergic to peanuts.",
    "trip": "Next summer I travel to Norway by train.",
    "sport": "On Sundays I play chess in the park.",
}


class Always:
    """A router that has made up its mind, and notes what it saw."""

    def __init__(self, hit: bool) -> None:
        self.hit = hit
        self.seen: list[Signals] = []

    def decide(self, signals: Signals) -> RouteDecision:
        """Decide as told."""
        self.seen.append(signals)
        return RouteDecision(self.hit, 1.0, "told so", signals)


def fill(store: BaseStore, namespace: tuple[str, ...] = ANA) -> None:
    """Remember some facts."""
    for key, content in FACTS.items():
        store.put(namespace, key, {"content": content}, index=["content"])


def indexed() -> InMemoryStore:
    """Return a store of LangGraph's that ranks."""
    return InMemoryStore(index={"embed": HashingEmbeddings(), "dims": 512, "fields": ["content"]})


def keys(found: Any) -> list[str]:
    """Return the keys of a recall."""
    return [item.key for item in found.items]


class TestWithoutAWarmTier:
    def test_nothing_is_warm_and_the_signals_say_so(self, call: Call, plain: BaseStore) -> None:
        """A store without a warm tier gives no warm memories and no cause for a hit."""
        fill(plain)
        found = call(recall_warm, plain, ANA, "Where do I live?")
        assert [] == found.items
        assert Signals(None, None, 0, 0, resident=False, can_peek=False) == found.signals

    def test_recall_always_falls_back(self, call: Call) -> None:
        """The default router misses, and the store's own search answers."""
        store = indexed()
        fill(store)
        found = call(recall, store, ANA, "allergic to peanuts", limit=2)
        assert ("long_term", False, "food", 2) == (
            found.tier,
            found.decision.hit,
            found.items[0].key,
            len(found.items),
        )

    def test_scores_are_those_of_the_store(self, call: Call) -> None:
        """What the store says of an item is passed on unchanged."""
        store = indexed()
        fill(store)
        expected = [(item.key, item.score) for item in store.search(ANA, query="peanuts", limit=3)]
        found = call(recall_long_term, store, ANA, "peanuts", limit=3)
        assert expected == [(item.key, item.score) for item in found.items]

    def test_namespaces_below_are_left_out(self, call: Call) -> None:
        """A recall is of one namespace, though the search of other stores is of a prefix."""
        store = indexed()
        fill(store)
        for number in range(40):
            store.put((*ANA, "drafts"), f"draft-{number}", {"content": "peanuts peanuts peanuts"})
        found = call(recall_long_term, store, ANA, "peanuts", limit=3)
        assert 3 == len(found.items)
        assert {ANA} == {item.namespace for item in found.items}
        assert "food" == found.items[0].key

    def test_a_crowd_below_does_not_search_without_end(self, call: Call) -> None:
        """What hides behind very many better matches of other namespaces is given up on."""
        store = indexed()
        fill(store)
        for number in range(300):
            store.put((*ANA, "drafts"), f"draft-{number}", {"content": "peanuts"})
        assert [] == call(recall_long_term, store, ANA, "peanuts", limit=1).items

    def test_filters_are_those_of_the_store(self, call: Call, plain: BaseStore) -> None:
        """A filter reaches the store."""
        fill(plain)
        plain.put(ANA, "cat", {"content": "My cat is called Mia.", "role": "user"})
        found = call(recall_long_term, plain, ANA, "cat", filter={"role": "user"})
        assert ["cat"] == keys(found)


class TestWithAWarmTier:
    def test_the_warm_tier_answers_from_what_is_warm(self, call: Call, warm: WarmStore) -> None:
        """Only the last four of six items are warm."""
        fill(warm)
        found = call(recall_warm, warm, ANA, "Bruno violins peanuts Norway chess Lisbon")
        assert "warm" == found.tier
        assert 4 == len(found.items) == found.signals.warm_items
        assert 6 == found.signals.items

    def test_the_long_term_tier_answers_from_everything(self, call: Call, warm: WarmStore) -> None:
        """What was evicted is found."""
        fill(warm)
        evicted = set(FACTS) - set(keys(call(recall_warm, warm, ANA, " ".join(FACTS.values()))))
        assert 2 == len(evicted)
        for key in evicted:
            found = call(recall_long_term, warm, ANA, FACTS[key])
            assert ("long_term", key) == (found.tier, found.items[0].key)

    @pytest.mark.parametrize(("hit", "tier"), [(True, "warm"), (False, "long_term")])
    def test_the_router_decides(self, call: Call, warm: WarmStore, hit: bool, tier: str) -> None:
        """A router of one's own sees the signals and has the last word."""
        fill(warm)
        router = Always(hit)
        found = call(recall, warm, ANA, "Norway by train", router=router)
        assert tier == found.tier
        assert [found.signals] == router.seen
        assert "told so" == found.decision.reason

    def test_a_filter_holds_in_both_tiers(self, call: Call, warm: WarmStore) -> None:
        """No tier returns what the filter does not match."""
        fill(warm)
        warm.put(ANA, "cat", {"content": "My cat is called Mia.", "role": "user"})
        for tier in (recall_warm, recall_long_term):
            assert ["cat"] == keys(call(tier, warm, ANA, "cat called Mia", filter={"role": "user"}))


class TestExclude:
    @pytest.mark.parametrize("tier", [recall_warm, recall_long_term])
    def test_excluded_keys_are_not_returned_and_others_move_up(self, call: Call, warm: WarmStore, tier: Call) -> None:
        """Excluding the best leaves the limit to the next best."""
        fill(warm)
        query = "train chess peanuts violins"
        everything = keys(call(tier, warm, ANA, query, limit=10))
        assert everything[1:3] == keys(call(tier, warm, ANA, query, limit=2, exclude=everything[:1]))

    def test_other_stores_exclude_too(self, call: Call) -> None:
        """A store that knows nothing of it gives the next best."""
        store = indexed()
        fill(store)
        everything = keys(call(recall_long_term, store, ANA, "I am allergic", limit=6))
        assert everything[2:4] == keys(call(recall, store, ANA, "I am allergic", limit=2, exclude=set(everything[:2])))

    def test_a_hit_is_never_owed_to_what_is_excluded(self, call: Call, warm: WarmStore) -> None:
        """When the best warm item does not count, cold ones are asked: otherwise a thread's own words would answer."""
        fill(warm)
        call(recall_warm, warm, ANA, "the first touch of a namespace is a miss")
        counted = call(recall, warm, ANA, FACTS["sport"])
        assert ("warm", "sport") == (counted.tier, counted.items[0].key)
        excluded = call(recall, warm, ANA, FACTS["sport"], exclude={"sport"})
        assert "long_term" == excluded.tier
        assert "sport" not in keys(excluded)

    def test_excluding_all_that_is_warm_still_hits_when_nothing_is_cold(self, call: Call, warm: WarmStore) -> None:
        """A long-term tier that holds nothing more need not be asked."""
        warm.put(ANA, "sport", {"content": FACTS["sport"]})
        call(recall, warm, ANA, "chess")
        found = call(recall, warm, ANA, "chess", exclude={"sport"})
        assert ("warm", []) == (found.tier, found.items)


@pytest.mark.parametrize("function", [recall, recall_warm, recall_long_term])
@pytest.mark.parametrize("arguments", [{"limit": 0}, {"limit": True}, {"namespace": ()}, {"namespace": "memories"}])
def test_bad_arguments_are_refused(call: Call, plain: BaseStore, function: Call, arguments: dict[str, Any]) -> None:
    """A recall without a namespace would be one of everybody's memories."""
    given = {"namespace": ANA, "query": "query", **arguments}
    with pytest.raises(InvalidArgumentError):
        call(function, plain, **given)
