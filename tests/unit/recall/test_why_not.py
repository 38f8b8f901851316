"""Why a memory was not recalled, on every kind of store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.warm_facts import ANA, FACTS
from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import PeekRouter
from warmgraph.recall import WhyNot, awhy_not, why_not
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ManualClock

Ask = Callable[..., WhyNot]


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask on this thread, or on an event loop."""

    def on_a_loop(*args: Any, **options: Any) -> WhyNot:
        return asyncio.run(awhy_not(*args, **options))

    return why_not if request.param == "sync" else on_a_loop


@pytest.fixture(params=["plain", "memory", "file", "warm_over_file", "warm_over_plain"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Stores of ours and of others, with six facts."""
    made: Any
    if request.param == "plain":
        made = InMemoryStore()
    elif request.param == "memory":
        made = WarmStore()
    elif request.param == "file":
        made = RoutedStore(tmp_path / "memory.db")
    elif request.param == "warm_over_file":
        made = WarmStore.open(tmp_path / "memory.db")
    else:
        made = WarmStore(InMemoryStore())
    for key, text in FACTS.items():
        made.put(ANA, key, {"content": text, "about": key})
    yield made
    if hasattr(made, "close"):
        made.close()


def test_what_any_store_can_tell(ask: Ask, store: BaseStore) -> None:
    """No such key, excluded, filtered out, not trusted, or recalled after all."""
    query = "What is the dog called?"
    assert "unknown" == ask(store, ANA, query, "nothing").reason
    assert "excluded" == ask(store, ANA, query, "dog", exclude=["dog"]).reason
    told = ask(store, ANA, query, "dog", filter={"about": "home"})
    assert ("filter", "it does not match {'about': 'home'}") == (told.reason, told.detail)
    found = ask(store, ANA, query, "dog")
    assert ("recalled", "dog") == (found.reason, found.key)
    store.put(ANA, "bad", {"content": "The dog is called Rex.", "trust": 0})
    assert "quarantined" == ask(store, ANA, query, "bad").reason


def test_what_was_outranked_says_by_whom() -> None:
    """With the place, the score and what it is made of, of both."""
    with WarmStore() as store:
        store.put(ANA, "dog", {"content": "The dog is called Bruno."})
        store.put(ANA, "walk", {"content": "I walk the dog in the park every day after work, when it does not rain."})
        told = why_not(store, ANA, "What is the dog called?", "walk", limit=1)
    assert ("outranked", 2, "warm") == (told.reason, told.rank, told.tier)
    (by,) = told.outranked_by
    assert "dog" == by.key
    assert told.score is not None
    assert by.score is not None
    assert told.score < by.score
    assert told.parts is not None
    assert told.parts["lexical"] < by.parts["lexical"]
    assert told.score == pytest.approx(told.parts["total"], abs=1e-5)
    assert {"total", "lexical", "question_penalty", "length_weight"} <= told.parts.keys()
    assert f"with {told.score:.3f}" in told.detail


def test_nothing_speaks_for_it(ask: Ask) -> None:
    """A memory without a word of the query is no match."""
    with WarmStore() as store:
        store.put(ANA, "home", {"content": FACTS["home"]})
        store.put(ANA, "dog", {"content": FACTS["dog"]})
        assert "no_match" == ask(store, ANA, "dog", "home").reason


def test_a_cold_memory_behind_a_hit_is_told(tmp_path: Path, ask: Ask) -> None:
    """The router took the warm tier for enough; the long-term tier has it."""
    with WarmStore.open(tmp_path / "memory.db", capacity=1, eviction="fifo") as store:
        store.put(ANA, "old", {"content": "The dog is called Bruno."})
        store.put(ANA, "new", {"content": "The dog is called Rex now."})
        store.recall_warm(ANA, "dog")
        told = ask(store, ANA, "What is the dog called?", "old", router=PeekRouter(-1))
    assert ("cold", "warm") == (told.reason, told.tier)
    assert told.decision is not None
    assert told.decision.reason in told.detail


def test_an_echo_and_a_weak_memory_are_told(ask: Ask) -> None:
    """A duplicate of a better one, and one below the threshold."""
    with WarmStore() as store:
        store.put(ANA, "a", {"content": "The dog is called Bruno."})
        store.put(ANA, "b", {"content": "The dog is called Bruno."})
        store.put(ANA, "c", {"content": "I have a dog and a house and a garden and a boat and many books."})
        reasons = {ask(store, ANA, "What is the dog called?", key).reason for key in ("a", "b")}
        assert {"recalled", "duplicate"} == reasons
        assert "low_score" == ask(store, ANA, "What is the dog called?", "c", min_score=0.9).reason


def test_what_has_expired_is_told_where_it_is_known(ask: Ask) -> None:
    """Its time to live is over, and it was not swept yet."""
    clock = ManualClock()
    with WarmStore(RoutedStore(":memory:", clock=clock)) as store:
        store.put(ANA, "dog", {"content": FACTS["dog"]}, ttl=1)
        store.recall_warm(ANA, "dog")
        clock.advance(minutes=2)
        assert "expired" == ask(store, ANA, "dog", "dog").reason


def test_a_bad_argument_is_named(store: BaseStore) -> None:
    """Typed errors, as of a recall."""
    with pytest.raises(InvalidArgumentError, match="namespace"):
        why_not(store, (), "dog", "dog")
    with pytest.raises(InvalidArgumentError, match="limit"):
        why_not(store, ANA, "dog", "dog", limit=0)
